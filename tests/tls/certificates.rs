//! An authority made for one run, and certificates of it, good and bad.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, SupportedProtocolVersion};

/// Who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// One that nobody trusts yet.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names are good names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("random bytes");
        Self(CertifiedIssuer::self_signed(params, key).expect("a key that signs"))
    }

    /// Its certificate, for those who are to trust it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate of this authority that speaks these versions of TLS.
    pub(crate) fn server(
        &self,
        certificate: CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("random bytes");
        let signed = certificate.signed_by(&key, &self.0).expect("a key that signs");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions that rustls has")
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key.into());
        Arc::new(config.expect("a certificate and its key"))
    }
}

/// A certificate for these names.
pub(crate) fn certificate(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    CertificateParams::new(names).expect("names of hosts")
}

/// One that was good until the year 2000.
pub(crate) fn expired(names: &[&str]) -> CertificateParams {
    let mut certificate = certificate(names);
    certificate.not_after = date_time_ymd(2000, 1, 1);
    certificate
}

/// One that will be good.
pub(crate) fn not_yet_valid(names: &[&str]) -> CertificateParams {
    let mut certificate = certificate(names);
    certificate.not_before = date_time_ymd(4000, 1, 1);
    certificate
}
