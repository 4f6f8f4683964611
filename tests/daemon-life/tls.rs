//! Certificates in the daemon's files, and a client that looks at them.

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::machine::{Daemon, Machine};

/// What a daemon shows them with.
pub(crate) const ARGUMENTS: [&str; 4] =
    ["--tls-cert-file", "certificate.pem", "--tls-key-file", "key.pem"];

/// Writes a certificate and its key into the files that the daemon reads.
pub(crate) fn make_certificate(machine: &Machine) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_string()]);
    let made = made.expect("a name and random bytes");
    machine.write("certificate.pem", made.cert.pem().as_bytes());
    machine.write("key.pem", made.signing_key.serialize_pem().as_bytes());
    CertificateDer::from_pem_slice(made.cert.pem().as_bytes()).expect("a certificate")
}

/// A connection to a daemon that shows the certificate which is in its file now.
pub(crate) fn connect(
    machine: &Machine,
    daemon: &Daemon,
) -> StreamOwned<ClientConnection, TcpStream> {
    let pem = fs::read(machine.path("certificate.pem")).expect("it was made");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).expect("a certificate")).expect("a good one");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that rustls has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a configuration");
    let mut stream = daemon.connect();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).expect("the certificate in the file");
    }
    StreamOwned::new(tls, stream)
}
