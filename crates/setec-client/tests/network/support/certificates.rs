//! An authority, and what it signs, good and bad.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use secretary_setec_client::Identity;
use tempfile::TempDir;

/// An authority, with a folder for its files.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// Whether callers have to show a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Callers {
    Anybody,
    WithCertificate,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("random bytes");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a key that signs");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("room");
        Self { issuer, folder }
    }

    /// Its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("ca.pem")
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A server with these names.
    pub(crate) fn server(&self, names: &[&str], callers: Callers) -> ServerConfig {
        self.config(params(names), callers)
    }

    /// One whose certificate has expired.
    pub(crate) fn expired(&self, names: &[&str]) -> ServerConfig {
        let mut params = params(names);
        params.not_after = date_time_ymd(2000, 1, 1);
        self.config(params, Callers::Anybody)
    }

    fn config(&self, params: CertificateParams, callers: Callers) -> ServerConfig {
        let key = KeyPair::generate().expect("random bytes");
        let signed = params.signed_by(&key, &self.issuer).expect("a key that signs");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions that rustls has");
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("a certificate");
        let config = match callers {
            Callers::Anybody => config.with_no_client_auth(),
            Callers::WithCertificate => config.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .expect("an authority"),
            ),
        };
        config
            .with_single_cert(vec![signed.der().clone()], key.into())
            .expect("a certificate and its key")
    }

    /// What a caller shows.
    pub(crate) fn identity(&self) -> Identity {
        let mut params = params(&["caller.example"]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("random bytes");
        let signed = params.signed_by(&key, &self.issuer).expect("a key that signs");
        let identity = Identity {
            certificates: self.path().join("caller.pem"),
            key: self.path().join("caller.key"),
        };
        std::fs::write(&identity.certificates, signed.pem()).expect("room");
        std::fs::write(&identity.key, key.serialize_pem()).expect("room");
        identity
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| (*name).to_string()).collect();
    CertificateParams::new(names).expect("names of hosts")
}
