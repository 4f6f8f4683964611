//! TLS of the daemon's own port: who it is. Who is trusted stands in [`secretary_transport::tls`].

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;

pub use secretary_transport::tls::{Identity, TlsError};

/// A server that shows `identity`.
pub(crate) fn server(identity: &Identity) -> Result<ServerConfig, TlsError> {
    let (chain, key) = identity.load()?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| identity.unfit(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
