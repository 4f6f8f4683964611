//! Many connections that are kept, on one thread: each sends a request when the one before was answered.
//!
//! By hand, because a client with a runtime would take more of the two cores than the server.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use memchr::memmem;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::server::{Place, Server};
use crate::work::Work;

/// What goes by before anything is counted.
const WARM_UP: Duration = Duration::from_millis(50);

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Answers a second.
    pub rate: f64,
    /// Of this process's and the server's computing, the part that is this process's.
    pub share: f64,
    /// What the server computed for an answer, in microseconds.
    pub cpu: f64,
}

/// One connection.
struct Connection {
    tls: ClientConnection,
    stream: TcpStream,
    answer: Vec<u8>,
}

/// Connections to one server.
pub struct Load {
    poll: Poll,
    connections: Vec<Connection>,
    request: Vec<u8>,
}

impl Load {
    /// Makes so many.
    pub fn connect(place: &Place, server: &Server, count: usize) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in 0..count {
            let mut stream = std::net::TcpStream::connect(server.address)?;
            stream.set_nodelay(true)?;
            let name = ServerName::from(server.address.ip());
            let tls = ClientConnection::new(place.tls.clone(), name);
            let mut tls = tls.map_err(io::Error::other)?;
            while tls.is_handshaking() {
                tls.complete_io(&mut stream)?;
            }
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            poll.registry().register(&mut stream, Token(number), Interest::READABLE)?;
            connections.push(Connection { tls, stream, answer: Vec::new() });
        }
        Ok(Self { poll, connections, request: Vec::new() })
    }

    /// Has the `server` do `work` for so long, or until there is none.
    pub fn run(
        &mut self,
        server: &Server,
        work: &mut Work,
        span: Duration,
    ) -> io::Result<Measured> {
        let start = Instant::now() + WARM_UP;
        let end = start + span;
        let mut events = Events::with_capacity(256);
        let mut busy = 0;
        for connection in &mut self.connections {
            if work.next(&mut self.request) {
                connection.send(&self.request)?;
                busy += 1;
            }
        }
        let (mut count, mut before) = (0, None);
        while busy > 0 {
            let now = Instant::now();
            if before.is_none() && now >= start {
                count = 0;
                before = Some((now, own_cpu(), server.cpu()?));
            }
            self.poll.poll(&mut events, Some(Duration::from_secs(30)))?;
            if events.is_empty() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            for event in &events {
                let connection = &mut self.connections[event.token().0];
                if !connection.receive(work.status())? {
                    continue;
                }
                count += 1;
                if now < end && work.next(&mut self.request) {
                    connection.send(&self.request)?;
                } else {
                    busy -= 1;
                }
            }
        }
        let (began, own, servers) = before.unwrap_or((start, Duration::ZERO, Duration::ZERO));
        let own = (own_cpu() - own).as_secs_f64();
        let servers = (server.cpu()? - servers).as_secs_f64();
        Ok(Measured {
            rate: f64::from(count) / began.elapsed().as_secs_f64(),
            share: own / (own + servers),
            cpu: servers * 1e6 / f64::from(count),
        })
    }
}

impl Connection {
    fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.tls.writer().write_all(request)?;
        while self.tls.wants_write() {
            // A request is far smaller than what the system takes at once.
            self.tls.write_tls(&mut self.stream)?;
        }
        Ok(())
    }

    /// Reads what is there. Whether an answer is complete with it.
    fn receive(&mut self, status: &[u8]) -> io::Result<bool> {
        loop {
            match self.tls.read_tls(&mut self.stream) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            let (there, more) = (self.answer.len(), state.plaintext_bytes_to_read());
            self.answer.resize(there + more, 0);
            self.tls.reader().read_exact(&mut self.answer[there..])?;
            if self.is_complete() {
                let is_right = self.answer.get(9..12) == Some(status);
                let answer = std::mem::take(&mut self.answer);
                if !is_right {
                    return Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
                }
                self.answer = answer;
                self.answer.clear();
                return Ok(true);
            }
        }
    }

    fn is_complete(&self) -> bool {
        let Some(head) = memmem::find(&self.answer, b"\r\n\r\n") else { return false };
        let name = b"content-length: ";
        let length = memmem::find(&self.answer[..head], name).map_or(0, |at| {
            let digits = self.answer[at + name.len()..].iter().take_while(|b| b.is_ascii_digit());
            digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'))
        });
        self.answer.len() >= head + 4 + length
    }
}

/// What this process has computed.
fn own_cpu() -> Duration {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call writes one structure of the type that it is made for; zeros are one, too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let of = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}
