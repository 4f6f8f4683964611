//! AWS KMS and STS as moto has them: an implementation that is not ours, in Python.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};

/// The one server of all tests.
pub(crate) static MOTO: LazyLock<Moto> = LazyLock::new(Moto::start);

/// The region that all keys are made in.
pub(crate) const REGION: &str = "eu-west-1";

/// Prints the port the system gave it, and serves until standard input ends: that is when the tests
/// end, however they do.
const SERVE: &str = r#"
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"#;

/// A running server with a key that has an alias.
pub(crate) struct Moto {
    address: String,
    pub(crate) key: String,
    pub(crate) arn: String,
    pub(crate) alias: &'static str,
}

impl Moto {
    fn start() -> Self {
        let python =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools/venv/bin/python");
        let mut child = Command::new(&python)
            .args(["-c", SERVE])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{python:?}: {error}; scripts/install test makes it"));
        let mut port = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut port).expect("readable");
        assert!(!port.is_empty(), "moto did not start; scripts/install test installs it");
        // Its standard input stays open for as long as this process lives.
        std::mem::forget(child);
        let mut moto = Self {
            address: format!("127.0.0.1:{}", port.trim()),
            key: String::new(),
            arn: String::new(),
            alias: "alias/app",
        };
        (moto.key, moto.arn) = moto.create_key();
        moto.ask("CreateAlias", &json!({"AliasName": moto.alias, "TargetKeyId": moto.key}));
        moto
    }

    /// Where it answers for every service.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a key: its id and its ARN.
    pub(crate) fn create_key(&self) -> (String, String) {
        let made = self.ask("CreateKey", &json!({}));
        let text = |name: &str| made["KeyMetadata"][name].as_str().expect("text").to_string();
        (text("KeyId"), text("Arn"))
    }

    /// One call to KMS, which has to succeed.
    pub(crate) fn ask(&self, operation: &str, body: &Value) -> Value {
        let body = body.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.{operation}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/{REGION}/kms/aws4_request, \
             SignedHeaders=host, Signature=0\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        let mut stream = TcpStream::connect(&self.address).expect("moto listens");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 200"), "{operation}: {answer}");
        match body.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(body).expect("JSON"),
        }
    }
}
