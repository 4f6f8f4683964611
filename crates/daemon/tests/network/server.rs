//! What the daemon does with bytes: the limits, and what is no request for it.

use std::time::Duration;

use secretary_daemon::protocol::MAX_BODY;
use tokio::time::Instant;

use crate::support::{Answers, Daemon, Raw, Setup, World, exchange};

const PATH: &str = "POST /v1/decrypt HTTP/1.1\r\nHost: daemon\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const STATUS: &str = "GET /v1/status HTTP/1.1\r\nHost: daemon\r\n\r\n";
const NO_FIELDS: &str =
    "Expected parameters, one of {appid, appversion, taskid, envelope} missing\n";

async fn daemon() -> Daemon {
    World::new().daemon().await
}

/// A form of so many bytes.
fn form(len: usize) -> Vec<u8> {
    let mut form = vec![b'a'; len];
    form[1] = b'=';
    form
}

fn with_length(announced: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("{PATH}{FORM}Content-Length: {announced}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn in_chunks(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{PATH}{FORM}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(10_000) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn only(answers: &Answers) -> (u16, &str, bool) {
    assert_eq!(answers.all.len(), 1, "{answers:?}");
    (answers.all[0].status, &answers.all[0].body, answers.is_closed)
}

const TOO_LARGE: &str = "Request body too large\n";

#[tokio::test(start_paused = true)]
async fn a_body_has_a_mebibyte_and_no_byte_more() {
    let daemon = daemon().await;
    let largest = form(MAX_BODY);
    for bytes in [with_length(MAX_BODY, &largest), in_chunks(&largest)] {
        assert_eq!(only(&exchange(daemon.address, bytes).await), (400, NO_FIELDS, false));
    }
    let larger = form(MAX_BODY + 1);
    for bytes in [with_length(MAX_BODY + 1, &larger), in_chunks(&larger)] {
        let answers = exchange(daemon.address, bytes).await;
        assert_eq!((only(&answers).0, only(&answers).1), (413, TOO_LARGE));
    }
    // Announced alone, it is not waited for, and neither is the end of what seems to have none.
    let endless = in_chunks(&form(10 * MAX_BODY));
    for bytes in [
        with_length(MAX_BODY + 1, b""),
        with_length(1 << 40, b"a=b"),
        endless[..endless.len() - 5].to_vec(),
    ] {
        assert_eq!(only(&exchange(daemon.address, bytes).await), (413, TOO_LARGE, true));
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_send_the_rest_is_answered_or_cut_off() {
    let daemon = daemon().await;
    let long = Duration::from_secs(300);
    let whole = with_length(100, &form(100));
    let head = whole.len() - 100;
    for (len, expected, seconds) in [
        // A connection without a request is one that may be for later.
        (0, None, 90),
        (1, None, 10),
        (head - 1, None, 10),
        (head, Some(408), 10),
        (head + 99, Some(408), 10),
        (head + 100, Some(400), 90),
    ] {
        for is_first in [true, false] {
            let mut raw = Raw::connect(daemon.address).await;
            if !is_first {
                raw.send(STATUS.as_bytes()).await;
                assert_eq!(raw.answers().await.statuses(), [200]);
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let begun = Instant::now();
            raw.send(&whole[..len]).await;
            let answers = raw.answers_within(long).await;
            assert!(answers.is_closed);
            assert_eq!(answers.statuses(), Vec::from_iter(expected), "{len} bytes");
            let waited = if len == 0 && !is_first { 84 } else { seconds };
            assert_eq!(begun.elapsed().as_secs(), waited, "{len} bytes");
        }
    }
}

/// A byte at a time is no way to get more time.
#[tokio::test(start_paused = true)]
async fn a_slow_sender_has_no_more_time_than_a_silent_one() {
    let daemon = daemon().await;
    for (slow, expected) in [(0, vec![]), (150, vec![408])] {
        let mut raw = Raw::connect(daemon.address).await;
        let whole = with_length(5000, &form(5000));
        let begun = Instant::now();
        raw.send(&whole[..slow]).await;
        for byte in &whole[slow..] {
            tokio::time::sleep(Duration::from_millis(200)).await;
            raw.send(&[*byte]).await;
            if begun.elapsed() > Duration::from_secs(11) {
                break;
            }
        }
        let answers = raw.answers().await;
        assert!(answers.is_closed && answers.statuses() == expected, "{answers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_has_sixteen_kibibytes() {
    let daemon = daemon().await;
    let head =
        |len: usize| format!("{}X: {}\r\n\r\n", &STATUS[..STATUS.len() - 2], "x".repeat(len));
    assert_eq!(exchange(daemon.address, head(15_000)).await.statuses(), [200]);
    for bytes in [
        head(17_000),
        head(1_000_000),
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(17_000)),
        format!("{}{}\r\n", &STATUS[..STATUS.len() - 2], "X: y\r\n".repeat(200)),
    ] {
        let answers = exchange(daemon.address, bytes).await;
        assert!(answers.is_closed);
        assert!(answers.statuses().iter().all(|status| [414, 431].contains(status)), "{answers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_at_once_are_answered_in_their_order() {
    let daemon = daemon().await;
    let bad = with_length(10, b"appid=%zz1");
    let bytes = [
        STATUS.as_bytes(),
        &bad,
        STATUS.as_bytes(),
        &in_chunks(b"a=b"),
        b"GET /x HTTP/1.1\r\n\r\n",
    ];
    let answers = exchange(daemon.address, bytes.concat()).await;
    assert_eq!(answers.statuses(), [200, 415, 200, 400, 404]);
    assert!(!answers.is_closed);
    for answer in &answers.all {
        for header in [
            "content-type: text/plain; charset=utf-8",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
        ] {
            assert!(answer.head.contains(header), "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_first_is_told_to_go_on_or_not() {
    let daemon = daemon().await;
    let head =
        |len: usize| format!("{PATH}{FORM}Content-Length: {len}\r\nExpect: 100-continue\r\n\r\n");
    let mut raw = Raw::connect(daemon.address).await;
    raw.send(head(3).as_bytes()).await;
    assert_eq!(raw.answers().await.statuses(), [100]);
    raw.send(b"a=b").await;
    assert_eq!(only(&raw.answers().await), (400, NO_FIELDS, false));
    let too_large = exchange(daemon.address, head(MAX_BODY + 1)).await;
    assert_eq!(only(&too_large), (413, TOO_LARGE, true));
    let other = head(3).replace("100-continue", "a miracle");
    assert_eq!(exchange(daemon.address, other + "a=b").await.statuses(), [400]);
}

#[tokio::test(start_paused = true)]
async fn http_1_0_is_answered_once() {
    let daemon = daemon().await;
    for (bytes, is_closed) in [
        ("GET /v1/status HTTP/1.0\r\n\r\n", true),
        ("GET /v1/status HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false),
        ("GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true),
    ] {
        let answers = exchange(daemon.address, bytes.repeat(2)).await;
        let expected = if is_closed { vec![200] } else { vec![200, 200] };
        assert_eq!((answers.statuses(), answers.is_closed), (expected, is_closed), "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_paths_and_other_methods_are_not_there() {
    let daemon = daemon().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/decrypt/",
        "/v1/decryptx",
        "/v2/decrypt",
        "/V1/decrypt",
        "/v1/../v1/decrypt",
        "/v1%2Fdecrypt",
        "/v1/%64ecrypt",
        "/metrics",
        "/healthz",
        "/.env",
        "/v1/decrypt;a",
        "*",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let answers =
                exchange(daemon.address, format!("{method} {path} HTTP/1.1\r\n\r\n")).await;
            assert!(
                answers
                    .all
                    .iter()
                    .all(|answer| answer.status == 404 && answer.body == "404 page not found\n"),
                "{method} {path}: {answers:?}"
            );
        }
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "post", "POSTS"]
    {
        let bytes = format!("{method} //v1/decrypt?taskid=1 HTTP/1.1\r\n\r\n");
        let answers = exchange(daemon.address, bytes).await;
        assert_eq!(only(&answers), (405, "Expected POST method\n", false));
        assert!(answers.all[0].head.contains("allow: post"));
    }
    let head = exchange(daemon.address, STATUS.replace("GET", "HEAD")).await;
    assert_eq!((head.statuses(), head.all[0].body.as_str()), (vec![200], ""));
    // Neither what is asked for nor the way of asking comes back.
    let answers = exchange(daemon.address, "TRACE /v1/status HTTP/1.1\r\nX: canary\r\n\r\n").await;
    assert!(!format!("{answers:?}").contains("canary"));
}

/// What is in the URL, which proxies write down, is none of the fields.
#[tokio::test]
async fn fields_are_taken_from_the_body_alone() {
    let world = World::new();
    let daemon = world.daemon().await;
    let app = &world.apps[0];
    let form = app.form(&app.message(&app.secrets[0], ""));
    let text = String::from_utf8(form.clone()).expect("text");
    let target = format!("POST /v1/decrypt?{text} HTTP/1.1\r\n{FORM}");
    for (bytes, expected) in [
        (format!("{target}Content-Length: 0\r\n\r\n"), 400),
        (format!("{target}Content-Length: 3\r\n\r\na=b"), 400),
        (
            format!(
                "POST /v1/decrypt?taskid=other HTTP/1.1\r\n{FORM}Content-Length: {}\r\n\r\n{text}",
                form.len()
            ),
            200,
        ),
    ] {
        assert_eq!(exchange(daemon.address, bytes).await.statuses(), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_too_many_takes_the_place_of_the_oldest_without_a_request() {
    let world = World::new();
    let setup = Setup { connections: 20, ..Setup::default() };
    let daemon = world.daemon_with(setup).await;
    let mut all = Vec::new();
    for _ in 0..30 {
        let mut raw = Raw::connect(daemon.address).await;
        raw.send(STATUS.as_bytes()).await;
        assert_eq!(raw.answers().await.statuses(), [200]);
        all.push(raw);
    }
    for raw in &mut all[..10] {
        let answers = raw.answers().await;
        assert!(answers.is_closed && answers.all.is_empty(), "{answers:?}");
    }
    for raw in &mut all[10..] {
        raw.send(STATUS.as_bytes()).await;
        assert_eq!(raw.answers().await.statuses(), [200]);
    }
    let numbers = daemon.metrics.render();
    let has = |line: &str| assert!(numbers.lines().any(|other| other == line), "{line}: {numbers}");
    has("secretary_connections 20");
}

/// An answer that nobody takes keeps its connection for a minute and a half, and nobody else from anything.
#[tokio::test(start_paused = true)]
async fn connections_that_wait_end_with_the_daemon() {
    let daemon = daemon().await;
    let mut idle = Raw::connect(daemon.address).await;
    idle.send(STATUS.as_bytes()).await;
    assert_eq!(idle.answers().await.statuses(), [200]);
    let mut fresh = Raw::connect(daemon.address).await;
    fresh.send(b"").await;
    tokio::task::yield_now().await;
    let address = daemon.address;
    let begun = Instant::now();
    daemon.end().await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    for mut raw in [idle, fresh] {
        let answers = raw.answers().await;
        assert!(answers.is_closed && answers.all.is_empty());
    }
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
