//! Requests and answers as the bytes that they are.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::machine::PATIENCE;

/// What every call has but for its body.
pub(crate) const HEADERS: [(&str, &str); 2] =
    [("Content-Type", "application/json"), ("Sec-X-Tailscale-No-Browsers", "setec")];

/// A connection to a server.
pub(crate) enum Connection {
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Plain(TcpStream),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In their order and with their case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    /// TLS from an address of this machine.
    pub(crate) fn over_tls(
        to: SocketAddr,
        from: IpAddr,
        config: &Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let mut stream = tcp(to, from)?;
        let name = ServerName::from(to.ip());
        let mut tls = ClientConnection::new(config.clone(), name).expect("a good configuration");
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(tls, stream))))
    }

    /// Without TLS.
    pub(crate) fn plain(to: SocketAddr) -> Self {
        Self::Plain(tcp(to, IpAddr::from([127, 0, 0, 1])).expect("it listens"))
    }

    /// The certificate that the server shows.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        let Self::Tls(tls) = self else { panic!("there is none") };
        let shown = tls.conn.peer_certificates().expect("one was verified");
        shown[0].clone().into_owned()
    }

    /// Makes setec's call to `/api/{call}`.
    pub(crate) fn call(&mut self, call: &str, body: &[u8]) -> Answer {
        self.try_call(call, body).expect("an answer")
    }

    /// The same with these headers more.
    pub(crate) fn call_with(
        &mut self,
        headers: &[(&str, &str)],
        call: &str,
        body: &[u8],
    ) -> Answer {
        let headers = [&HEADERS, headers].concat();
        let request = request("POST", &format!("/api/{call}"), &headers, body);
        self.write_all(&request).expect("it listens");
        self.answer().expect("an answer")
    }

    pub(crate) fn try_call(&mut self, call: &str, body: &[u8]) -> io::Result<Answer> {
        self.write_all(&request("POST", &format!("/api/{call}"), &HEADERS, body))?;
        self.answer()
    }

    /// Asks for a page, as monitoring does.
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.write_all(&request("GET", path, &[], b"")).expect("it listens");
        self.answer().expect("an answer")
    }

    /// The next answer, which has as long a body as it says.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head in ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).expect("HTTP");
        let status = status[..3].parse().expect("a number");
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").expect("a header");
            (name.to_string(), value.to_string())
        };
        let headers: Vec<_> = lines.map(header).collect();
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length =
            answer.header("content-length").map(|length| length.parse().expect("a number"));
        answer.body = vec![0; length.unwrap_or(0)];
        self.read_exact(&mut answer.body)?;
        Ok(answer)
    }

    /// Ends it, and looks that nothing comes that nobody has asked for.
    pub(crate) fn end(mut self) {
        if let Self::Tls(tls) = &mut self {
            tls.conn.send_close_notify();
            tls.flush().expect("it is still there");
        }
        let stream = match &self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &tls.sock,
        };
        stream.shutdown(Shutdown::Write).expect("it is still there");
        let mut rest = Vec::new();
        // A server that does not say goodbye has said nothing.
        let _ = self.read_to_end(&mut rest);
        assert_eq!(String::from_utf8_lossy(&rest), "", "nobody has asked for that");
    }

    /// Whether the server has ended it, without a byte more.
    pub(crate) fn is_closed(&mut self) -> bool {
        !matches!(self.read(&mut [0]), Ok(1..))
    }
}

impl Answer {
    /// The header of this name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and text.
    pub(crate) fn short(&self) -> (u16, String) {
        (self.status, self.text())
    }
}

fn tcp(to: SocketAddr, from: IpAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A request with these headers, in this order, and the length of its body.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: setec.test\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    [head.as_bytes(), body].concat()
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tls(stream) => stream.read(buffer),
            Self::Plain(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tls(stream) => stream.write(bytes),
            Self::Plain(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.flush(),
            Self::Plain(stream) => stream.flush(),
        }
    }
}
