//! Bytes to a server, and what it answers, taken apart.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long nothing has to come until nothing more will come. Clocks of tests that use this are paused.
const QUIET: Duration = Duration::from_millis(100);

/// A connection.
pub(crate) struct Raw(TcpStream);

/// All that was answered on one so far.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) all: Vec<Answer>,
    /// Whether the server has closed it.
    pub(crate) is_closed: bool,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a listener");
        stream.set_nodelay(true).expect("a connection");
        Self(stream)
    }

    /// Sends `bytes`, unless the server does not want them any more.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// What comes until the server is quiet or closes.
    pub(crate) async fn answers(&mut self) -> Answers {
        self.answers_within(QUIET).await
    }

    /// What comes until the server closes, or says nothing for so long.
    pub(crate) async fn answers_within(&mut self, quiet: Duration) -> Answers {
        let mut bytes = Vec::new();
        let is_closed = loop {
            match timeout(quiet, self.0.read_buf(&mut bytes)).await {
                Ok(Ok(0) | Err(_)) => break true,
                Ok(Ok(_)) => {}
                Err(_) => break false,
            }
        };
        let mut answers = Answers { all: Vec::new(), is_closed };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (answer, behind) = parse(rest);
            answers.all.push(answer);
            rest = behind;
        }
        answers
    }
}

impl Answers {
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.all.iter().map(|answer| answer.status).collect()
    }
}

/// Sends all of `bytes` at once.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Answers {
    let mut raw = Raw::connect(address).await;
    raw.send(bytes.as_ref()).await;
    raw.answers().await
}

fn parse(bytes: &[u8]) -> (Answer, &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (head, _) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
    let (end, head) = (head.len() + 4, head.to_ascii_lowercase());
    let words = head.split(' ').collect::<Vec<_>>();
    assert!(words[0].starts_with("http/1."), "{head}");
    let status = words[1].parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    // An answer to HEAD has a length and no body; here it is the last one.
    let length = length.min(bytes.len() - end);
    let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
    (Answer { status, head, body }, &bytes[end + length..])
}
