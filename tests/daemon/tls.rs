//! The daemon behind TLS: which versions it speaks, which files it starts with, and a client that trusts it.
//!
//! The Go program speaks TLS 1.0 to 1.3, and without a word none at all when one of the two files is missing.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::{Daemon, Ended};
use crate::exchange::Answer;
use crate::our_client::{FAILED, LITTLE_TIME};
use crate::program::{Run, environ, run};
use crate::recorded::{DAEMON, constant};
use crate::surroundings::Surroundings;

const STATUS: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";

/// A certificate that stands for itself, and its key, in files.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let names = ["127.0.0.1".to_string(), "localhost".to_string()];
        let made = rcgen::generate_simple_self_signed(names).expect("names and random bytes");
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("room");
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("room");
        Self(folder)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path that is text").to_string()
    }

    fn arguments(&self) -> [String; 4] {
        let [cert, key] = ["cert.pem", "key.pem"].map(|name| self.path(name));
        ["--tls-cert-file".into(), cert, "--tls-key-file".into(), key]
    }
}

/// The case whose cluster and keys are used here.
pub(crate) fn case() -> &'static Value {
    &DAEMON["cases"][0]
}

pub(crate) fn start(surroundings: &Surroundings, more: &[String]) -> Result<Daemon, Ended> {
    let arguments = [&surroundings.arguments(case()), more].concat();
    Daemon::start(&surroundings.environ(case()), &arguments)
}

#[test]
fn speaks_tls_1_2_and_1_3() {
    let (files, surroundings) = (Files::new(), Surroundings::of(case()));
    let daemon = start(&surroundings, &files.arguments()).expect("it starts");
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)]
    {
        let (agreed, answer) = ask_status(&files, daemon.port, version);
        assert_eq!(agreed, Some(name));
        let json: Value = serde_json::from_slice(&answer.body).expect("JSON");
        assert_eq!((answer.status, &json["Status"]), (200, &"OK".into()));
    }
}

fn ask_status(
    files: &Files,
    port: u16,
    version: &'static SupportedProtocolVersion,
) -> (Option<ProtocolVersion>, Answer) {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(files.path("cert.pem")).expect("PEM");
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a version that rustls has")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a good configuration");
    let socket = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let mut stream = StreamOwned::new(connection, socket);
    stream.write_all(STATUS).expect("a handshake");
    let answer = Answer::read(BufReader::new(&mut stream), false);
    (stream.conn.protocol_version(), answer)
}

/// rustls itself can't ask for them, so the first message is made by hand. With version 1.2 in it, it is a good one.
#[test]
fn refuses_tls_1_0_and_1_1() {
    const HANDSHAKE: u8 = 22;
    const ALERT: u8 = 21;
    const PROTOCOL_VERSION: u8 = 70;
    let (files, surroundings) = (Files::new(), Surroundings::of(case()));
    let daemon = start(&surroundings, &files.arguments()).expect("it starts");
    let answered = |minor: u8| {
        let mut socket = TcpStream::connect(("127.0.0.1", daemon.port)).expect("it listens");
        socket.write_all(&client_hello(minor)).expect("it reads");
        // Type, version and length of a record, and the two bytes of an alert.
        let mut record = [0; 7];
        socket.read_exact(&mut record).expect("an answer");
        record
    };
    assert_eq!(answered(3)[0], HANDSHAKE);
    for minor in [1, 2] {
        let record = answered(minor);
        assert_eq!((record[0], record[6]), (ALERT, PROTOCOL_VERSION), "{record:?}");
    }
}

/// The first message of a client that knows nothing newer than TLS 1.`minor - 1` (RFC 5246, section 7.4.1.2).
fn client_hello(minor: u8) -> Vec<u8> {
    const SUITES: &[u8] = b"\0\x0a\xc0\x2b\xc0\x2f\xc0\x09\xc0\x13\x00\x2f";
    const EXTENSIONS: [&[u8]; 3] = [
        // Curves: X25519, P-256; points: not compressed; signatures: ECDSA and RSA-PSS with SHA-256.
        b"\0\x0a\0\x06\0\x04\0\x1d\0\x17",
        b"\0\x0b\0\x02\x01\0",
        b"\0\x0d\0\x06\0\x04\x04\x03\x08\x04",
    ];
    let extensions = EXTENSIONS.concat();
    let message = [
        &[3, minor],
        [0x5a; 32].as_slice(),
        b"\0",
        SUITES,
        b"\x01\0",
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]
    .concat();
    let length = |length: usize| (length as u16).to_be_bytes();
    [
        b"\x16\x03\x01".as_slice(),
        &length(message.len() + 4),
        b"\x01\0",
        &length(message.len()),
        &message,
    ]
    .concat()
}

#[test]
fn does_not_start_with_half_a_pair_of_files() {
    let (files, surroundings) = (Files::new(), Surroundings::of(case()));
    let [cert_flag, cert, key_flag, key] = files.arguments();
    for (half, words) in [([&cert_flag, &cert], "key"), ([&key_flag, &key], "cert")] {
        let Err(ended) = start(&surroundings, &half.map(String::clone)) else {
            panic!("it starts with {half:?}");
        };
        assert!(matches!(ended.code, Some(2 | 3)), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}

#[test]
fn a_client_asks_over_tls_where_it_trusts_the_certificate() {
    let (files, surroundings) = (Files::new(), Surroundings::of(case()));
    let daemon = start(&surroundings, &files.arguments()).expect("it starts");
    let https = format!("https://127.0.0.1:{}", daemon.port);
    let good = decrypt(files.0.path(), &https, &["--ca-file", "cert.pem"]);
    assert_eq!((good.code, good.stdout.as_slice()), (0, b"secret".as_slice()), "{good:?}");
    let asked = surroundings.asked();
    for (url, why) in [(&https, "unknown"), (&https.replace("https", "http"), "no TLS")] {
        let run = decrypt(files.0.path(), url, LITTLE_TIME);
        assert_eq!((run.code, run.stdout.as_slice()), (FAILED, b"".as_slice()), "{why}: {run:?}");
    }
    assert_eq!(surroundings.asked(), asked, "nothing is asked for whoever is not answered");
}

pub(crate) fn decrypt(folder: &Path, url: &str, more: &[&str]) -> Run {
    let words = ["decrypt", "-s", url, "--app-id", "/demo/webapp", "--app-version"];
    let more = [&words, [constant("VER"), "--task-id", constant("TASK")].as_slice(), more].concat();
    run(folder, &environ(&case()["client"]), &more, constant("SECRET").as_bytes())
}
