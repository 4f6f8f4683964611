//! TLS of a server: the certificate that it shows, and whose certificates it believes.
//!
//! Both are files, which are read again when somebody says so.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use secretary_transport::certificates;
use tokio_rustls::TlsAcceptor;

pub use secretary_transport::tls::{Identity, TlsError};

/// Whose certificates are believed when clients show one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clients {
    /// A file in PEM with those who may sign them.
    pub authorities: PathBuf,
    /// Whether a client has to show one to get a connection.
    pub required: bool,
}

/// The certificate that is shown, which can be exchanged.
pub struct Tls {
    identity: Identity,
    clients: Option<Clients>,
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads `identity`, and those who sign clients' certificates. Without them no client is asked for one.
    ///
    /// # Errors
    ///
    /// When a file is of no use.
    pub fn new(identity: Identity, clients: Option<Clients>) -> Result<Self, TlsError> {
        let config = RwLock::new(Arc::new(config(&identity, clients.as_ref())?));
        Ok(Self { identity, clients, config })
    }

    /// Reads them again, for connections that are made from now on.
    ///
    /// # Errors
    ///
    /// When a file is of no use; what was read before stays then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = Arc::new(config(&self.identity, self.clients.as_ref())?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone().into()
    }
}

fn config(identity: &Identity, clients: Option<&Clients>) -> Result<ServerConfig, TlsError> {
    let (chain, key) = identity.load()?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_client_cert_verifier(match clients {
            Some(clients) => verifier(clients)?,
            None => WebPkiClientVerifier::no_client_auth(),
        })
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| identity.unfit(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn verifier(clients: &Clients) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let file = &clients.authorities;
    let unfit = |why| TlsError::Certificates { file: file.clone(), why };
    let roots = certificates::read(file).map_err(unfit)?.roots;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = if clients.required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|_| unfit("there is none in it that can sign".to_string()))
}
