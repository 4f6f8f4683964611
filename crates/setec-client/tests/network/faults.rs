//! What is said when there is no answer, or not all of it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use secretary_setec_client::{Client, Error, Obstacle, Settings};

use crate::support::fake::{Fake, Reply};
use crate::support::{client, settings};

const BODY: &str = r#"{"Value":"aGk=","Version":1}"#;

async fn get(fake: &Fake) -> Result<u32, Error> {
    client(&fake.url()).get("a").await.map(|secret| secret.version)
}

#[tokio::test]
async fn a_connection_that_breaks_is_said_to_and_nothing_is_sent_twice() {
    for reply in [
        Reply::Cut(200, BODY.into()),
        Reply::Cut(200, String::new()),
        Reply::Close,
        Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    ] {
        let fake = Fake::start(reply.clone());
        let error = get(&fake).await.expect_err("half an answer");
        assert_eq!(error, Error::Broken, "{reply:?}");
        assert!(error.may_pass());
        assert_eq!((fake.received().len(), fake.connections()), (1, 1), "{reply:?}");
    }
    let fake = Fake::start(Reply::Reset);
    assert_eq!(get(&fake).await, Err(Error::Broken));
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn the_status_counts_even_when_its_body_is_cut_or_has_no_end() {
    for reply in [Reply::Cut(404, "not fou".into()), Reply::Endless(404)] {
        assert_eq!(get(&Fake::start(reply)).await, Err(Error::NotFound));
    }
    for reply in [Reply::Cut(500, "internal".into()), Reply::Endless(500)] {
        let error = Error::Status { code: 500, refusal: None };
        assert_eq!(get(&Fake::start(reply)).await, Err(error));
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_too_large() {
    assert_eq!(get(&Fake::start(Reply::Endless(200))).await, Err(Error::TooLarge(1 << 20)));
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    for bytes in [b"SSH-2.0-OpenSSH_9.9\r\n".as_slice(), b"\x15\x03\x03\x00\x02\x02\x46", b"\0\0"] {
        let error = get(&Fake::start(Reply::Raw(bytes))).await.expect_err("no answer");
        let is_told = matches!(error, Error::Unreachable(Obstacle::NoHttp) | Error::Broken);
        assert!(is_told, "{error:?}");
    }
}

#[tokio::test]
async fn the_time_is_for_all_of_a_call() {
    for reply in [Reply::Never, Reply::Slow(BODY.into())] {
        let fake = Fake::start(reply);
        let timeout = Duration::from_millis(300);
        let settings = Settings { timeout, ..settings(&fake.url()) };
        let (client, start) = (Client::new(&settings).expect("settings"), Instant::now());
        let error = client.get("a").await.expect_err("no time");
        assert_eq!(error, Error::Late(timeout));
        assert!(error.may_pass());
        assert!((timeout..timeout * 10).contains(&start.elapsed()), "{:?}", start.elapsed());
    }
    let slowly = Fake::start(Reply::Slow(BODY.into()));
    assert_eq!(get(&slowly).await, Ok(1), "with time enough it comes to its end");
}

#[tokio::test]
async fn who_does_not_listen_or_does_not_answer_is_not_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let connect_timeout = Duration::from_millis(300);
    let settings = Settings { connect_timeout, ..settings(&format!("https://{address}")) };
    let client = Client::new(&settings).expect("settings");
    // The system accepts the connection, and nobody speaks.
    let silent = client.get("a").await.expect_err("nobody there");
    assert_eq!(silent, Error::Unreachable(Obstacle::Silence));
    drop(listener);
    let refused = client.get("a").await.expect_err("nobody there");
    assert_eq!(refused, Error::Unreachable(Obstacle::Refused));
    assert!(silent.may_pass() && refused.may_pass());
}

#[tokio::test]
async fn a_connection_that_was_closed_between_two_calls_is_made_again() {
    let fake = Fake::start(Reply::Last(200, BODY.into()));
    let client = client(&fake.url());
    for calls in 1..=5 {
        assert_eq!(client.get("a").await.map(|secret| secret.version), Ok(1));
        // As a program does that has other things to do between two calls.
        fake.wait_for_end(calls);
        assert_eq!((fake.received().len(), fake.connections()), (calls, calls));
    }
}

#[tokio::test]
async fn connections_are_used_again_after_any_answer() {
    for status in [200, 304, 403, 404, 412, 500, 503] {
        let fake = Fake::start(Reply::new(status, if status == 200 { BODY } else { "" }));
        let client = client(&fake.url());
        for _ in 0..5 {
            assert_eq!(client.get("a").await.is_ok(), status == 200);
        }
        assert_eq!((fake.received().len(), fake.connections()), (5, 1), "{status}");
    }
}
