//! What is said: help, versions, errors and exit codes.

use crate::machine::{Machine, run};

#[test]
fn the_version_and_the_help_are_printed() {
    let machine = Machine::new();
    let version = machine.secretary(&["version"], b"").succeeded();
    assert_eq!(version.text(), concat!(env!("CARGO_PKG_VERSION"), "\n"));
    let help = machine.secretary(&["--help"], b"").succeeded();
    assert!(help.text().contains("Usage: secretary.exe <COMMAND>"), "{help:?}");
    assert!(help.text().contains("Exit codes:") && !help.text().contains('\x1b'), "{help:?}");
    let exec = machine.secretary(&["exec", "--help"], b"").succeeded();
    assert!(exec.text().contains("waits for it") && !exec.text().contains("becomes the program"));
}

#[cfg(feature = "daemon")]
#[test]
fn the_help_of_the_daemon_promises_no_signals() {
    let help = Machine::new().secretary(&["daemon", "--help"], b"").succeeded();
    assert!(help.text().contains("Ctrl-C ends it"), "{help:?}");
    assert!(!help.text().contains("SIGHUP") && !help.text().contains("SIGTERM"), "{help:?}");
}

#[test]
fn each_failure_has_its_code() {
    let machine = Machine::new();
    let token = Machine::with_keys().token(b"secret");
    machine.secretary(&["decrypt", "--no-such-flag"], b"").failed(2, "--no-such-flag");
    machine.secretary(&["decrypt", "missing.yml"], b"").failed(3, "cannot read missing.yml: ");
    machine.secretary(&["decrypt"], token.as_bytes()).failed(4, "key");
    let machine = Machine::with_keys();
    machine.secretary(&["decrypt"], token.as_bytes()).failed(5, "standard input:1:1");
    machine.secretary(&["decrypt"], b"a\r\nb ENC[NACL,AAAA]\r\n").failed(5, "standard input:2:3");
    machine.secretary(&["decrypt", "keys"], b"").failed(3, "cannot read keys: ");
    machine.write("key.pem", b"no key");
    let arguments = ["decrypt", "--private-key", "key.pem"];
    machine.secretary(&arguments, token.as_bytes()).failed(3, "key.pem does not hold a key");
}

#[test]
fn a_process_without_standard_streams_says_so() {
    let machine = Machine::with_keys();
    let mut command = machine.command(&["decrypt", "-o", "out"]);
    command.stdin(std::process::Stdio::null());
    // `NUL` is an empty text.
    assert!(command.status().expect("started").success());
    assert_eq!(machine.read("out"), b"");
}

#[test]
fn paths_have_letters_of_any_language() {
    let machine = Machine::with_keys();
    let folder = machine.path("ключи и ещё");
    std::fs::create_dir(&folder).expect("a folder");
    let token = machine.token(b"secret");
    machine.write(r"ключи и ещё\файл.yml", token.as_bytes());
    let arguments = ["decrypt", r"ключи и ещё\файл.yml", "-o", r"ключи и ещё\выход.yml"];
    run(machine.command(&arguments), b"").succeeded();
    assert_eq!(machine.read(r"ключи и ещё\выход.yml"), b"secret");
}
