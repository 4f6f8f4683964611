//! What a program that `secretary exec` becomes finds: the same process, untouched but for the secrets.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Keys, SECRETARY, environ_block, output_of};

#[test]
fn the_program_takes_over_the_process() {
    let keys = Keys::new();
    let mut command = keys.command(SECRETARY);
    let child = command
        .args(["exec", "--", "sh", "-c", "echo $$"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let id = child.id();
    let output = child.wait_with_output().expect("waited for");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), id.to_string());
}

#[test]
fn the_environment_holds_the_secrets_and_no_keys() {
    let keys = Keys::new();
    let mut command = keys.command(SECRETARY);
    command.args(["exec", "--", "cat", "/proc/self/environ"]);
    command
        .env("SECRET", keys.seal(b"it's\n\xff *"))
        .env("PLAIN", "x")
        .env("SERVICE_PRIVATE_KEY", "y");
    command.env("APP_PRIVATE_KEY", keys.seal(b"the app's own"));
    let environ = environ_block(&output_of(&mut command));
    assert_eq!(environ["SECRET"], b"it's\n\xff *");
    assert_eq!(environ["PLAIN"], b"x");
    assert_eq!(environ["APP_PRIVATE_KEY"], b"the app's own");
    assert_eq!(environ.len(), 4, "{:?}", environ.keys());
}

/// Runs `probe` with and without `secretary exec` before it, both started by `around`, which gets them
/// as `"$@"`, and compares what it prints.
fn unchanged(around: &str, probe: &[&str]) {
    let keys = Keys::new();
    let run = |before: &[&str]| {
        output_of(
            keys.command("sh")
                .args(["-c", around, "sh"])
                .args(before)
                .args(probe)
                .env("SECRET", keys.seal(b"x")),
        )
    };
    let (with, without) = (run(&["secretary", "exec", "--"]), run(&[]));
    assert_eq!(String::from_utf8_lossy(&with), String::from_utf8_lossy(&without), "{around}");
}

#[test]
fn signals_limits_and_files_are_left_alone() {
    let signals = ["grep", "-E", "Sig(Blk|Ign|Cgt)", "/proc/self/status"];
    unchanged("exec \"$@\"", &signals);
    unchanged("trap '' PIPE; exec \"$@\"", &signals);
    unchanged("trap '' INT TERM; exec \"$@\"", &signals);
    unchanged("ulimit -S -c 0; exec \"$@\"", &["sh", "-c", "ulimit -S -c; ulimit -H -c"]);
    unchanged("exec \"$@\"", &["sh", "-c", "ulimit -S -c; ulimit -H -c"]);
    unchanged("exec 7</dev/null; exec \"$@\"", &["ls", "/proc/self/fd"]);
    unchanged("umask 027; cd /usr; exec \"$@\"", &["sh", "-c", "umask; pwd"]);
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_blocked_signal_stays_blocked() {
    let block = "python3 -c 'import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); os.execvp(sys.argv[1], sys.argv[1:])' \"$@\"";
    unchanged(block, &["grep", "SigBlk", "/proc/self/status"]);
}

#[test]
fn no_core_file_while_secrets_are_in_memory() {
    let keys = Keys::new();
    let mut child = keys
        .command(SECRETARY)
        .arg("decrypt")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("started");
    let limits = loop {
        // The program waits for input once it has started; until then it is its parent's copy.
        let limits =
            std::fs::read_to_string(format!("/proc/{}/limits", child.id())).expect("limits");
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .expect("a line")
            .to_string();
        let waits =
            std::fs::read_to_string(format!("/proc/{}/wchan", child.id())).unwrap_or_default();
        if core.split_whitespace().nth(4) == Some("0") || waits.contains("pipe") {
            break core;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    child.stdin.take().expect("piped").write_all(b"no token").expect("written");
    assert!(child.wait().expect("waited for").success());
    assert_eq!(limits.split_whitespace().nth(4), Some("0"), "{limits}");
}

#[test]
fn nothing_is_started_when_a_token_fails() {
    let keys = Keys::new();
    let mut command: Command = keys.command(SECRETARY);
    let output = command
        .args(["exec", "--", "echo", "started"])
        .env("X", "ENC[NACL,AAAA]")
        .output()
        .expect("run");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(125), b"".as_slice()));
}
