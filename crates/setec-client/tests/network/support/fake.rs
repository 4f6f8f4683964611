//! A server that answers every request in the same way, and remembers them as they came.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use secretary_test_kms::listener::Listener;

/// A word that nobody may pass on.
pub(crate) const CANARY: &str = "CANARY-BODY";

/// What is done with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer with this status, headers and body.
    Whole(u16, Vec<String>, String),
    /// The same, and a moment later the connection is closed.
    Last(u16, String),
    /// An answer that is said to be a byte longer than it is.
    Cut(u16, String),
    /// An answer that does not end.
    Endless(u16),
    /// An answer of which there is a byte now and then.
    Slow(String),
    /// These bytes instead of an answer.
    Raw(&'static [u8]),
    /// These bytes as soon as something comes, whatever it is.
    AtOnce(&'static [u8]),
    /// Nothing, and the connection is closed.
    Close,
    /// The connection is reset before the request is read.
    Reset,
    /// Nothing.
    Never,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self::Whole(status, Vec::new(), body.into())
    }
}

/// A request, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    /// `POST /api/get HTTP/1.1`
    pub(crate) line: String,
    /// The headers, in their order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// Whether the caller showed a certificate.
    pub(crate) has_certificate: bool,
}

/// The server. It ends when this is dropped.
pub(crate) struct Fake {
    listener: Listener,
    seen: Arc<Mutex<Seen>>,
    scheme: &'static str,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Received>,
    connections: usize,
    ended: usize,
}

impl Fake {
    pub(crate) fn start(reply: Reply) -> Self {
        Self::with(None, reply)
    }

    /// The same inside TLS.
    pub(crate) fn with_tls(config: ServerConfig, reply: Reply) -> Self {
        Self::with(Some(Arc::new(config)), reply)
    }

    fn with(config: Option<Arc<ServerConfig>>, reply: Reply) -> Self {
        let scheme = if config.is_some() { "https" } else { "http" };
        let seen = Arc::<Mutex<Seen>>::default();
        let serve = {
            let seen = seen.clone();
            move |stream: TcpStream| {
                note(&seen, |seen| seen.connections += 1);
                let result = match &config {
                    None => talk(stream, &reply, &seen),
                    Some(config) => ServerConnection::new(config.clone())
                        .map_err(io::Error::other)
                        .and_then(|tls| talk(StreamOwned::new(tls, stream), &reply, &seen)),
                };
                note(&seen, |seen| seen.ended += 1);
                result
            }
        };
        Self { listener: Listener::start(serve).expect("a port"), seen, scheme }
    }

    /// By its address.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.listener.address())
    }

    /// By its name.
    pub(crate) fn url_by_name(&self) -> String {
        format!("{}://localhost:{}", self.scheme, self.listener.address().port())
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        note(&self.seen, |seen| seen.requests.clone())
    }

    pub(crate) fn connections(&self) -> usize {
        note(&self.seen, |seen| seen.connections)
    }

    /// Waits until so many connections have ended, and lets nothing else run on this thread meanwhile.
    pub(crate) fn wait_for_end(&self, of: usize) {
        while note(&self.seen, |seen| seen.ended) < of {
            sleep(Duration::from_millis(5));
        }
    }
}

fn note<T>(seen: &Mutex<Seen>, what: impl FnOnce(&mut Seen) -> T) -> T {
    what(&mut seen.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What has a peer that may have shown a certificate.
trait Peer: Read + Write {
    fn has_certificate(&self) -> bool;

    /// Says that nothing follows.
    fn end(&self) -> io::Result<()>;
}

impl Peer for TcpStream {
    fn has_certificate(&self) -> bool {
        false
    }

    fn end(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Peer for StreamOwned<ServerConnection, TcpStream> {
    fn has_certificate(&self) -> bool {
        self.conn.peer_certificates().is_some_and(|chain| !chain.is_empty())
    }

    fn end(&self) -> io::Result<()> {
        self.sock.shutdown(Shutdown::Write)
    }
}

fn talk(stream: impl Peer, reply: &Reply, seen: &Mutex<Seen>) -> io::Result<()> {
    let mut stream = BufReader::with_capacity(1, stream);
    match reply {
        // A connection that is closed with something left to read is reset.
        Reply::Reset => return stream.fill_buf().map(drop),
        Reply::AtOnce(bytes) => {
            stream.fill_buf()?;
            stream.get_mut().write_all(bytes)?;
            return io::copy(&mut stream, &mut io::sink()).map(drop);
        }
        _ => {}
    }
    while let Some(mut received) = read(&mut stream)? {
        received.has_certificate = stream.get_ref().has_certificate();
        note(seen, |seen| seen.requests.push(received));
        answer(stream.get_mut(), reply)?;
        stream.get_mut().flush()?;
    }
    Ok(())
}

fn read(stream: &mut impl BufRead) -> io::Result<Option<Received>> {
    let mut received = Received::default();
    if stream.read_line(&mut received.line)? == 0 {
        return Ok(None);
    }
    received.line = received.line.trim_end().to_string();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        received.headers.push((name.to_ascii_lowercase(), value.to_string()));
    }
    let len = received.headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; len.and_then(|(_, len)| len.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body)?;
    received.body = String::from_utf8(body).expect("requests are text");
    Ok(Some(received))
}

fn answer(stream: &mut impl Peer, reply: &Reply) -> io::Result<()> {
    let closed = || Err(io::ErrorKind::ConnectionAborted.into());
    match reply {
        Reply::Whole(status, headers, body) => {
            let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
            whole(stream, *status, &headers, body, body.len())
        }
        Reply::Last(status, body) => {
            whole(stream, *status, "", body, body.len())?;
            stream.flush()?;
            // Long enough for the answer to have been read before.
            sleep(Duration::from_millis(20));
            stream.end()?;
            closed()
        }
        Reply::Cut(status, body) => {
            whole(stream, *status, "", body, body.len() + 1)?;
            closed()
        }
        Reply::Endless(status) => {
            write!(stream, "HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            let chunk = format!("10000\r\n{}\r\n", "A".repeat(0x10000));
            loop {
                stream.write_all(chunk.as_bytes())?;
            }
        }
        Reply::Slow(body) => {
            whole(stream, 200, "", "", body.len())?;
            for byte in body.bytes() {
                stream.flush()?;
                sleep(Duration::from_millis(100));
                stream.write_all(&[byte])?;
            }
            Ok(())
        }
        Reply::Raw(bytes) => {
            stream.write_all(bytes)?;
            closed()
        }
        Reply::Never => loop {
            if stream.read(&mut [0])? == 0 {
                return Ok(());
            }
        },
        Reply::Close | Reply::Reset | Reply::AtOnce(_) => closed(),
    }
}

fn whole(
    stream: &mut impl Write,
    status: u16,
    headers: &str,
    body: &str,
    len: usize,
) -> io::Result<()> {
    // Go's server strips it from these.
    let length = match status {
        204 | 304 => String::new(),
        _ => format!("Content-Length: {len}\r\n"),
    };
    write!(stream, "HTTP/1.1 {status} X\r\n{headers}{length}\r\n{body}")
}
