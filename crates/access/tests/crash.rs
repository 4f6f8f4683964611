//! What is left of a log when its process is killed, its disk is full, and what it asks of the system.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use secretary_access::audit::{AuditError, AuditLog, Expectation, verify};
use serde_json::{Value, json};

/// The example beside this test. `cargo test` builds both.
fn append() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    let path = test.ancestors().nth(2).expect("it is in deps/").join("examples/append");
    assert!(path.exists(), "cargo build --package secretary-access --example append");
    path
}

/// Lines of a log by their numbers.
fn hashes(path: &Path) -> BTreeMap<u64, String> {
    let text = fs::read_to_string(path).expect("text");
    let number_and_hash = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let hash = line["hash"].as_str().expect("text").to_string();
        (line["seq"].as_u64().expect("a number"), hash)
    };
    text.lines().map(number_and_hash).collect()
}

/// Runs the example until it is killed `after` its first answer, and returns all answers.
fn run_and_kill(path: &Path, after: Duration) -> Vec<(u64, String)> {
    let mut child = Command::new(append())
        .arg(path)
        .args(["8", "1000000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first = lines.next().expect("an answer").expect("text");
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        child.kill().expect("killed");
        child.wait().expect("waited for")
    });
    let answers = std::iter::once(first).chain(lines.map(|line| line.expect("text")));
    let answers = answers
        .map(|line| {
            let (seq, hash) = line.split_once(' ').expect("two words");
            (seq.parse().expect("a number"), hash.to_string())
        })
        .collect();
    assert!(!killer.join().expect("no panic").success(), "it was killed");
    answers
}

#[test]
fn every_answered_line_outlasts_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let mut answered = Vec::new();
    for round in 0..50 {
        answered.extend(run_and_kill(&path, Duration::from_micros(round * 617)));
    }
    drop(AuditLog::open(&path, "1").expect("it goes on after the last kill, too"));
    let verified = verify(&fs::read(&path).expect("read")[..], Expectation::default());
    let verified = verified.expect("the chain of all 51 processes is whole");
    let lines = hashes(&path);
    assert_eq!(lines.len() as u64, verified.lines);
    for (seq, hash) in &answered {
        assert_eq!(lines.get(seq), Some(hash), "line {seq} was answered");
    }
    assert!(answered.len() >= 50);
}

/// A file system of its own, and only so large.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn new(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"])
            .arg(folder.path())
            .status()
            .expect("mount is a part of the base system");
        assert!(mounted.success(), "mounting a file system needs root");
        Self(folder)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.expect("umount is beside mount").success());
    }
}

#[test]
#[ignore = "needs root, for a file system that is soon full"]
fn a_full_disk_is_an_error_for_every_line_and_damages_none() {
    let disk = Tmpfs::new("256k");
    let [path, filler] = ["log", "filler"].map(|name| disk.0.path().join(name));
    fs::write(&filler, vec![0; 64 * 1024]).expect("written");
    let log = AuditLog::open(&path, "1").expect("opened");
    let append = || log.append_and_wait("test", &json!({"padding": "x".repeat(3000)}));
    let mut last = log.head();
    let error = loop {
        match append() {
            Ok(head) => last = head,
            Err(error) => break error,
        }
    };
    let AuditError::Write(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let whole = || verify(&fs::read(&path).expect("read")[..], Expectation::default());
    for _ in 0..3 {
        assert!(append().is_err());
        assert_eq!(whole().expect("no half line").head, last);
    }
    assert!(last.seq > 20);
    fs::remove_file(&filler).expect("removed");
    assert_eq!(append().expect("there is room again").seq, last.seq + 1);
    let stopped = log.close().expect("closed");
    assert_eq!(whole().expect("whole").head, stopped);
}

/// Runs the example on one thread, and returns what it asked of the system, and how it ended.
fn trace(folder: &Path, strace: &[&str], lines: &[&str]) -> (String, ExitStatus) {
    let trace = folder.join("trace");
    let status = Command::new("strace")
        .args(["-f", "-y", "-s", "60", "-e", "trace=write,fdatasync,fsync"])
        .args(strace)
        .arg("-o")
        .args([&trace, &append(), &folder.join("log")])
        .arg("1")
        .args(lines)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("scripts/test installs strace");
    (fs::read_to_string(&trace).expect("text"), status)
}

#[test]
#[ignore = "needs strace, which scripts/test installs"]
fn a_line_that_is_only_written_is_answered_before_the_disk_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trace, status) = trace(folder.path(), &[], &["3", "written"]);
    assert!(status.success(), "{trace}");
    let path = folder.path().join("log");
    let log = path.to_str().expect("text");
    let calls = trace.lines().filter_map(|line| kind_of(line, log, folder.path()));
    // A sync comes in between if the machine is slow.
    let mut calls: Vec<&str> = calls.skip(3).collect();
    assert_eq!(calls.split_off(calls.len() - 2), ["line", "sync"], "{trace}");
    let calls: Vec<&str> = calls.into_iter().filter(|call| *call != "sync").collect();
    assert_eq!(calls, ["line", "answer"].repeat(3), "{trace}");
}

#[test]
#[ignore = "needs strace, which scripts/test installs"]
fn lines_that_were_only_written_are_gone_after_a_sync_that_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    // Of each thread's: the one that writes syncs once when it is due, and fails when it is due again.
    let fault = ["-e", "inject=fdatasync:error=EIO:when=2+"];
    let (trace, status) = trace(folder.path(), &fault, &["1000000", "written"]);
    assert!(!status.success());
    let log = fs::read(folder.path().join("log")).expect("read");
    let lines = verify(&log[..], Expectation::default()).expect("whole").lines;
    let answers = trace.lines().filter(|line| line.contains("write(1<")).count() as u64;
    assert!(1 < lines && lines < answers, "{lines} lines, {answers} answers");
}

#[test]
#[ignore = "needs strace, which scripts/test installs"]
fn the_disk_has_a_line_before_its_answer_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let (trace, status) = trace(folder.path(), &[], &["3"]);
    assert!(status.success(), "{trace}");
    let path = folder.path().join("log");
    let log = path.to_str().expect("text");
    let calls: Vec<&str> =
        trace.lines().filter_map(|line| kind_of(line, log, folder.path())).collect();
    let line = ["line", "sync"];
    let answered = ["line", "sync", "answer"];
    let expected = [&["folder"][..], &line, &answered, &answered, &answered, &line].concat();
    assert_eq!(calls, expected, "{trace}");
}

/// What a line of `strace -f -y` is about.
fn kind_of(call: &str, log: &str, folder: &Path) -> Option<&'static str> {
    let folder = format!("<{}>)", folder.display());
    let log = format!("<{log}>");
    match call {
        _ if call.contains("fsync(") && call.contains(&folder) => Some("folder"),
        _ if call.contains("fdatasync(") && call.contains(&log) => Some("sync"),
        _ if call.contains("write(") && call.contains(&log) => Some("line"),
        _ if call.contains("write(1<") => Some("answer"),
        _ => None,
    }
}
