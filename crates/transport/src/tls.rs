//! TLS 1.2 and 1.3 by rustls: who is trusted, and who one is oneself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use crate::certificates;

/// A certificate, the ones that lead from it to a trusted one, and its private key: two files in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The file of certificates.
    pub certificates: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
}

/// A file is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates.
    #[error("the certificates in {} can't be used: {why}", .file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
        /// Why, in words.
        why: String,
    },
    /// A file with a private key.
    #[error("the private key in {} can't be used: {why}", .file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// Why, in words.
        why: String,
    },
    /// The system has no certificates, and none were given.
    #[error("this machine has no trusted certificates")]
    NoRoots,
}

/// Who may sign the certificate of the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust<'a> {
    /// Whoever the system trusts, and those in this file.
    SystemAnd(Option<&'a Path>),
    /// Those in this file, and nobody else.
    Only(&'a Path),
}

/// A client that trusts nobody else, and shows `identity` to who asks.
///
/// # Errors
///
/// When a file is of no use, or nobody is trusted.
pub fn client(trust: Trust<'_>, identity: Option<&Identity>) -> Result<ClientConfig, TlsError> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_root_certificates(roots(trust)?);
    let Some(identity) = identity else { return Ok(config.with_no_client_auth()) };
    let (chain, key) = identity.load()?;
    config.with_client_auth_cert(chain, key).map_err(|error| identity.unfit(&error))
}

/// A client that is never to speak TLS. Reading the system's certificates takes time.
pub fn no_client() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

fn roots(trust: Trust<'_>) -> Result<RootCertStore, TlsError> {
    let mut roots = match trust {
        Trust::Only(path) => return read(path),
        Trust::SystemAnd(Some(path)) => read(path)?,
        Trust::SystemAnd(None) => RootCertStore::empty(),
    };
    // One that is broken must not keep the others from being used.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoRoots) } else { Ok(roots) }
}

fn read(path: &Path) -> Result<RootCertStore, TlsError> {
    let bundle = certificates::read(path);
    Ok(bundle.map_err(|why| TlsError::Certificates { file: path.to_path_buf(), why })?.roots)
}

/// A chain of certificates, and the key of the first.
type Loaded = (Vec<rustls::pki_types::CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Identity {
    /// Reads the two files.
    ///
    /// # Errors
    ///
    /// When one of them is of no use.
    pub fn load(&self) -> Result<Loaded, TlsError> {
        let chain = certificates::contents(&self.certificates)
            .and_then(|pem| certificates::parse(&pem))
            .map_err(|why| TlsError::Certificates { file: self.certificates.clone(), why })?;
        let bad = |why| TlsError::Key { file: self.key.clone(), why };
        let pem = Zeroizing::new(certificates::contents(&self.key).map_err(bad)?);
        let key = PrivateKeyDer::from_pem_slice(&pem);
        Ok((chain, key.map_err(|_| bad("there is no private key in it".to_string()))?))
    }

    /// What rustls has against the two.
    pub fn unfit(&self, error: &rustls::Error) -> TlsError {
        let why = match error {
            rustls::Error::InconsistentKeys(_) => "it is not that of the certificate",
            _ => "it is of no kind that is served",
        };
        TlsError::Key { file: self.key.clone(), why: why.to_string() }
    }
}
