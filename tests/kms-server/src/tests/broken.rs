//! Answers that do not arrive whole.

use std::time::Instant;

use super::*;

/// The connection is open, and nothing comes.
fn expect_silence(client: &mut Client) {
    client.0.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let error = client.0.fill_buf().unwrap_err();
    assert!(
        matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
        "{error}"
    );
}

#[test]
fn truncated_is_half_of_what_the_head_promises() {
    let server = Server::start();
    let mut client = Client::of(&server);
    client.send(&generate("truncate"));
    let head = client.head();
    let length: usize = head.split("Content-Length: ").nth(1).unwrap().trim().parse().unwrap();
    let body = client.rest();
    assert_eq!(body.len(), length / 2);
    assert!(body.starts_with("{\"CiphertextBlob\""), "{body}");
}

#[test]
fn half_open_is_the_same_and_then_nothing() {
    let server = Server::start();
    let mut client = Client::of(&server);
    client.send(&generate("half-open"));
    let head = client.head();
    let length: usize = head.split("Content-Length: ").nth(1).unwrap().trim().parse().unwrap();
    client.0.read_exact(&mut vec![0; length / 2]).unwrap();
    expect_silence(&mut client);
}

#[test]
fn what_is_no_http_is_a_line() {
    let server = Server::start();
    let mut client = Client::of(&server);
    client.send(&generate("not-http"));
    assert_eq!(client.rest(), "garbage\r\n\r\n");
}

#[test]
fn closed_has_no_answer() {
    let server = Server::start();
    let mut client = Client::of(&server);
    client.send(&generate("close"));
    assert_eq!(client.rest(), "");
}

#[test]
fn hung_ends_with_the_server() {
    let server = Server::start();
    let mut client = Client::of(&server);
    client.send(&generate("hang"));
    expect_silence(&mut client);
    client.0.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    drop(server);
    assert_eq!(client.rest(), "");
}

#[test]
fn huge_goes_on() {
    let server = Server::start();
    let mut client = Client::of(&server);
    client.send(&generate("huge"));
    assert!(client.head().contains("Transfer-Encoding: chunked"));
    let mut some = vec![0; 32 << 20];
    client.0.read_exact(&mut some).unwrap();
    assert!(some.starts_with(b"e\r\n{\"Plaintext\":\"\r\n10000\r\nAAAA"));
}

#[test]
fn a_slow_body_comes_byte_by_byte() {
    let server = Server::start();
    let mut client = Client::of(&server);
    let start = Instant::now();
    client.send(&generate("slow-body/invalid-ciphertext"));
    assert!(client.head().contains("400 Bad Request"));
    let mut some = [0; 3];
    client.0.read_exact(&mut some).unwrap();
    assert_eq!(&some, b"{\"_");
    assert!(start.elapsed() >= Duration::from_millis(300));
}

#[test]
fn the_first_ones_fail_and_the_next_works() {
    let server = Server::start();
    for setting in ["close-first-2", "truncate-first-2", "run-b/close-first-2"] {
        let whole = |_| {
            let mut client = Client::of(&server);
            client.send(&generate(setting).replace("Host", "Connection: close\r\nHost"));
            client.rest().ends_with('}')
        };
        assert_eq!([0, 1, 2, 3].map(whole), [false, false, true, true], "{setting}");
    }
}
