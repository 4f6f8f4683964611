//! The audit log is renamed, full, or gone.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::machine::{Daemon, Machine};

const NO_LINE: &str = "can't write its audit log";

fn verify(machine: &Machine, files: &[&str]) -> (Option<i32>, String) {
    let output = machine.program().args(["audit", "verify"]).args(files).output();
    let output = output.expect("started");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// How many secrets are in a log.
fn allowed(machine: &Machine, log: &str) -> usize {
    let log = fs::read_to_string(machine.path(log)).expect("text");
    log.lines().filter(|line| line.contains("\"allowed\":true")).count()
}

#[test]
fn a_log_goes_on_in_another_file_and_the_chain_with_it() {
    let machine = Machine::new();
    let token = machine.seal("master", "swordfish");
    machine.allow(&[&token]);
    let mut daemon = machine.start(&["--audit-log", "log"]);
    let url = daemon.url();
    let ask = || assert_eq!(machine.ask(&url, "master", &token), Ok("swordfish".to_string()));
    let files = ["log.3", "log.2", "log.1", "log"];
    for _ in 0..3 {
        ask();
        for pair in files.windows(2) {
            if machine.path(pair[1]).exists() {
                fs::rename(machine.path(pair[1]), machine.path(pair[0])).expect("room");
            }
        }
        // Until it is told, it writes to the file that it has.
        ask();
        assert!(!machine.path("log").exists());
        daemon.signal(Signal::SIGHUP);
        daemon.says("the audit log goes on in a new file");
        daemon.says("files were read again");
    }
    ask();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait().0.code(), Some(0));
    assert_eq!(files.map(|file| allowed(&machine, file)), [2, 2, 2, 1]);
    let (code, said) = verify(&machine, &files);
    assert_eq!(code, Some(0), "{said}");
    // None of them can be left out, and none be put before another.
    for wrong in [
        &["log.3", "log.1", "log"][..],
        &["log.2", "log.3", "log.1", "log"],
        &["log.3", "log.2", "log"],
    ] {
        assert_ne!(verify(&machine, wrong).0, Some(0), "{wrong:?}");
    }
}

/// Its files can have so many blocks of 512 bytes and no more, as on a disk that is full.
fn start_on_a_small_disk(machine: &Machine, blocks: usize) -> Daemon {
    let program = env!("CARGO_BIN_EXE_secretary");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} \"$@\"");
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().current_dir(machine.path("")).args(["-c", &script, "sh", "daemon"]);
    machine.start_as(&mut shell, &["--audit-log", "log"])
}

#[test]
fn what_can_not_be_written_down_is_not_answered() {
    let machine = Machine::new();
    let token = machine.seal("master", "swordfish");
    machine.allow(&[&token]);
    let mut daemon = start_on_a_small_disk(&machine, 4);
    let url = daemon.url();
    let mut answered = 0;
    let refused = loop {
        match machine.ask(&url, "master", &token) {
            Ok(plaintext) => assert_eq!(plaintext, "swordfish"),
            Err(said) => break said,
        }
        answered += 1;
        assert!(answered < 20, "2 KiB have room for less than that");
    };
    assert!(refused.contains(NO_LINE), "{refused}");
    assert_eq!(allowed(&machine, "log"), answered);
    assert!(answered > 0 && !refused.contains("swordfish"));
    // A new file has room.
    fs::rename(machine.path("log"), machine.path("log.1")).expect("it is there");
    daemon.signal(Signal::SIGHUP);
    daemon.says("the audit log goes on in a new file");
    assert_eq!(machine.ask(&url, "master", &token), Ok("swordfish".to_string()));
    let (code, said) = verify(&machine, &["log.1", "log"]);
    assert_eq!(code, Some(0), "{said}");
}

/// Lines go to standard error when there is no file.
#[test]
fn without_anybody_who_reads_them_there_are_no_lines_and_no_answers() {
    let machine = Machine::new();
    let token = machine.seal("master", "swordfish");
    machine.allow(&[&token]);
    let mut daemon = machine.start(&[]);
    let url = daemon.url();
    assert_eq!(machine.ask(&url, "master", &token), Ok("swordfish".to_string()));
    daemon.stop_reading();
    // The reader ends with the line after that.
    let refused = (0..20).find_map(|_| machine.ask(&url, "master", &token).err());
    let refused = refused.expect("no line, no answer");
    assert!(refused.contains(NO_LINE), "{refused}");
    // It goes on, and its status is one.
    assert!(crate::machine::is_answered(&mut daemon.connect()));
}
