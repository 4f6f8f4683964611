//! One request as bytes, and its answer.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// Longer than a daemon waits for anybody.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u64,
    /// Names in lower case.
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Sends a request over a connection of its own and reads the answer.
    pub(crate) fn to(request: &[u8], port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        Self::over(stream.try_clone().expect("another handle"), stream, request)
    }

    /// The same over these two halves of a connection.
    fn over(mut writer: TcpStream, reader: TcpStream, request: &[u8]) -> Self {
        reader.set_read_timeout(Some(PATIENCE)).expect("a time");
        thread::scope(|scope| {
            // Who refuses a long request need not read it, so it may stay unsent.
            scope.spawn(move || writer.write_all(request));
            let answer = Self::read(BufReader::new(&reader), request.starts_with(b"HEAD "));
            let _ = reader.shutdown(std::net::Shutdown::Both);
            answer
        })
    }

    /// Reads an answer; one to `HEAD` has a length and no body.
    pub(crate) fn read(mut reader: impl BufRead, to_head: bool) -> Self {
        let status_line = line(&mut reader);
        let status = status_line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5));
        let status = status.and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no HTTP: {status_line:?}"));
        let mut headers = BTreeMap::new();
        while let Some((name, value)) = line(&mut reader).split_once(':') {
            headers.insert(name.to_lowercase(), value.trim().to_string());
        }
        let mut body = Vec::new();
        let length = headers.get("content-length").map(|text| text.parse().expect("a length"));
        let length: u64 = if to_head { 0 } else { length.unwrap_or(u64::MAX) };
        assert!(!headers.contains_key("transfer-encoding"), "every answer has a length");
        reader.take(length).read_to_end(&mut body).expect("a body");
        assert!(length == u64::MAX || body.len() as u64 == length, "all of it is there");
        Self { status, headers, body }
    }

    /// The value of a header, if there is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_lowercase()).map(String::as_str)
    }

    /// All of it, as a person reads it.
    pub(crate) fn shown(&self) -> String {
        format!("{} \"{}\" {:?}", self.status, self.body.escape_ascii(), self.headers)
    }
}

/// A line without its end; after the last one, nothing.
fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).expect("a line");
    line.trim_end().to_string()
}
