//! What a user reads when there is no good connection.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustls::ALL_VERSIONS;

use crate::certificates::{Authority, certificate, expired, not_yet_valid};
use crate::program::{Machine, PASSWORD};
use crate::route::{End, Route};

/// The name of AWS KMS in the region that is set.
const HOST: &str = "kms.us-east-1.amazonaws.com";

/// Encrypting has to fail with `code` and these words, without a token.
fn fails(machine: &Machine, code: i32, words: &str) {
    let run = machine.encrypt("alias/test");
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run:?}");
    assert!(run.stderr.contains(words), "{words:?} is not in {run:?}");
}

/// The same by both ways to `end`, which hears nothing of what was to be sent.
fn fails_at(end: &End, machine: &Machine, words: &str) {
    let proxy = Route::through_proxy(end.clone());
    fails(&machine.clone().behind(&proxy), 6, words);
    let direct = Route::direct(end.clone());
    fails(&machine.clone().straight_to(&direct), 6, words);
    for route in [proxy, direct] {
        assert!(route.seen().requests.is_empty());
    }
}

/// The names of AWS KMS by both ways.
const NAMES: &[&str] = &[HOST, "127.0.0.1"];

#[test]
fn a_certificate_of_an_authority_that_is_not_in_the_bundle() {
    // Also when it has the name of one that is.
    for name in ["another", "trusted"] {
        let machine = Machine::new().with_bundle();
        let config = Authority::new(name).server(certificate(NAMES), ALL_VERSIONS);
        fails_at(&End::Kms(config), &machine, "not signed by a trusted one");
    }
}

#[test]
fn a_bundle_is_in_the_place_of_the_systems_certificates() {
    let machine = Machine::new();
    let pem = machine.authority.pem();
    let machine = machine
        .trusting("SSL_CERT_FILE", &pem)
        .trusting("AWS_CA_BUNDLE", &Authority::new("another").pem());
    fails_at(&machine.kms(certificate(NAMES)), &machine, "not signed by a trusted one");
}

#[test]
fn a_bundle_that_is_not_there() {
    fails(&Machine::new().with("AWS_CA_BUNDLE", "/nowhere/ca.pem"), 3, "/nowhere/ca.pem");
}

#[test]
fn a_certificate_out_of_its_time_or_for_another_name() {
    for (certificate, words) in [
        (expired(NAMES), "has expired"),
        (not_yet_valid(NAMES), "not valid yet"),
        (certificate(&["kms.example"]), "for another name"),
    ] {
        let machine = Machine::new().with_bundle();
        fails_at(&machine.kms(certificate), &machine, words);
    }
}

/// The alert `protocol_version`, in the form that TLS 1.1 has.
const ONLY_TLS_1_1: &[u8] = &[21, 3, 2, 0, 2, 2, 70];

#[test]
fn what_speaks_no_tls_or_none_that_is_safe() {
    for (end, words) in [
        (End::Bytes(ONLY_TLS_1_1), "TLS that is safe"),
        (End::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n"), "does not speak TLS"),
        (End::Bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak TLS"),
        (End::Closed, "closed"),
    ] {
        fails_at(&end, &Machine::new().with_bundle(), words);
    }
}

#[test]
fn what_never_answers() {
    let started = Instant::now();
    fails_at(&End::Silent, &Machine::new().with_bundle(), "gave up after 5 s");
    assert!(started.elapsed() < Duration::from_secs(2 * 8));
}

#[test]
fn a_proxy_that_refuses() {
    for (answer, words) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "password"),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "the proxy"),
        ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "the proxy"),
        ("HTTP/1.1 200 ", "the proxy"),
        ("220 mail.example ESMTP\r\n", "the proxy"),
        ("", "the proxy"),
    ] {
        let machine = Machine::new().with_bundle();
        let proxy = Route::refused(answer);
        let url = format!("http://app:{PASSWORD}@127.0.0.1:{}", proxy.port);
        fails(&machine.with("HTTPS_PROXY", &url), 6, words);
        let connect = format!("CONNECT {HOST}:443");
        assert!(proxy.seen().tunnels.iter().all(|tunnel| *tunnel == connect), "{answer:?}");
        assert!(!proxy.seen().tunnels.is_empty(), "{answer:?}");
    }
}

#[test]
fn a_proxy_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let url = format!("http://app:{PASSWORD}@{address}");
    fails(
        &Machine::new().with_bundle().with("HTTPS_PROXY", &url),
        6,
        "the proxy can't be reached: connection refused",
    );
}
