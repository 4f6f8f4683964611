//! As much of HTTP's other end as a stub of AWS KMS needs, over any stream.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `METHOD /path`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A status and a body.
pub(crate) type Answer = (u16, String);

impl Request {
    /// The value of a header, empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(&name.to_lowercase()).map_or("", String::as_str)
    }

    /// The next request, unless the connection ended.
    fn read(stream: &mut impl BufRead) -> Option<Self> {
        let line = read_line(stream)?;
        let mut words = line.split(' ');
        let line = format!("{} {}", words.next()?, words.next()?);
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = read_line(stream)?.split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_string());
        }
        let len = headers.get("content-length").map_or(Ok(0), |len| len.parse());
        let mut body = vec![0; len.expect("a length")];
        stream.read_exact(&mut body).ok()?;
        Some(Self { line, headers, body })
    }
}

fn read_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    let len = stream.read_line(&mut line).ok()?;
    (len > 0).then(|| line.trim_end().to_string())
}

/// Answers all requests of one connection.
pub(crate) fn serve(stream: impl Read + Write, mut answer: impl FnMut(Request) -> Answer) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = Request::read(&mut stream) {
        let (status, body) = answer(request);
        let head = format!(
            "HTTP/1.1 {status} -\r\nContent-Type: application/x-amz-json-1.1\r\nX-Aws-Ec2-Metadata-Token-Ttl-Seconds: 60\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let stream = stream.get_mut();
        if stream.write_all((head + &body).as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// Passes each connection to a port of 127.0.0.1 on to `serve`, each in a thread of its own, and gives
/// the port. It listens until the tests are over.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// What AWS KMS answers with one data key for everything.
pub(crate) fn answer_with(data_key: &[u8], wrapped_key: &[u8], request: &Request) -> Answer {
    let plaintext = STANDARD.encode(data_key);
    let key = "arn:aws:kms:us-east-1:000000000000:key/stub";
    let answer = match request.header("X-Amz-Target") {
        "TrentService.GenerateDataKey" => {
            let wrapped = STANDARD.encode(wrapped_key);
            json!({"CiphertextBlob": wrapped, "Plaintext": plaintext, "KeyId": key})
        }
        "TrentService.Decrypt" => json!({"Plaintext": plaintext, "KeyId": key}),
        other => panic!("{other:?} is not asked by the Go program"),
    };
    (200, answer.to_string())
}
