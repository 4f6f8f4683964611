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
    /// 503, with so many seconds to stay away.
    RetryAfter(u64),
    /// A redirect to another host.
    Redirect,
    /// 200, and no JSON.
    Garbage,
    /// 200, and a secret whose values are not base64.
    NotBase64,
    /// Half a body, and closed.
    Truncate,
    /// Closed.
    Close,
    /// Nothing, and left open.
    Hang,
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
            Self::Status(status) => return send(&refusal(status), stream),
            Self::RetryAfter(seconds) => {
                return send(&refusal(503).with("Retry-After", seconds.to_string()), stream);
            }
            Self::Redirect => {
                return send(&refusal(302).with("Location", "https://localhost:1/"), stream);
            }
            Self::Garbage => {
                return send(
                    &Response::new(200, "application/json", format!("{CANARY} {{")),
                    stream,
                );
            }
            Self::NotBase64 => {
                let body = format!(r#"{{"kind":"Secret","data":{{"password":"{CANARY}!"}}}}"#);
                return send(&Response::new(200, "application/json", body), stream);
            }
            Self::Late(milliseconds) => {
                thread::sleep(Duration::from_millis(milliseconds));
                return send(answer, stream);
            }
            Self::Truncate => {
                let whole = bytes(answer);
                stream.write_all(&whole[..whole.len() - answer.body.len().div_ceil(2)])?;
                stream.flush()?;
            }
            Self::Close => {}
            Self::Hang => wait_for_close(stream)?,
            Self::Huge => send_huge(stream)?,
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

/// Sends an answer as it is.
pub(crate) fn send(answer: &Response, stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(&bytes(answer))?;
    stream.flush()
}

/// An error as the API writes one, with a word that nobody may pass on.
pub(crate) fn refusal(status: u16) -> Response {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{CANARY}","code":{status}}}"#
    );
    Response::new(status, "application/json", body)
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
    let chunk = [b"10000\r\n", [b'A'; 0x10000].as_slice(), b"\r\n"].concat();
    (0..HUGE / 0x10000).try_for_each(|_| stream.write_all(&chunk))
}
