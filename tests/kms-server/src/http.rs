//! As much of HTTP/1.1 as the clients of this server speak: bodies with a length, kept connections.
//!
//! It may not know what a request is about.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// The longest line of a request's head.
const MAX_LINE: u64 = 64 << 10;

/// The longest body; what KMS takes is a few kibibytes.
const MAX_BODY: usize = 1 << 20;

/// One request, read to its end.
#[derive(Clone, Debug)]
pub struct Request {
    /// As it was sent; methods have a case.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// What follows the first `?`.
    pub query: String,
    /// Names in lower case; the last of two headers with one name.
    pub headers: BTreeMap<String, String>,
    /// As long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection, or `None` where the peer closed it between requests.
    ///
    /// # Errors
    ///
    /// When the connection ends within a request, or what comes is none.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(line) = read_line(reader)? else {
            return Ok(None);
        };
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed("request line"));
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = read_headers(reader)?;
        let mut body = vec![0; length_of_body(&headers)?];
        reader.read_exact(&mut body)?;
        Ok(Some(Self {
            method: method.to_string(),
            path: path.to_string(),
            query: query.to_string(),
            headers,
            body,
        }))
    }

    /// A header's value, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Path and query as they were sent.
    pub fn target(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{}{mark}{}", self.path, self.query)
    }

    /// The non-empty parts of the path.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// Whether the peer wants to send another request on this connection.
    pub fn keeps_alive(&self) -> bool {
        !self.header("connection").eq_ignore_ascii_case("close")
    }
}

fn read_headers(reader: &mut impl BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    loop {
        let line = read_line(reader)?.ok_or_else(|| malformed("head"))?;
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header"))?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
}

fn length_of_body(headers: &BTreeMap<String, String>) -> io::Result<usize> {
    if headers.contains_key("transfer-encoding") {
        return Err(malformed("body, which has no length"));
    }
    let Some(text) = headers.get("content-length") else {
        return Ok(0);
    };
    let length = text.parse().map_err(|_| malformed("length"))?;
    if length > MAX_BODY {
        return Err(malformed("body, which is too long"));
    }
    Ok(length)
}

/// A line without its end, or `None` where nothing follows.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(malformed("line"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(|_| malformed("line"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

/// A word in each body that no program may pass on.
pub const CANARY: &str = "CANARY-UPSTREAM-BODY";

/// What is answered, before it is decided how much of it is sent.
#[derive(Clone, Debug)]
pub struct Response {
    /// The number; its words are added.
    pub status: u16,
    /// But for the length of the body.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer with one header, the type of its body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_string(), content_type.to_string())];
        Self { status, headers, body: body.into() }
    }

    /// An answer for a person to read.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// An answer for a program that is not an AWS client.
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status, "application/json", value.to_string())
    }

    /// The page of a proxy that did not reach the server.
    pub fn proxy_page() -> Self {
        let page = format!(
            "<html><head><title>500</title></head><body>{CANARY}: the proxy could not reach its upstream</body></html>\n"
        );
        Self::new(500, "text/html", page)
    }

    /// The same with one header more.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_string(), value.into()));
        self
    }

    /// The head up to its empty line; `framing` is the header that says where the body ends.
    pub fn head(&self, framing: &str) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + framing + "\r\n\r\n"
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_two_requests_of_one_connection() {
        let bytes = b"POST /a/?q=1 HTTP/1.1\r\nContent-Length: 3\r\nX-A:  b \r\n\r\nabcGET / HTTP/1.1\r\n\r\n";
        let mut reader = &bytes[..];
        let first = Request::read(&mut reader).unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/a/"));
        assert_eq!((first.query.as_str(), first.header("x-a")), ("q=1", "b"));
        assert_eq!(first.body, b"abc");
        let second = Request::read(&mut reader).unwrap().unwrap();
        assert_eq!(second.method, "GET");
        assert!(Request::read(&mut reader).unwrap().is_none());
    }

    #[test]
    fn refuses_half_a_request() {
        for bytes in [
            "POST",
            "POST / HTTP/1.1\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            "POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(Request::read(&mut bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
