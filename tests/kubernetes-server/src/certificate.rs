//! An authority made for one server, and a certificate of it, good or bad.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// The certificate of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// For 127.0.0.1 and localhost.
    Good,
    /// The same, until the year 2000.
    Expired,
    /// For the address that the API has in many clusters, and not this one.
    OfAnotherAddress,
    /// Of an authority that is not the one in `ca.crt`.
    OfAnotherAuthority,
}

/// A server with that certificate, and the authority that a pod is told of.
pub(crate) fn made(certificate: Certificate) -> (Arc<ServerConfig>, String) {
    let told = authority();
    let ca = told.pem();
    let signer = if certificate == Certificate::OfAnotherAuthority { authority() } else { told };
    let names = match certificate {
        Certificate::OfAnotherAddress => vec!["10.96.0.1".to_string()],
        _ => vec!["127.0.0.1".to_string(), "localhost".to_string()],
    };
    let mut params = CertificateParams::new(names).expect("names of hosts");
    if certificate == Certificate::Expired {
        params.not_after = date_time_ymd(2000, 1, 1);
    }
    (config(&params, &signer), ca)
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).expect("no names are good names");
    params.distinguished_name.push(DnType::CommonName, "kubernetes");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().expect("random bytes");
    CertifiedIssuer::self_signed(params, key).expect("a key that signs")
}

fn config(
    params: &CertificateParams,
    signer: &CertifiedIssuer<'static, KeyPair>,
) -> Arc<ServerConfig> {
    let key = KeyPair::generate().expect("random bytes");
    let signed = params.signed_by(&key, signer).expect("a key that signs");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that rustls has")
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key.into());
    Arc::new(config.expect("a certificate and its key"))
}
