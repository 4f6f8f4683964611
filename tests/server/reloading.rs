//! The server is told to read its files again.

use std::fs;

use nix::sys::signal::Signal;

use crate::exchange::Connection;
use crate::machine::{Machine, Server};
use crate::tailnet::EVERYTHING;

const LOG: &str = "state/audit.log";

#[test]
fn a_log_goes_on_in_another_file_and_the_chain_with_it() {
    let machine = Machine::new();
    let mut server = machine.start(&[]);
    let mut connection = server.connect();
    let files = ["state/audit.log.3", "state/audit.log.2", "state/audit.log.1", LOG];
    let mut number = 0;
    let mut put = |connection: &mut Connection| {
        number += 1;
        let body = format!(r#"{{"Name":"a{number}","Value":"eA=="}}"#);
        assert_eq!(connection.call("put", body.as_bytes()).status, 200);
    };
    for _ in 0..3 {
        put(&mut connection);
        for pair in files.windows(2).filter(|pair| machine.path(pair[1]).exists()) {
            fs::rename(machine.path(pair[1]), machine.path(pair[0])).expect("room");
        }
        // Until it is told, it writes to the file that it has.
        put(&mut connection);
        assert!(!machine.path(LOG).exists());
        server.signal(Signal::SIGHUP);
        server.says("the audit log goes on in a new file");
        server.says("files were read again");
    }
    put(&mut connection);
    server.stop();
    let puts = files.map(|file| machine.audit_lines(file, EVERYTHING).len());
    assert_eq!(puts, [2, 2, 2, 1]);
    let verify = |files: &[&str]| machine.run(&[&["audit", "verify"], files].concat());
    let whole = verify(&files);
    assert_eq!(whole.status.code(), Some(0), "{}", String::from_utf8_lossy(&whole.stderr));
    for wrong in [&[files[0], files[2], LOG][..], &[files[1], files[0], files[2], LOG]] {
        assert_ne!(verify(wrong).status.code(), Some(0), "{wrong:?}");
    }
    // The next start goes on in the last one.
    machine.start(&[]).stop();
    assert_eq!(verify(&files).status.code(), Some(0));
}

#[test]
fn a_certificate_is_exchanged_and_open_connections_stay() {
    let machine = Machine::new();
    let mut server = machine.start(&[]);
    let is_answered = |connection: &mut Connection| connection.call("list", b"{}").status == 200;
    let mut before = server.connect();
    machine.make_certificate();
    assert_eq!(server.connect().certificate(), before.certificate(), "nobody has said so yet");
    server.reload();
    let mut after = server.connect();
    let new = after.certificate();
    assert!(new != before.certificate() && is_answered(&mut before) && is_answered(&mut after));

    // One that is of no use, and a key of another one, leave what was there.
    let good = fs::read(machine.path("certificate.pem")).expect("it is there");
    machine.write("certificate.pem", b"no");
    let said = server.reload_in_vain();
    assert!(said.contains("the certificates in certificate.pem can't be used"), "{said}");
    machine.make_certificate();
    machine.write("certificate.pem", &good);
    let said = server.reload_in_vain();
    assert!(said.contains("the private key in key.pem can't be used"), "{said}");
    assert!(server.connect().certificate() == new && is_answered(&mut after));
    server.stop();
}

/// Whether the token may see what there is of the secret `a`, which is not there.
fn info(server: &Server<'_>, token: &str) -> u16 {
    let header = format!("Bearer {token}");
    server.connect().call_with(&[("Authorization", &header)], "info", br#"{"Name":"a"}"#).status
}

/// Two tokens, and what a file has of each.
const TOKEN: &str = "st_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const HASH: &str = "319a79de31e2c0fe80e49b744b24b17be4bb4dd87cdfb0112fdfc4d7df2c87bc";
const OTHER_TOKEN: &str = "st_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
const OTHER_HASH: &str = "44af3ac39f76d1a2a469d5b1e5f8f0aa4e7a8cab253377e2eac5c1d8fc396142";

fn tokens(hash: &str) -> String {
    format!("[[token]]\nname = \"ci\"\nsha256 = \"{hash}\"\n")
}

fn policy(action: &str) -> String {
    format!("[[grant]]\nprincipal = [\"token:ci\"]\naction = [\"{action}\"]\nsecret = [\"a\"]\n")
}

#[test]
fn policy_and_tokens_are_exchanged_and_broken_files_leave_the_ones_before() {
    let machine = Machine::new();
    machine.write("tokens", tokens(HASH));
    machine.write("policy", policy("info"));
    let arguments = ["--identity", "token", "--tokens", "tokens", "--policy", "policy"];
    let mut server = machine.start_without_tailnet(&arguments);
    assert_eq!(info(&server, TOKEN), 404, "it may");
    machine.write("policy", policy("get"));
    assert_eq!(info(&server, TOKEN), 404, "nobody has said so yet");
    server.reload();
    assert_eq!(info(&server, TOKEN), 403);
    machine.write("policy", policy("info"));
    server.reload();
    for (file, broken) in [("policy", "[[grant]"), ("policy", "grant = 7"), ("tokens", "st_x")] {
        let before = fs::read(machine.path(file)).expect("it is there");
        machine.write(file, broken);
        let said = server.reload_in_vain();
        assert!(said.contains(file) && !said.contains("st_"), "{said}");
        assert_eq!(info(&server, TOKEN), 404, "{file}: {broken}");
        machine.write(file, &before);
    }
    machine.write("tokens", tokens(OTHER_HASH));
    server.reload();
    assert_eq!((info(&server, TOKEN), info(&server, OTHER_TOKEN)), (500, 404));
    server.stop();
}
