//! What is done instead of an answer.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use secretary_test_kms::http::{CANARY, Response};

/// Where the endless answer ends after all, so that a client without a limit fails and does not fill the memory.
const HUGE: usize = 256 << 20;

/// What is done instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Another status.
    Status(u16),
    /// A redirect to another place.
    Redirect,
    /// 200, and no JSON.
    Garbage,
    /// No HTTP.
    NoHttp,
    /// Half a body, and closed.
    Truncate,
    /// Closed.
    Close,
    /// The answer, and closed, though nothing announced that.
    CloseAfterwards,
    /// Nothing, and left open.
    Hang,
    /// The answer, a byte at a time, each so many milliseconds after the other.
    Trickle(u64),
    /// A body without an end.
    Huge,
    /// The answer, so many milliseconds later.
    Late(u64),
}

impl Fault {
    /// Sends what belongs to it where `answer` would have been sent.
    ///
    /// # Errors
    ///
    /// Also a wanted one, and it is where the connection ends.
    pub(crate) fn send(
        self,
        answer: &Response,
        stream: &mut (impl Read + Write),
    ) -> io::Result<()> {
        match self {
            Self::Status(status) => return send(&Response::text(status, CANARY), stream),
            Self::Redirect => {
                let answer = Response::text(302, CANARY).with("Location", "http://127.0.0.1:1/");
                return send(&answer, stream);
            }
            Self::Garbage => {
                let body = format!("{{\"Node\":{{\"Name\":\"{CANARY}\"");
                return send(&Response::new(200, "application/json", body), stream);
            }
            Self::Late(milliseconds) => {
                thread::sleep(Duration::from_millis(milliseconds));
                return send(answer, stream);
            }
            Self::Trickle(milliseconds) => {
                for byte in bytes(answer) {
                    stream.write_all(&[byte])?;
                    thread::sleep(Duration::from_millis(milliseconds));
                }
                return Ok(());
            }
            Self::NoHttp => stream.write_all(format!("{CANARY}\r\n\r\n").as_bytes())?,
            Self::Truncate => {
                let whole = bytes(answer);
                stream.write_all(&whole[..whole.len() - answer.body.len().div_ceil(2)])?;
            }
            Self::Close => {}
            Self::CloseAfterwards => send(answer, stream)?,
            Self::Hang => wait_for_close(stream)?,
            Self::Huge => send_huge(stream)?,
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

/// Sends an answer as it is.
pub(crate) fn send(answer: &Response, stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(&bytes(answer))
}

fn bytes(answer: &Response) -> Vec<u8> {
    let head = answer.head(&format!("Content-Length: {}", answer.body.len()));
    [head.as_bytes(), &answer.body].concat()
}

fn wait_for_close(stream: &mut impl Read) -> io::Result<()> {
    let mut buffer = [0; 512];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Chunked, because a client could refuse a length before it reads.
fn send_huge(stream: &mut impl Write) -> io::Result<()> {
    let response = Response::new(200, "application/json", "");
    stream.write_all(response.head("Transfer-Encoding: chunked").as_bytes())?;
    let chunk = [b"10000\r\n", [b' '; 0x10000].as_slice(), b"\r\n"].concat();
    (0..HUGE / 0x10000).try_for_each(|_| stream.write_all(&chunk))
}
