//! What is on the disk: after the end, when there is nothing to write, and when there is no room.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::exchange::{Answer, Connection};
use crate::machine::{Machine, PATIENCE, Server};
use crate::tailnet::{EVERYTHING, NOTHING};

const LOG: &str = "state/audit.log";

fn internal() -> (u16, String) {
    (500, "internal error\n".to_string())
}

fn ask(connection: &mut Connection, call: &str, body: Value) -> Answer {
    connection.call(call, body.to_string().as_bytes())
}

fn put(connection: &mut Connection, name: &str, value: &str) -> (u16, String) {
    let value = BASE64_STANDARD.encode(value);
    ask(connection, "put", json!({"Name": name, "Value": value})).short()
}

/// The active value and its number.
fn get(connection: &mut Connection, name: &str) -> (u16, String) {
    let answer = ask(connection, "get", json!({"Name": name}));
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return answer.short() };
    let value = BASE64_STANDARD.decode(body["Value"].as_str().expect("a value")).expect("base64");
    (answer.status, format!("{} {}", body["Version"], String::from_utf8(value).expect("text")))
}

fn verify(machine: &Machine, files: &[&str]) {
    let run = machine.run(&[&["audit", "verify"], files].concat());
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
}

/// A server whose files can have so many blocks of 512 bytes and no more, as on a disk that is full.
fn start_on_a_small_disk(machine: &Machine, blocks: u64) -> Server<'_> {
    let program = env!("CARGO_BIN_EXE_secretary");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} \"$@\"");
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().current_dir(machine.path("")).args(["-c", &script, "sh", "server"]);
    machine.start_as(&mut shell, &[])
}

#[test]
fn what_was_answered_is_there_after_the_end() {
    let machine = Machine::new();
    for (round, signal) in [(1, Signal::SIGKILL), (2, Signal::SIGTERM), (3, Signal::SIGKILL)] {
        let mut server = machine.start(&[]);
        let mut connection = server.connect();
        for number in 1..round {
            assert_eq!(get(&mut connection, &format!("a/{number}")), (200, "1 x".to_string()));
        }
        assert_eq!(put(&mut connection, &format!("a/{round}"), "x"), (200, "1".to_string()));
        assert_eq!(put(&mut connection, "b", &round.to_string()), (200, round.to_string()));
        server.signal(signal);
        server.wait();
    }
    let server = machine.start(&[]);
    let versions = ask(&mut server.connect(), "info", json!({"Name": "b"})).text();
    assert_eq!(versions, r#"{"Name":"b","Versions":[1,2,3],"ActiveVersion":1}"#);
    server.stop();
    verify(&machine, &[LOG]);
    let puts = machine.audit_lines(LOG, EVERYTHING);
    assert_eq!(puts.iter().filter(|line| line["action"] == "put").count(), 6);
}

#[test]
fn what_can_not_be_written_down_is_not_done() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let mut connection = server.connect();
    put(&mut connection, "a", "swordfish");
    put(&mut connection, "a", "another");
    // So that the log is the largest file, and the first without room.
    let long = "x".repeat(4000);
    for _ in 0..60 {
        assert_eq!(get(&mut connection, &long).0, 404);
    }
    server.stop();
    let blocks = fs::metadata(machine.path(LOG)).expect("a log").len().div_ceil(512) + 6;
    let mut server = start_on_a_small_disk(&machine, blocks);
    let mut connection = server.connect();
    let mut answered = 0;
    let refused = loop {
        match get(&mut connection, "a") {
            (200, value) => assert_eq!(value, "1 swordfish"),
            refused => break refused,
        }
        answered += 1;
        assert!(answered < 20, "3 KiB have room for less than that");
    };
    assert_eq!((refused, answered > 0), (internal(), true));
    for (call, body) in [
        ("get", json!({"Name": "a", "Version": 2})),
        ("get", json!({"Name": "a", "Version": 2, "UpdateIfChanged": true})),
        ("info", json!({"Name": "a"})),
        ("list", json!({})),
        ("put", json!({"Name": "a", "Value": "eA=="})),
        ("put", json!({"Name": "new", "Value": "eA=="})),
        // It is so already, which is not told to anybody either.
        ("put", json!({"Name": "a", "Value": BASE64_STANDARD.encode("another")})),
        ("activate", json!({"Name": "a", "Version": 1})),
        ("delete", json!({"Name": "never"})),
        ("create-version", json!({"Name": "a", "Version": 9, "Value": "eA=="})),
        ("activate", json!({"Name": "a", "Version": 2})),
        ("delete-version", json!({"Name": "a", "Version": 2})),
        ("delete", json!({"Name": "a"})),
    ] {
        assert_eq!(ask(&mut connection, call, body).short(), internal(), "{call}");
    }
    // Who may not is told so all the same, and who has the value needs no line.
    let denied = get(&mut server.connect_from(NOTHING), "a");
    assert_eq!(denied, (403, "access denied\n".to_string()));
    let known = json!({"Name": "a", "Version": 1, "UpdateIfChanged": true});
    assert_eq!(ask(&mut connection, "get", known).short(), (304, String::new()));
    assert!(server.has_said().contains("calls can't be written to the audit log"));

    // A new file has room, and nothing of all that has come about.
    fs::rename(machine.path(LOG), machine.path("state/audit.log.1")).expect("it is there");
    server.signal(Signal::SIGHUP);
    server.says("the audit log goes on in a new file");
    let list = ask(&mut connection, "list", json!({})).text();
    assert_eq!(list, r#"[{"Name":"a","Versions":[1,2],"ActiveVersion":1}]"#);
    server.says("calls are written to the audit log again");
    server.stop();
    verify(&machine, &["state/audit.log.1", LOG]);
}

/// The bytes of the store.
fn stored(machine: &Machine) -> Vec<Vec<u8>> {
    let file = |name: &str| -> PathBuf { machine.path("state").join(name) };
    ["secrets.db", "secrets.db-wal"].map(|name| fs::read(file(name)).unwrap_or_default()).to_vec()
}

/// The same as soon as nothing has changed for half a second.
fn settled(machine: &Machine) -> Vec<Vec<u8>> {
    let end = Instant::now() + PATIENCE;
    let mut before = stored(machine);
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(500));
        let now = stored(machine);
        if now == before {
            return now;
        }
        before = now;
    }
    panic!("the store never rests")
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let mut connection = server.connect();
    put(&mut connection, "a", "one");
    put(&mut connection, "a", "two");
    let before = settled(&machine);
    assert!(before[0].starts_with(b"SQLite format 3\0"));
    for (call, body, answer) in [
        ("put", json!({"Name": "a", "Value": BASE64_STANDARD.encode("two")}), "2"),
        ("activate", json!({"Name": "a", "Version": 1}), "{}"),
        ("delete", json!({"Name": "never"}), "{}"),
        ("list", json!({}), r#"[{"Name":"a","Versions":[1,2],"ActiveVersion":1}]"#),
    ] {
        assert_eq!(ask(&mut connection, call, body).short(), (200, answer.to_string()), "{call}");
    }
    assert_eq!(ask(&mut connection, "activate", json!({"Name": "a", "Version": 3})).status, 404);
    assert!(settled(&machine) == before, "the store was written to");
    // It can be seen.
    assert_eq!(put(&mut connection, "a", "three").0, 200);
    assert!(settled(&machine) != before);
    server.stop();
}

#[test]
fn a_write_that_fails_changes_nothing() {
    let machine = Machine::new();
    machine.start(&[]).stop();
    let mut server = start_on_a_small_disk(&machine, 512);
    let mut connection = server.connect();
    assert_eq!(put(&mut connection, "a", "one"), (200, "1".to_string()));
    let large = "x".repeat(1 << 20);
    assert_eq!(put(&mut connection, "a", &large), internal());
    server.says("a call has failed");
    let value = BASE64_STANDARD.encode(&large);
    let create = json!({"Name": "b", "Version": 7, "Value": value});
    assert_eq!(ask(&mut connection, "create-version", create).short(), internal());
    assert_eq!(get(&mut connection, "a"), (200, "1 one".to_string()));
    assert_eq!(get(&mut connection, "b"), (404, "not found\n".to_string()));
    let list = r#"[{"Name":"a","Versions":[1],"ActiveVersion":1}]"#;
    assert_eq!(ask(&mut connection, "list", json!({})).text(), list);
    // Their numbers are not taken, and there is room for what is small.
    assert_eq!(put(&mut connection, "a", "two"), (200, "2".to_string()));
    server.stop();
    let server = machine.start(&[]);
    let mut connection = server.connect();
    let list = r#"[{"Name":"a","Versions":[1,2],"ActiveVersion":1}]"#;
    assert_eq!(ask(&mut connection, "list", json!({})).text(), list);
    server.stop();
    verify(&machine, &[LOG]);
    // What was going to happen is in the log, and that it did not.
    let lines = machine.audit_lines(LOG, EVERYTHING);
    for (action, secret) in [("put", "a"), ("create-version", "b")] {
        let of = |event: &str| {
            let mut lines = lines.iter().filter(|line| line["event"] == event);
            lines.find(|line| {
                line["action"] == action && line["secret"] == secret && line["served"] != 1
            })
        };
        let (failed, access) = (of("failed").expect("a line"), of("access").expect("a line"));
        assert_eq!((&failed["id"], &failed["result"]), (&access["id"], &json!("error")));
    }
}
