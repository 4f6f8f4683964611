//! An authority made for one run, and certificates of it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::client::WantsClientCert;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};

/// Who signs certificates.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// A client that trusts it.
    pub(crate) trusting: Arc<ClientConfig>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names are good names");
        params.distinguished_name.push(DnType::CommonName, "this run");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("random bytes");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a key that signs");
        let trusting = Arc::new(trusting(&issuer).with_no_client_auth());
        Self { issuer, trusting }
    }

    /// Its certificate, in PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A client that shows a certificate of `signer` with these names, of which those after `uri:` are URIs.
    pub(crate) fn client(&self, names: &[&str], signer: &Self) -> Arc<ClientConfig> {
        let mut params = CertificateParams::new([]).expect("no names are good names");
        params.subject_alt_names = names.iter().map(|name| alternative(name)).collect();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("random bytes");
        let signed = params.signed_by(&key, &signer.issuer).expect("a key that signs");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config =
            trusting(&self.issuer).with_client_auth_cert(vec![signed.der().clone()], key.into());
        Arc::new(config.expect("a certificate and its key"))
    }

    /// A certificate for 127.0.0.1, and its key, in PEM.
    pub(crate) fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().expect("random bytes");
        let params = CertificateParams::new(["127.0.0.1".to_string()]).expect("a name");
        let signed = params.signed_by(&key, &self.issuer).expect("a key that signs");
        (signed.pem(), key.serialize_pem())
    }
}

fn trusting(
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).expect("a good certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that rustls has")
        .with_root_certificates(roots)
}

fn alternative(name: &str) -> SanType {
    let text = |text: &str| text.try_into().expect("ASCII");
    match name.strip_prefix("uri:") {
        Some(uri) => SanType::URI(text(uri)),
        None => SanType::DnsName(text(name)),
    }
}
