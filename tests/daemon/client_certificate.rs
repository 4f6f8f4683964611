//! A client that shows a certificate, to what is before the daemon and asks for one.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::daemon::Daemon;
use crate::our_client::FAILED;
use crate::surroundings::Surroundings;
use crate::tls::{Files, case, decrypt, start};

#[test]
fn a_client_shows_its_certificate_to_who_asks_for_it() {
    let (server, client, surroundings) = (Files::new(), Files::new(), Surroundings::of(case()));
    let daemon = start(&surroundings, &[]).expect("it starts");
    let port = door(&server, &client, &daemon);
    let url = format!("https://127.0.0.1:{port}");
    let trusted = ["--ca-file", &server.path("cert.pem"), "--timeout", "5"];
    let (cert, key) = (client.path("cert.pem"), client.path("key.pem"));
    let shown = [trusted.as_slice(), &["--client-cert", &cert, "--client-key", &key]].concat();
    let good = decrypt(client.folder(), &url, &shown);
    assert_eq!((good.code, good.stdout.as_slice()), (0, b"secret".as_slice()), "{good:?}");
    let asked = surroundings.asked();
    let none = decrypt(client.folder(), &url, &trusted);
    assert_eq!((none.code, none.stdout.as_slice()), (FAILED, b"".as_slice()), "{none:?}");
    assert_eq!(surroundings.asked(), asked, "nobody else comes through");
}

/// Lets those through to the daemon who show the client's certificate.
fn door(server: &Files, client: &Files, daemon: &Daemon) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (config, inside) = (config(server, client), daemon.port);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).expect("a good configuration");
            let mut stream = BufReader::new(StreamOwned::new(connection, stream));
            // Who shows none has no handshake.
            while let Some(request) = message(&mut stream) {
                let mut daemon = TcpStream::connect(("127.0.0.1", inside)).expect("it listens");
                daemon.write_all(&request).expect("it reads");
                let answer = message(&mut BufReader::new(daemon)).expect("an answer");
                stream.get_mut().write_all(&answer).expect("the client reads");
            }
        }
    });
    port
}

fn config(server: &Files, client: &Files) -> Arc<ServerConfig> {
    let certificate = |files: &Files| CertificateDer::from_pem_file(files.path("cert.pem"));
    let mut roots = RootCertStore::empty();
    roots.add(certificate(client).expect("PEM")).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that rustls has")
        .with_client_cert_verifier(verifier.build().expect("there is a root"));
    let key = fs::read(server.path("key.pem")).expect("it was written");
    let key = PrivateKeyDer::from_pem_slice(&key).expect("PEM");
    let chain = vec![certificate(server).expect("PEM")];
    Arc::new(config.with_single_cert(chain, key).expect("a certificate and its key"))
}

/// A request or an answer whose body has a length, or nothing when there is no other.
fn message(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut len = 0;
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&count| count > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().expect("a number");
        }
        bytes.extend_from_slice(line.as_bytes());
    }
    let start = bytes.len();
    bytes.resize(start + len, 0);
    reader.read_exact(&mut bytes[start..]).expect("the whole body");
    Some(bytes)
}
