//! What is kept on a server is in nothing that it says, logs, counts or leaves on the disk.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::Signal;

use crate::exchange::Connection;
use crate::machine::{KEY, Machine, Server};
use crate::tailnet::NOTHING;

const VALUE: &str = "c4n4ry-value-7Qm2";
/// A token, and what the file has of it.
const TOKEN: &str = "st_c4n4ry-token-Zk81-aaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const HASH: &str = "08b8875d203161a2b325cb10c9c7f63e87ebcd95824dabe425b1e3bb6152042b";

/// A call with this token, on a connection of its own.
fn with_token(server: &Server<'_>, token: &str, body: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    server.connect().call_with(&[("Authorization", &bearer)], "put", body.as_bytes()).status
}

fn has(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// All files below a folder, with what is in them.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        files.push((path.display().to_string(), fs::read(&path).expect("a file")));
    }
    files
}

#[test]
fn no_value_no_token_and_no_key_is_anywhere_but_in_an_answer() {
    let machine = Machine::new();
    let token = format!("[[token]]\nname = \"ci\"\nsha256 = \"{HASH}\"\n");
    machine.write("tokens", token);
    let grant = "[[grant]]\nprincipal = [\"token:ci\"]\naction = [\"put\"]\nsecret = [\"a\"]\n";
    machine.write("policy", grant);
    let arguments = [
        "--identity",
        "token,tailscale",
        "--tailscale-socket",
        "tailscaled.sock",
        "--tokens",
        "tokens",
        "--policy",
        "policy",
        "--admin-listen",
        "127.0.0.1:0",
    ];
    let mut server = machine.start_loudly(&arguments);
    let value = BASE64_STANDARD.encode(VALUE);
    let body = format!(r#"{{"Name":"a","Value":"{value}"}}"#);
    let mut connection = server.connect();
    assert_eq!(connection.call("put", body.as_bytes()).status, 200);
    let answer = connection.call("get", br#"{"Name":"a"}"#);
    assert!(has(&answer.body, value.as_bytes()), "there is something to be found");
    // Also where it goes wrong: no right, no name, no base64, no number, no JSON, no end.
    for (call, body) in [
        ("put", format!(r#"{{"Name":"","Value":"{value}"}}"#)),
        ("put", format!(r#"{{"Name":"_internal/a","Value":"{value}"}}"#)),
        ("put", format!(r#"{{"Name":"b","Value":"{VALUE}"}}"#)),
        ("create-version", format!(r#"{{"Name":"a","Version":"{VALUE}","Value":"{value}"}}"#)),
        ("create-version", format!(r#"{{"Name":"a","Version":1,"Value":"{value}"}}"#)),
        ("put", format!(r#"{{"Name":"a","Value":"{value}""#)),
        ("put", format!(r#"{VALUE} {value}"#)),
    ] {
        assert_ne!(connection.call(call, body.as_bytes()).status, 200, "{call}: {body}");
    }
    assert_eq!(server.connect_from(NOTHING).call("put", body.as_bytes()).status, 403);
    assert_eq!(with_token(&server, TOKEN, &body), 200);
    assert_eq!(with_token(&server, TOKEN, &body.replace("\"a\"", "\"b\"")), 403);
    assert_eq!(with_token(&server, TOKEN, &value), 400);
    assert_eq!(with_token(&server, &format!("{TOKEN}x"), &body), 500);
    assert_eq!(with_token(&server, &value, &body), 500);
    let metrics = Connection::plain(server.admin()).get("/metrics").body;
    server.signal(Signal::SIGHUP);
    server.says("files were read again");
    for (name, bytes) in process_files(server.child.id()) {
        assert_clean(&name, &bytes);
    }
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("Linux");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("it is");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "no core file has room: {core}");
    let running = files(&machine.path("state"));
    server.signal(Signal::SIGTERM);
    assert!(server.wait().success());
    let said = server.has_said();
    assert!(said.contains("nobody can say who calls"), "{said}");
    let stopped = files(&machine.path("state"));
    assert!(running.len() >= 3 && stopped.len() >= 2, "store and log are there");
    for (name, bytes) in running.into_iter().chain(stopped) {
        assert_clean(&name, &bytes);
    }
    assert_clean("standard error", said.as_bytes());
    assert_clean("metrics", &metrics);
}

/// What others can see of the process.
fn process_files(pid: u32) -> Vec<(String, Vec<u8>)> {
    let names = ["cmdline", "environ", "comm", "status"];
    let read = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read(&path).ok().map(|bytes| (path, bytes))
    };
    names.into_iter().filter_map(read).collect()
}

fn assert_clean(name: &str, bytes: &[u8]) {
    let (value, key) = (BASE64_STANDARD.encode(VALUE), BASE64_STANDARD.decode(KEY));
    let key = key.expect("base64");
    let [prefix, encoded] = ["c4n4ry".as_bytes(), &value.as_bytes()[..16]];
    for what in [prefix, encoded, KEY.as_bytes(), &key] {
        let what_is_it = String::from_utf8_lossy(what);
        assert!(!has(bytes, what), "{what_is_it} is in {name}");
    }
}
