//! The whole server, over its socket, with requests as bytes.

mod answers;
mod broken;
mod record;
mod sources;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Server, clock};

/// Long enough for a loaded machine, short enough to see what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that sends requests and reads answers by their length.
struct Client(BufReader<TcpStream>);

impl Client {
    fn of(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends a request and reads its answer: status, head, body.
    fn ask(&mut self, request: &str) -> (u16, String, String) {
        self.send(request);
        let head = self.head();
        let length = head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        (head[9..12].parse().unwrap(), head, String::from_utf8(body).unwrap())
    }

    fn send(&mut self, request: &str) {
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        }
        head
    }

    /// Everything up to the end of the connection.
    fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap()
    }
}

/// A request to KMS that is signed, as far as its shape goes.
fn signed(path: &str, operation: &str, body: &Value) -> String {
    signed_for("eu-west-1", path, operation, body)
}

fn signed_for(region: &str, path: &str, operation: &str, body: &Value) -> String {
    let time = clock::basic(clock::now());
    let (date, signature, body) = (&time[..8], "5a".repeat(32), body.to_string());
    format!(
        "POST /{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: TrentService.{operation}\r\nX-Amz-Date: {time}\r\nX-Amz-Security-Token: session\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIDTEST/{date}/{region}/kms/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request without a body and with some headers.
fn plain(line: &str, headers: &[&str]) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")
}

fn generate(path: &str) -> String {
    signed(path, "GenerateDataKey", &json!({"KeyId": "alias/app", "NumberOfBytes": 32}))
}

fn parsed(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| panic!("no JSON: {body}"))
}
