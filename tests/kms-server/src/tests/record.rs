//! What the server tells of what it saw.

use std::time::Instant;

use super::*;

#[test]
fn tells_what_came() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    client.ask(&generate("latency-1"));
    client.ask(&signed("run-x", "Decrypt", &json!({"CiphertextBlob": "AAAA"})));
    client.ask(&generate("no-such-setting"));
    let (status, _, body) = client.ask(&plain("GET /requests", &[]));
    let seen = parsed(&body);
    assert_eq!(status, 200);
    for (name, value) in [
        ("generate", json!(1)),
        ("decrypt", json!(1)),
        ("total", json!(2)),
        ("connections", json!(1)),
        ("max_in_flight", json!(1)),
        ("targets", json!(["TrentService.GenerateDataKey", "TrentService.Decrypt"])),
    ] {
        assert_eq!(seen[name], value, "{name}");
    }
    let last = &seen["last"];
    assert_eq!(last["body"], "{\"CiphertextBlob\":\"AAAA\"}");
    assert_eq!((&last["path"], &last["region"]), (&json!("/run-x"), &json!("eu-west-1")));
    assert_eq!(last["access_key_id"], "AKIDTEST");
    assert_eq!(last["headers"]["x-amz-security-token"], "session");
    let authorization = last["headers"]["authorization"].as_str().unwrap();
    assert!(authorization.ends_with("x-amz-date;x-amz-target"), "{authorization}");
    assert_eq!(server.requests().to_json(), seen);
}

#[test]
fn a_reset_begins_again() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    assert_eq!(client.ask(&generate("throttle-10")).0, 400);
    assert_eq!(client.ask(&generate("throttle-10")).0, 200);
    assert_eq!(client.ask(&plain("POST /reset", &["Content-Length: 0"])).0, 200);
    assert_eq!((server.requests().total, server.requests().targets.len()), (0, 0));
    assert_eq!(client.ask(&generate("throttle-10")).0, 400);
}

#[test]
fn sixteen_are_in_flight_at_once() {
    let server = Server::start();
    let clients: Vec<_> = (0..16)
        .map(|_| {
            let mut client = Client::of(&server);
            client.send(&generate("hang"));
            client
        })
        .collect();
    let start = Instant::now();
    while server.requests().max_in_flight < 16 {
        assert!(start.elapsed() < PATIENCE, "{:?}", server.requests().max_in_flight);
        std::thread::yield_now();
    }
    assert_eq!(server.requests().connections, 16);
    drop(clients);
    // The server sees each close, and what it holds is let go.
    while server.requests().in_flight > 0 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
}
