//! The way a request takes in production: a proxy that is asked for a tunnel, and TLS inside it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};

use rustls::{NamedGroup, ProtocolVersion, ServerConfig, ServerConnection, StreamOwned};

use crate::http::{Request, answer_with, listen, serve};

/// The data key of every token here, which nothing may print.
pub(crate) const DATA_KEY: [u8; 32] = *b"a data key that is never printed";

/// What was seen on the way.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// What each tunnel was asked to lead to, as `CONNECT HOST:PORT`.
    pub(crate) tunnels: Vec<String>,
    /// The first `Proxy-Authorization`.
    pub(crate) authorization: Option<String>,
    /// What each handshake agreed on.
    pub(crate) agreed: Vec<(ProtocolVersion, NamedGroup)>,
    /// The requests within TLS.
    pub(crate) requests: Vec<Request>,
}

/// What is at the end of every tunnel.
#[derive(Clone)]
pub(crate) enum End {
    /// AWS KMS with this certificate.
    Kms(Arc<ServerConfig>),
    /// What answers whatever comes with these bytes, and closes.
    Bytes(&'static [u8]),
    /// What closes at once.
    Closed,
    /// What never answers.
    Silent,
}

/// A proxy, or without one what is at its end.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) port: u16,
    seen: Arc<Mutex<Seen>>,
}

impl Route {
    /// A proxy that leads to `end` whatever it is asked for.
    pub(crate) fn through_proxy(end: End) -> Self {
        Self::listening(move |seen, mut stream| {
            if let Some(request) = read_head(&mut stream, seen)
                && request.starts_with("CONNECT ")
                && stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").is_ok()
            {
                end.serve(stream, seen);
            }
        })
    }

    /// A proxy that answers every request with these bytes.
    pub(crate) fn refused(answer: &'static str) -> Self {
        Self::listening(move |seen, mut stream| {
            if read_head(&mut stream, seen).is_some() {
                let _ = stream.write_all(answer.as_bytes());
            }
        })
    }

    /// The end itself.
    pub(crate) fn direct(end: End) -> Self {
        Self::listening(move |seen, stream| end.serve(stream, seen))
    }

    fn listening(serve: impl Fn(&Mutex<Seen>, TcpStream) + Clone + Send + 'static) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let record = seen.clone();
        Self { port: listen(move |stream| serve(&record, stream)), seen }
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl End {
    fn serve(&self, mut stream: TcpStream, seen: &Mutex<Seen>) {
        match self {
            Self::Kms(config) => serve_kms(config, stream, seen),
            Self::Bytes(bytes) => {
                // All of what came is read, or closing would reset the connection.
                let _ = stream.read(&mut [0; 16 << 10]);
                let _ = stream.write_all(bytes);
            }
            Self::Closed => {}
            Self::Silent => {
                let _ = stream.read_to_end(&mut Vec::new());
            }
        }
    }
}

fn serve_kms(config: &Arc<ServerConfig>, mut stream: TcpStream, seen: &Mutex<Seen>) {
    let mut tls = ServerConnection::new(config.clone()).expect("a configuration of rustls");
    // How a handshake ends that fails is what the client is asked about.
    if tls.complete_io(&mut stream).is_err() || tls.is_handshaking() {
        return;
    }
    let version = tls.protocol_version().expect("after the handshake");
    let group = tls.negotiated_key_exchange_group().expect("after the handshake").name();
    lock(seen).agreed.push((version, group));
    serve(StreamOwned::new(tls, stream), |request| {
        let answer = answer_with(&DATA_KEY, b"wrapped", &request);
        lock(seen).requests.push(request);
        answer
    });
}

/// Reads up to the empty line and no byte more, and gives the first line's first two words.
fn read_head(stream: &mut TcpStream, seen: &Mutex<Seen>) -> Option<String> {
    let mut one_by_one = BufReader::with_capacity(1, stream);
    let mut line = String::new();
    one_by_one.read_line(&mut line).ok()?;
    let asked = line.rsplit_once(' ')?.0.to_string();
    lock(seen).tunnels.push(asked.clone());
    loop {
        line.clear();
        one_by_one.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("proxy-authorization") => {
                lock(seen).authorization.get_or_insert(value.to_string());
            }
            Some(_) => {}
            None => return Some(asked),
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("no thread panicked")
}
