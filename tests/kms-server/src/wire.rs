//! How an answer is sent: whole, or as networks and broken peers do it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::http::Response;

/// Where the endless answer ends after all, so that a client without a limit fails and does not
/// fill the disk.
const HUGE: usize = 1 << 30;

/// What happens to an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Wire {
    /// It arrives.
    #[default]
    Whole,
    /// The head promises a body of which half is sent.
    Truncate,
    /// The same, and the connection stays open.
    HalfOpen,
    /// The connection is closed instead.
    Close,
    /// Nothing is sent, and the connection stays open.
    Hang,
    /// A body without an end.
    Huge,
    /// A byte of the body each tenth of a second.
    SlowBody,
    /// A line that is no HTTP.
    NotHttp,
}

impl Wire {
    /// The setting called `name`.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name {
            "truncate" => Self::Truncate,
            "half-open" => Self::HalfOpen,
            "close" => Self::Close,
            "hang" => Self::Hang,
            "huge" => Self::Huge,
            "slow-body" => Self::SlowBody,
            "not-http" => Self::NotHttp,
            _ => return None,
        })
    }

    /// Sends the answer.
    ///
    /// # Errors
    ///
    /// Also a wanted one, and it is where the connection ends.
    pub fn send(self, response: &Response, stream: &mut TcpStream) -> io::Result<()> {
        let head = response.head(&format!("Content-Length: {}", response.body.len()));
        // One write is one segment: a head alone would wait for the peer's acknowledgement.
        let whole = [head.as_bytes(), &response.body].concat();
        let half = whole.len() - response.body.len().div_ceil(2);
        match self {
            Self::Whole => return stream.write_all(&whole),
            Self::Truncate => stream.write_all(&whole[..half])?,
            Self::HalfOpen => {
                stream.write_all(&whole[..half])?;
                wait_for_close(stream)?;
            }
            Self::Close => {}
            Self::Hang => wait_for_close(stream)?,
            Self::Huge => send_huge(stream)?,
            Self::NotHttp => stream.write_all(b"garbage\r\n\r\n")?,
            Self::SlowBody => return send_slowly(head.as_bytes(), &response.body, stream),
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

/// Costs nothing while it waits, and ends when either side closes.
fn wait_for_close(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Chunked, because a client could refuse a length before it reads.
fn send_huge(stream: &mut TcpStream) -> io::Result<()> {
    let response = Response::new(200, "application/x-amz-json-1.1", "");
    stream.write_all(response.head("Transfer-Encoding: chunked").as_bytes())?;
    stream.write_all(b"e\r\n{\"Plaintext\":\"\r\n")?;
    let chunk = [b"10000\r\n", [b'A'; 0x10000].as_slice(), b"\r\n"].concat();
    (0..HUGE / 0x10000).try_for_each(|_| stream.write_all(&chunk))
}

fn send_slowly(head: &[u8], body: &[u8], stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(head)?;
    for byte in body {
        thread::sleep(Duration::from_millis(100));
        stream.write_all(&[*byte])?;
    }
    Ok(())
}
