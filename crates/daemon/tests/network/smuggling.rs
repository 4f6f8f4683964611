//! Bytes that one reader takes for one request and another for two. Whoever is before the daemon may be the other: what
//! is not clear is refused, and the connection ends with it.

use std::net::SocketAddr;

use crate::support::{Answers, Raw, World, exchange};

/// What is behind the first request, or in its body.
const INNER: &str = "GET /v1/status HTTP/1.1\r\nHost: d\r\n\r\n";

/// What becomes of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// It is no request: at most an error, and the connection is closed.
    Refused,
    /// One request, and the inner one is its body.
    One,
    /// Two requests: there is but one way to read it.
    Two,
}
use Is::{One, Refused, Two};

/// Headers of a request with [`INNER`] behind them, which has 36 bytes.
const LENGTHS: [(&str, Is); 39] = [
    ("Content-Length: 36\r\n", One),
    ("content-length:36\r\n", One),
    ("Content-Length: 0036\r\n", One),
    ("Content-Length: 36\t\r\n", One),
    ("Content-Length: \t36\r\n", One),
    ("Content-Length: 36\r\nContent-Length: 36\r\n", One),
    ("X: y\nContent-Length: 36\r\n", One),
    ("Content-Length: 36\n", One),
    ("", Two),
    ("Content-Length: 0\r\n", Two),
    ("Content_Length: 36\r\n", Two),
    ("X-Content-Length: 36\r\n", Two),
    ("Content-Length: 0\r\nContent-Length: 36\r\n", Refused),
    ("Content-Length: 36\r\nContent-Length: 0\r\n", Refused),
    ("Content-Length: 0, 36\r\n", Refused),
    ("Content-Length: 36, 0\r\n", Refused),
    ("Content-Length: 36, 36\r\n", Refused),
    ("Content-Length: +36\r\n", Refused),
    ("Content-Length: -1\r\n", Refused),
    ("Content-Length: 0x24\r\n", Refused),
    ("Content-Length: 36;\r\n", Refused),
    ("Content-Length: \r\n", Refused),
    ("Content-Length: 1e1\r\n", Refused),
    ("Content-Length: 3 6\r\n", Refused),
    ("Content-Length: 36\u{b}\r\n", Refused),
    ("Content-Length: '36'\r\n", Refused),
    ("Content-Length: ٣٦\r\n", Refused),
    ("Content-Length: 36\0\r\n", Refused),
    ("Content-Length: 18446744073709551652\r\n", Refused),
    ("Content-Length : 36\r\n", Refused),
    ("Content-Length\0: 36\r\n", Refused),
    (" Content-Length: 36\r\n", Refused),
    ("X: y\r\n Content-Length: 36\r\n", Refused),
    ("X: y\r\n\tContent-Length: 36\r\n", Refused),
    ("Content-Length:\r\n 36\r\n", Refused),
    ("X: y\rContent-Length: 36\r\n", Refused),
    ("Content-Length: 36\r\n\rX: y\r\n", Refused),
    ("X\r\nContent-Length: 36\r\n", Refused),
    (": y\r\nContent-Length: 36\r\n", Refused),
];

/// Headers of a request with an empty chunk behind them, and [`INNER`] behind that.
const CODINGS: [(&str, Is); 29] = [
    ("Transfer-Encoding: chunked\r\n", Two),
    ("transfer-encoding:\tChunked\r\n", Two),
    // The last coding says where the end is; the ones before would be of the body.
    ("Transfer-Encoding: gzip, chunked\r\n", Two),
    ("Transfer-Encoding: identity, chunked\r\n", Two),
    ("Transfer-Encoding: ,chunked\r\n", Two),
    ("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", Two),
    ("X: y\nTransfer-Encoding: chunked\n", Two),
    ("Transfer-Encoding: chunked\r\nContent-Length: 41\r\n", Refused),
    ("Content-Length: 41\r\nTransfer-Encoding: chunked\r\n", Refused),
    ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", Refused),
    ("Content-Length: 41\r\nTransfer-Encoding: identity\r\n", Refused),
    ("Content-Length: 41\r\nTransfer-Encoding: xchunked\r\n", Refused),
    ("Content-Length: 41\r\nTransfer-Encoding: \r\n", Refused),
    ("Content-Length: 41\r\nTransfer-Encoding : chunked\r\n", Refused),
    ("Transfer-Encoding: identity\r\n", Refused),
    ("Transfer-Encoding: xchunked\r\n", Refused),
    ("Transfer-Encoding: chunkedx\r\n", Refused),
    ("Transfer-Encoding: chunked, identity\r\n", Refused),
    ("Transfer-Encoding: chunked, gzip\r\n", Refused),
    ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", Refused),
    ("Transfer-Encoding: chunked,\r\n", Refused),
    ("Transfer-Encoding: chunked;q=1\r\n", Refused),
    ("Transfer-Encoding: \"chunked\"\r\n", Refused),
    ("Transfer-Encoding: chunked\u{b}\r\n", Refused),
    ("Transfer-Encoding: \r\n chunked\r\n", Refused),
    ("Transfer-Encoding: chunk\r\n ed\r\n", Refused),
    ("Transfer-Encoding : chunked\r\n", Refused),
    ("Transfer-Encoding: \r\n", Refused),
    ("X: y\rTransfer-Encoding: chunked\r\n", Refused),
];

/// Bodies in chunks, with [`INNER`] behind them.
const CHUNKS: [(&str, Is); 26] = [
    ("0\r\n\r\n", Two),
    ("00000000000000000000\r\n\r\n", Two),
    ("3\r\nabc\r\n0\r\n\r\n", Two),
    ("0;x=\"\r\n\r\n", Two),
    ("0 \r\n\r\n", Two),
    ("0\r\nX: y\r\n\r\n", Two),
    ("0\r\nContent-Length: 36\r\n\r\n", Two),
    ("0\n\n", Refused),
    ("0\n\r\n", Refused),
    ("0;\n\r\n\r\n", Refused),
    ("0;\r\r\n\r\n", Refused),
    ("0\r\r\n\r\n", Refused),
    (" 0\r\n\r\n", Refused),
    ("+0\r\n\r\n", Refused),
    ("-0\r\n\r\n", Refused),
    ("0x0\r\n\r\n", Refused),
    ("\r\n0\r\n\r\n", Refused),
    ("g\r\n\r\n", Refused),
    ("０\r\n\r\n", Refused),
    ("3_\r\nabc\r\n0\r\n\r\n", Refused),
    ("3\r\nabc0\r\n\r\n", Refused),
    ("2\r\nabc\r\n0\r\n\r\n", Refused),
    ("3\r\nabc\n0\r\n\r\n", Refused),
    ("3\r\nabc\r\r0\r\n\r\n", Refused),
    ("3\rabc\r\n0\r\n\r\n", Refused),
    ("10000000000000003\r\nabc\r\n0\r\n\r\n", Refused),
];

/// First requests, with [`INNER`] behind them.
const FIRST: [(&str, Is); 30] = [
    ("GET /v1/status HTTP/1.1\r\nContent-Length: 36\r\n\r\n", One),
    ("HEAD /v1/status HTTP/1.1\r\nContent-Length: 36\r\n\r\n", One),
    ("GET /x HTTP/1.1\r\nContent-Length: 36\r\n\r\n", One),
    ("GET /v1/decrypt HTTP/1.1\r\nContent-Length: 36\r\n\r\n", One),
    ("GET /x HTTP/1.1\r\nConnection: Content-Length\r\nContent-Length: 36\r\n\r\n", One),
    ("GET /x HTTP/1.1\r\nConnection: close, keep-alive\r\n\r\n", One),
    ("GET /v1/status HTTP/1.1\n\n", Two),
    ("\r\n\r\nGET /v1/status HTTP/1.1\r\n\r\n", Two),
    ("GET http://other/v1/status HTTP/1.1\r\n\r\n", Two),
    ("GET /v1/status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Two),
    ("GET /x HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", Two),
    ("CONNECT daemon:1 HTTP/1.1\r\n\r\n", Two),
    ("GET /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused),
    ("GET /x HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", Refused),
    ("GET /v1/status\r\n\r\n", Refused),
    ("GET /v1/status HTTP/0.9\r\n\r\n", Refused),
    ("GET /v1/status HTTP/1.2\r\n\r\n", Refused),
    ("GET /v1/status HTTP/2.0\r\n\r\n", Refused),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused),
    ("GET /v1/status HTTP/1.1 x\r\n\r\n", Refused),
    ("GET /v1/status HTTP/1.1\r\r\n\r\n", Refused),
    ("GET  /v1/status HTTP/1.1\r\n\r\n", Refused),
    ("GET\t/v1/status\tHTTP/1.1\r\n\r\n", Refused),
    (" GET /v1/status HTTP/1.1\r\n\r\n", Refused),
    ("GET /v1/sta\0tus HTTP/1.1\r\n\r\n", Refused),
    ("G\0T /v1/status HTTP/1.1\r\n\r\n", Refused),
    ("GET /v1/status HTTP/1.1\r\nX\r\n\r\n", Refused),
    ("GET /v1/status HTTP/1.1\r\nX: a\0b\r\n\r\n", Refused),
    ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", Refused),
    ("<policy-file-request/>\0", Refused),
];

/// Each of the corpus, with what becomes of it.
fn corpus() -> impl Iterator<Item = (String, Is)> {
    let post = |headers: &str, body: &str| {
        format!("POST /v1/decrypt HTTP/1.1\r\nHost: d\r\n{headers}\r\n{body}{INNER}")
    };
    let lengths = LENGTHS.iter().map(move |(headers, is)| (post(headers, ""), *is));
    let codings = CODINGS.iter().map(move |(headers, is)| (post(headers, "0\r\n\r\n"), *is));
    let in_chunks = move |body| post("Transfer-Encoding: chunked\r\n", body);
    let chunks = CHUNKS.iter().map(move |(body, is)| (in_chunks(body), *is));
    let first = FIRST.iter().map(|(first, is)| (format!("{first}{INNER}"), *is));
    lengths.chain(codings).chain(chunks).chain(first)
}

fn check(bytes: &str, is: Is, answers: &Answers) {
    let statuses = answers.statuses();
    let is_error = |status: &u16| (400..500).contains(status);
    let is_as_expected = match is {
        Refused => answers.is_closed && statuses.len() <= 1 && statuses.iter().all(is_error),
        One => statuses.len() == 1,
        Two => statuses.len() == 2 && statuses[1] == 200,
    };
    assert!(is_as_expected, "{is:?}: {bytes:?}: {answers:?}");
}

/// A byte at a time, which is another way through a parser.
async fn byte_by_byte(address: SocketAddr, bytes: &str) -> Answers {
    let mut raw = Raw::connect(address).await;
    for byte in bytes.bytes() {
        raw.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    raw.answers().await
}

#[tokio::test(start_paused = true)]
async fn what_is_one_request_has_one_answer_and_what_is_not_clear_has_none() {
    let daemon = World::new().daemon().await;
    for (bytes, is) in corpus() {
        check(&bytes, is, &exchange(daemon.address, &bytes).await);
        check(&bytes, is, &byte_by_byte(daemon.address, &bytes).await);
    }
    assert_eq!(corpus().count(), 124);
}

/// What is in the body of a request is never one, whatever becomes of the request.
#[tokio::test(start_paused = true)]
async fn a_body_that_nobody_wants_is_not_read_as_a_request() {
    let daemon = World::new().daemon().await;
    let body = INNER.repeat(2000);
    for first in ["GET /v1/status", "POST /x", "PUT /v1/decrypt", "POST /v1/decrypt"] {
        let head = format!("{first} HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        for sent in [1, 36, 37, body.len()] {
            let answers = exchange(daemon.address, format!("{head}{}", &body[..sent])).await;
            assert!(answers.all.len() <= 1, "{first}, {sent} bytes: {answers:?}");
        }
        let answers = exchange(daemon.address, format!("{head}{body}{INNER}")).await;
        let whole = answers.all.len() == 2 && answers.all[1].status == 200;
        let closed = answers.all.len() == 1 && answers.is_closed;
        assert!(whole || closed, "{first}: {answers:?}");
    }
}
