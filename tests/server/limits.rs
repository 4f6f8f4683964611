//! What is too large, too slow, too much, or no request at all, and requests that are under way at the end.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::Signal;

use crate::exchange::{Answer, Connection, HEADERS, request};
use crate::machine::{Machine, PATIENCE};
use crate::tailnet::UNKNOWN;

/// The most bytes of a body.
const MAX_BODY: usize = 16 << 20;

const TOO_LARGE: &str = "request body too large\n";

fn not_found() -> (u16, String) {
    (404, "not found\n".to_string())
}

/// The head of a call with one header more, and none about its body.
fn head(call: &str, header: &str) -> Vec<u8> {
    let head = String::from_utf8(request("POST", &format!("/api/{call}"), &HEADERS, b""));
    head.expect("ASCII").replace("Content-Length: 0\r\n", header).into_bytes()
}

#[test]
fn a_body_has_sixteen_mebibytes() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    // With the rest of a request this is as much as there may be.
    let (before, after) = (r#"{"Name":"a","X":"#, r#"","Value":"eA=="}"#);
    let filler = "x".repeat(MAX_BODY - before.len() - after.len() - 1);
    let body = format!("{before}\"{filler}{after}");
    assert_eq!(body.len(), MAX_BODY);
    assert_eq!(server.connect().call("put", body.as_bytes()).short(), (200, "1".to_string()));

    // One byte more is refused when it is announced, and not only when it has come.
    let mut connection = server.connect();
    let announced = head("put", &format!("Content-Length: {}\r\n", MAX_BODY + 1));
    connection.write_all(&announced).expect("it listens");
    assert_eq!(connection.answer().expect("one").short(), (413, TOO_LARGE.to_string()));
    assert!(connection.is_closed());

    // Without an announcement it is, when it has come.
    let mut connection = server.connect();
    connection.write_all(&head("put", "Transfer-Encoding: chunked\r\n")).expect("it listens");
    let chunk = [b"100000\r\n", "x".repeat(1 << 20).as_bytes(), b"\r\n"].concat();
    let sent = (0..20).take_while(|_| connection.write_all(&chunk).is_ok()).count();
    if sent == 20 {
        assert_eq!(connection.answer().expect("one").short(), (413, TOO_LARGE.to_string()));
    }
    assert!(sent >= 16, "{sent} MiB");
    server.stop();
}

/// Whoever may call could otherwise fill the memory.
#[test]
fn bodies_together_have_a_hundred_and_twenty_eight_mebibytes() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let announced = head("put", &format!("Content-Length: {MAX_BODY}\r\n"));
    let large = [announced.as_slice(), "x".repeat(MAX_BODY - 1).as_bytes()].concat();
    // Nine of them are more than that, wherever the last one is.
    let mut connections: Vec<Connection> = (0..9).map(|_| server.connect()).collect();
    // How each is refused that is: who is still sending may only find that the connection has ended.
    let send = |connection: &mut Connection| {
        let Connection::Tls(tls) = &*connection else { unreachable!("over TLS") };
        tls.sock.set_read_timeout(Some(Duration::from_secs(3))).expect("a time");
        let answer = connection.write_all(&large).and_then(|()| connection.answer());
        let waits =
            answer.as_ref().err().is_some_and(|error| error.kind() == ErrorKind::WouldBlock);
        (!waits).then_some(answer.ok())
    };
    let refused: Vec<Option<Answer>> = thread::scope(|scope| {
        let sending = connections.iter_mut().map(|connection| scope.spawn(|| send(connection)));
        let sending: Vec<_> = sending.collect();
        sending.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!((1..=2).contains(&refused.len()), "{refused:?}");
    for answer in refused.into_iter().flatten() {
        assert_eq!(answer.short(), (503, "too many requests at once\n".to_string()));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // Whoever is refused may send on, and reads why. One of the nine may have left room for one that waits.
    let refused = (0..2).find_map(|_| {
        let mut connection = server.connect();
        let refused = send(&mut connection);
        connections.push(connection);
        refused
    });
    let answer = refused.expect("no room for two").expect("it is read on");
    assert_eq!(answer.short(), (503, "too many requests at once\n".to_string()));
    // What is as small as usual is taken, and all is when the others are gone.
    assert_eq!(server.connect().call("put", br#"{"Name":"b","Value":""}"#).status, 200);
    drop(connections);
    let body = format!(r#"{{"Name":"a","Value":"","X":"{}"}}"#, "x".repeat(MAX_BODY - 100));
    let end = Instant::now() + PATIENCE;
    while server.connect().try_call("put", body.as_bytes()).map_or(0, |answer| answer.status) != 200
    {
        assert!(Instant::now() < end, "the others never go");
    }
    server.stop();
}

#[test]
fn who_is_nobody_is_not_asked_for_a_body() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let expecting = head("put", "Content-Length: 20\r\nExpect: 100-continue\r\n");
    let mut connection = server.connect_from(UNKNOWN);
    connection.write_all(&expecting).expect("it listens");
    let refused = (500, "unable to identify caller\n".to_string());
    assert_eq!(connection.answer().expect("one").short(), refused);
    // Somebody is.
    let mut connection = server.connect();
    connection.write_all(&expecting).expect("it listens");
    assert_eq!(connection.answer().expect("one").status, 100);
    connection.write_all(br#"{"Name":"a","X":"x"}"#).expect("it listens");
    assert_eq!(connection.answer().expect("one").short(), (200, "1".to_string()));
    server.stop();
}

/// What is sent, and the status of the answer, if there is one.
fn status_of(connection: &mut Connection, bytes: &[u8]) -> Option<u16> {
    connection.write_all(bytes).ok()?;
    connection.answer().ok().map(|answer| answer.status)
}

#[test]
fn what_is_no_request_is_refused_and_ends_the_connection() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let with = |header: &str| head("list", &format!("Content-Length: 2\r\n{header}\r\n"));
    let body = |head: Vec<u8>| [head, b"{}".to_vec()].concat();
    assert_eq!(status_of(&mut server.connect(), &body(with("X: y"))), Some(200));
    for (bytes, status) in [
        (b"GARBAGE\r\n\r\n".to_vec(), 400),
        (b"POST /api/list\r\n\r\n".to_vec(), 400),
        (body(with("no colon")), 400),
        (body(with("Content-Length: 3")), 400),
        (body(with("Transfer-Encoding: chunked, identity")), 400),
        (head("list", "Content-Length: -1\r\n"), 400),
        (head("list", "Transfer-Encoding: gzip\r\n"), 400),
        (body(with(&format!("X: {}", "y".repeat(20_000)))), 431),
        (body(with("X: y\r\n".repeat(200).trim_end())), 431),
        (format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000)).into_bytes(), 431),
    ] {
        let mut connection = server.connect();
        let found = status_of(&mut connection, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(160)]).into_owned();
        // A large one may be refused before all of it is sent, which loses the answer.
        let may_be_lost = bytes.len() > 16_000 && found.is_none();
        assert!(found == Some(status) || may_be_lost, "{found:?} and not {status}: {shown}");
        assert!(connection.is_closed(), "{shown}");
    }
    // Both ways to say how long it is could be taken for two requests by whoever stands before the server.
    let both = body(with("Transfer-Encoding: chunked"));
    let mut connection = server.connect();
    let found = status_of(&mut connection, &both);
    assert!(found != Some(200) && connection.is_closed(), "{found:?}");
    server.stop();
}

#[test]
fn requests_in_one_piece_are_answered_in_their_order() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let call = |call: &str, body: &str| {
        request("POST", &format!("/api/{call}"), &HEADERS, body.as_bytes())
    };
    let all = [
        call("put", r#"{"Name":"a","Value":"eA=="}"#),
        call("get", r#"{"Name":"a","Version":1,"UpdateIfChanged":true}"#),
        call("get", r#"{"Name":"b"}"#),
        call("info", r#"{"Name":"a"}"#),
    ];
    let mut connection = server.connect();
    connection.write_all(&all.concat()).expect("it listens");
    let statuses = all.map(|_| connection.answer().expect("one each").status);
    assert_eq!(statuses, [200, 304, 404, 200]);
    connection.end();
    server.stop();
}

#[test]
fn a_path_has_one_spelling_and_everything_else_is_not_there() {
    let machine = Machine::new();
    let server = machine.start(&["--admin-listen", "127.0.0.1:0"]);
    let mut connection = server.connect();
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/nope",
        "/api/get/",
        "//api/get",
        "/API/get",
        "/api/../api/get",
        "/api%2Fget",
        "/static/style.css",
        "/debug/vars",
        "/metrics",
        "/healthz",
        "/favicon.ico",
    ] {
        for method in ["GET", "POST"] {
            connection.write_all(&request(method, path, &HEADERS, b"{}")).expect("it listens");
            assert_eq!(connection.answer().expect("one").short(), not_found(), "{method} {path}");
        }
    }
    connection.write_all(&request("POST", "/api/list?a=b", &HEADERS, b"{}")).expect("it listens");
    assert_eq!(connection.answer().expect("one").short(), (200, "null".to_string()));
    // What was asked for has no place in the numbers.
    let metrics = Connection::plain(server.admin()).get("/metrics").text();
    assert!(!metrics.contains("nope") && metrics.contains(r#"path="/api/list""#), "{metrics}");
    server.stop();
}

#[test]
fn numbers_and_health_are_at_another_address_and_nothing_else_is() {
    let machine = Machine::new();
    let mut server = machine.start(&["--admin-listen", "127.0.0.1:0"]);
    server.says("metrics on");
    let mut admin = Connection::plain(server.admin());
    assert_eq!(admin.get("/healthz").short(), (200, "ok\n".to_string()));
    assert_eq!(server.connect().call("info", br#"{"Name":"a"}"#).status, 404);
    let metrics = admin.get("/metrics");
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((metrics.status, metrics.header("content-type")), (200, Some(kind)));
    for line in [
        r#"secretary_server_calls_total{path="/api/info",outcome="not_found"} 1"#,
        "secretary_server_call_seconds_count 1",
        "secretary_server_sealed 0",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}: {}", metrics.text());
    }
    assert!(metrics.text().ends_with("# EOF\n"));
    for path in ["/", "/api/list", "/api/get", "/debug/vars"] {
        assert_eq!(admin.get(path).short(), not_found(), "{path}");
        admin.write_all(&request("POST", path, &HEADERS, b"{}")).expect("it listens");
        assert_eq!(admin.answer().expect("one").short(), not_found(), "{path}");
    }
    server.stop();
}

#[test]
fn one_connection_more_takes_the_place_of_the_oldest_that_is_idle() {
    let machine = Machine::new();
    let server = machine.start(&["--max-connections", "4", "--admin-listen", "127.0.0.1:0"]);
    let list =
        |connection: &mut Connection| connection.try_call("list", b"{}").map(|one| one.status);
    let mut all: Vec<Connection> = (0..4).map(|_| server.connect()).collect();
    assert!(all.iter_mut().all(|connection| list(connection).is_ok_and(|status| status == 200)));
    let mut new = server.connect();
    assert_eq!(list(&mut new).expect("a place"), 200);
    let left: Vec<bool> = all.iter_mut().map(|connection| list(connection).is_ok()).collect();
    assert_eq!(left, [false, true, true, true]);
    // Those who look after it have places of their own.
    assert_eq!(Connection::plain(server.admin()).get("/healthz").status, 200);
    server.stop();
}

#[test]
fn who_is_slow_is_not_waited_for() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    thread::scope(|scope| {
        // A head has ten seconds from its first byte, as TLS has; a body has thirty from the end of the head.
        scope.spawn(|| {
            let mut connection = server.connect();
            let begun = Instant::now();
            connection.write_all(b"POST /api/list HTTP/1.1\r\nHost: ").expect("it listens");
            assert!(connection.is_closed());
            assert!(begun.elapsed() >= Duration::from_secs(9), "{:?}", begun.elapsed());
        });
        scope.spawn(|| {
            let mut stream = TcpStream::connect(server.address()).expect("it listens");
            stream.set_read_timeout(Some(PATIENCE)).expect("a time");
            assert!(!matches!(stream.read(&mut [0]), Ok(1..)));
        });
        scope.spawn(|| {
            let mut connection = server.connect();
            let begun = Instant::now();
            let mut cut = request("POST", "/api/put", &HEADERS, br#"{"Name":"slow"}"#);
            cut.truncate(cut.len() - 1);
            connection.write_all(&cut).expect("it listens");
            // It takes longer than anything else here.
            let Connection::Tls(tls) = &connection else { unreachable!("over TLS") };
            tls.sock.set_read_timeout(Some(2 * PATIENCE)).expect("a time");
            let answer = connection.answer().expect("one");
            assert_eq!(answer.short(), (400, "bad request\n".to_string()));
            assert!(begun.elapsed() >= Duration::from_secs(29), "{:?}", begun.elapsed());
            assert!(connection.is_closed());
        });
    });
    let known = server.connect().call("info", br#"{"Name":"slow"}"#);
    assert_eq!(known.short(), not_found());
    server.stop();
}

#[test]
fn what_speaks_no_tls_gets_no_answer() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let mut connection = Connection::plain(server.address());
    connection.write_all(&request("POST", "/api/list", &HEADERS, b"{}")).expect("it listens");
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    server.stop();
}

#[test]
fn a_request_under_way_is_answered_at_the_end_and_no_other_comes() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let machine = Machine::new();
        let mut server = machine.start(&[]);
        let (mut idle, mut used) = (server.connect(), server.connect());
        assert_eq!(used.call("list", b"{}").status, 200);
        let value = BASE64_STANDARD.encode("x".repeat(1 << 20));
        let body = format!(r#"{{"Name":"last","Value":"{value}"}}"#);
        let put = request("POST", "/api/put", &HEADERS, body.as_bytes());
        let (first, rest) = put.split_at(put.len() / 2);
        let mut busy = server.connect();
        busy.write_all(first).expect("it listens");
        thread::sleep(Duration::from_millis(200));
        server.signal(signal);
        server.says("no more connections are accepted");
        assert!(idle.is_closed() && used.is_closed());
        thread::sleep(Duration::from_millis(100));
        assert!(TcpStream::connect(server.address()).is_err());
        assert!(server.child.try_wait().expect("a child").is_none(), "it waits for the rest");
        busy.write_all(rest).expect("it is still read");
        assert_eq!(busy.answer().expect("one").short(), (200, "1".to_string()));
        assert!(busy.is_closed());
        assert_eq!(server.wait().code(), Some(0), "{}", server.has_said());
        // It is there at the next start.
        let server = machine.start(&[]);
        let info = server.connect().call("info", br#"{"Name":"last"}"#).text();
        assert_eq!(info, r#"{"Name":"last","Versions":[1],"ActiveVersion":1}"#);
        server.stop();
    }
}

/// What the log says was done is done, though nobody waits for the answer.
#[test]
fn a_write_has_its_effect_though_its_caller_has_gone() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    thread::scope(|scope| {
        for thread in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for number in 0..25 {
                    let body = format!(r#"{{"Name":"{thread}/{number}","Value":"eA=="}}"#);
                    let put = request("POST", "/api/put", &HEADERS, body.as_bytes());
                    let mut connection = server.connect();
                    connection.write_all(&put).expect("it listens");
                    // It goes at another point of what is done each time.
                    thread::sleep(Duration::from_millis(number));
                }
            });
        }
    });
    server.stop();
    let log = std::fs::read_to_string(machine.path("state/audit.log")).expect("a log");
    assert!(!log.contains(r#""event":"failed""#), "{log}");
    let put: Vec<_> = log
        .lines()
        .filter(|line| line.contains(r#""action":"put""#))
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .collect();
    assert!(!put.is_empty(), "none of them was begun");
    let server = machine.start(&[]);
    let mut connection = server.connect();
    for line in put {
        let name = line["secret"].as_str().expect("a name");
        let get = connection.call("get", format!(r#"{{"Name":"{name}"}}"#).as_bytes());
        assert_eq!(get.short(), (200, r#"{"Value":"eA==","Version":1}"#.to_string()), "{name}");
    }
    server.stop();
}

/// Otherwise who holds a request back says when the server ends.
#[test]
fn told_again_it_waits_for_nobody() {
    let machine = Machine::new();
    let mut server = machine.start(&[]);
    let mut cut = request("POST", "/api/put", &HEADERS, br#"{"Name":"last","Value":"eA=="}"#);
    cut.truncate(cut.len() - 1);
    let mut busy = server.connect();
    busy.write_all(&cut).expect("it listens");
    thread::sleep(Duration::from_millis(200));
    server.signal(Signal::SIGTERM);
    server.says("no more connections are accepted");
    thread::sleep(Duration::from_millis(500));
    assert!(server.child.try_wait().expect("a child").is_none(), "it waits for the rest");
    let begun = Instant::now();
    server.signal(Signal::SIGTERM);
    server.says("ending at once");
    assert_eq!(server.wait().code(), Some(0), "{}", server.has_said());
    // By itself it would after as long as a body has.
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(busy.is_closed());
    // What did not come is not there.
    let server = machine.start(&[]);
    assert_eq!(server.connect().call("info", br#"{"Name":"last"}"#).short(), not_found());
    server.stop();
}
