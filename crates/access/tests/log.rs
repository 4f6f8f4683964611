//! A log as its users have it: files, threads, rotation.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use secretary_access::audit::queue::MAX_WAITING;
use secretary_access::audit::{
    AuditError, AuditLog, Expectation, Head, OpenError, Reopened, Verified, Verifier, Wrong, verify,
};
use serde_json::{Value, json};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn open(path: &Path) -> AuditLog {
    AuditLog::open(path, "1.2.3").expect("opened")
}

fn append(log: &AuditLog, number: u64) -> Head {
    log.append_and_wait("test", &json!({"n": number})).expect("written")
}

fn verified(path: &Path) -> Verified {
    verify(&fs::read(path).expect("read")[..], Expectation::default()).expect("whole")
}

fn objects(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn events(path: &Path) -> Vec<String> {
    objects(path).iter().map(|line| line["event"].as_str().expect("text").to_string()).collect()
}

#[test]
fn a_log_says_when_it_begins_goes_on_and_ends() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let head = append(&log, 7);
    assert_eq!((head.seq, log.head()), (2, head));
    assert_eq!(log.close().expect("closed").seq, 3);
    drop(open(&path));
    assert_eq!(events(&path), ["opened", "test", "stopped", "started", "stopped"]);
    let lines = objects(&path);
    assert_eq!(lines[0]["version"], "1.2.3");
    assert_eq!(lines[1]["n"], 7);
    assert_eq!(verified(&path).lines, 5);
}

#[test]
fn a_line_is_in_the_file_when_it_is_answered() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    for number in 0..100 {
        let head = append(&log, number);
        assert_eq!(verified(&path).head, head);
    }
}

#[test]
fn sixty_four_threads_write_one_chain() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let answered: Vec<(u64, Head)> = thread::scope(|scope| {
        let write = |thread: u64| {
            let log = &log;
            move || (0..50).map(|n| (thread * 50 + n, append(log, thread * 50 + n))).collect()
        };
        let threads: Vec<_> = (0..64).map(|thread| scope.spawn(write(thread))).collect();
        let answers: Vec<Vec<_>> =
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        answers.concat()
    });
    log.close().expect("closed");
    assert_eq!(verified(&path).lines, 64 * 50 + 2);
    let lines = objects(&path);
    for (number, head) in answered {
        let line = &lines[head.seq as usize - 1];
        assert_eq!(line["n"], number);
        assert_eq!(line["hash"], head.hash.to_string());
    }
    let times: Vec<_> = lines.iter().map(|line| line["time"].as_str().expect("text")).collect();
    assert!(times[1..].is_sorted(), "lines are in the order of their times");
}

#[test]
fn a_renamed_file_is_continued_in_a_new_one() {
    let folder = Folder::new();
    let [path, old, older] = ["log", "log.1", "log.2"].map(|name| folder.path(name));
    let log = open(&path);
    assert_eq!(log.reopen().expect("the same file"), Reopened::Unchanged);
    append(&log, 1);
    fs::rename(&path, &older).expect("renamed");
    append(&log, 2);
    assert_eq!(log.reopen().expect("a new file"), Reopened::NewFile);
    assert_eq!(log.head(), verified(&path).head);
    append(&log, 3);
    fs::rename(&path, &old).expect("renamed");
    assert_eq!(log.reopen().expect("a new file"), Reopened::NewFile);
    drop(log);
    assert_eq!(events(&older), ["opened", "test", "test"]);
    assert_eq!(events(&old), ["opened", "test"]);
    assert_eq!(events(&path), ["opened", "stopped"]);

    let check = |files: &[&Path]| {
        let mut verifier = Verifier::new(Expectation::default());
        let mut last = None;
        for file in files {
            match verifier.read(&fs::read(file).expect("read")[..]) {
                Ok(verified) => last = Some((verified.first, verified.head.seq)),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(last)
    };
    assert_eq!(check(&[&older, &old, &path]), Ok(Some((6, 7))));
    assert_eq!(check(&[&old, &path]), Ok(Some((6, 7))), "the oldest may be gone");
    assert_eq!(check(&[&path]), Ok(Some((6, 7))));
    let gap =
        "line 1: number 4 is to come here and this is number 6: lines were removed, added or moved";
    assert_eq!(check(&[&older, &path]), Err(gap.to_string()));
    assert!(check(&[&old, &older]).is_err());
    assert!(check(&[&old, &old]).is_err());
}

#[test]
fn all_files_in_one_are_one_log() {
    let folder = Folder::new();
    let [path, old] = ["log", "log.1"].map(|name| folder.path(name));
    let log = open(&path);
    fs::rename(&path, &old).expect("renamed");
    log.reopen().expect("a new file");
    drop(log);
    let both = [fs::read(&old).expect("read"), fs::read(&path).expect("read")].concat();
    assert_eq!(verify(&both[..], Expectation::default()).expect("whole").lines, 3);
}

#[test]
fn a_file_that_can_not_be_made_leaves_the_old_one_in_use() {
    let folder = Folder::new();
    let inner = folder.path("inner");
    fs::create_dir(&inner).expect("a folder");
    let log = open(&inner.join("log"));
    let moved = folder.path("moved");
    fs::rename(&inner, &moved).expect("renamed");
    assert!(matches!(log.reopen(), Err(OpenError::Io { doing: "create", .. })));
    append(&log, 1);
    fs::create_dir(&inner).expect("a folder");
    fs::write(inner.join("log"), "what somebody else wrote\n").expect("written");
    assert!(matches!(log.reopen(), Err(OpenError::Foreign { .. })));
    append(&log, 2);
    // A whole log, but not this one.
    fs::remove_file(inner.join("log")).expect("removed");
    drop(open(&inner.join("log")));
    assert!(matches!(log.reopen(), Err(OpenError::OtherChain(_))));
    let _other = open(&inner.join("log"));
    assert!(matches!(log.reopen(), Err(OpenError::InUse(_))));
    append(&log, 3);
    drop(log);
    assert_eq!(events(&moved.join("log")), ["opened", "test", "test", "test", "stopped"]);
}

#[test]
fn lines_wait_for_a_new_file_and_none_is_lost() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = Arc::new(open(&path));
    let writing: Vec<_> = (0..4)
        .map(|_| Arc::clone(&log))
        .map(|log| thread::spawn(move || (0..200).for_each(|n| assert!(append(&log, n).seq > 1))))
        .collect();
    let mut files = Vec::new();
    for number in 0..20 {
        files.push(folder.path(&format!("log.{number}")));
        fs::rename(&path, &files[number]).expect("renamed");
        assert_eq!(log.reopen().expect("a new file"), Reopened::NewFile);
    }
    writing.into_iter().for_each(|thread| thread.join().expect("no panic"));
    log.close().expect("closed");
    files.push(path);
    let mut verifier = Verifier::new(Expectation::default());
    let lines: u64 = files
        .iter()
        .map(|file| verifier.read(&fs::read(file).expect("read")[..]).expect("whole").lines)
        .sum();
    assert_eq!(lines, 4 * 200 + files.len() as u64 + 1);
}

/// Waits until the line is in the file, and not until it is on the disk.
fn append_written(log: &AuditLog, number: u64) -> Result<Head, AuditError> {
    let (sender, receiver) = channel();
    let done = move |result| sender.send(result).expect("listened to");
    log.append_written("test", &json!({"n": number}), done);
    receiver.recv().expect("answered")
}

#[test]
fn a_line_that_is_only_written_is_in_the_file_and_soon_durable_by_itself() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let head = append_written(&log, 7).expect("written");
    assert_eq!((head.seq, verified(&path).head), (2, head));
    let began = Instant::now();
    while log.synced() < 2 {
        assert!(began.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(log.head(), head);
    assert_eq!(log.find(2).expect("read"), Some(head));
}

#[test]
fn a_line_that_is_only_written_is_durable_with_the_next_one_and_with_a_new_file_and_the_end() {
    let folder = Folder::new();
    let [path, old] = ["log", "log.1"].map(|name| folder.path(name));
    let log = open(&path);
    append_written(&log, 1).expect("written");
    assert_eq!(append(&log, 2).seq, log.synced());
    append_written(&log, 3).expect("written");
    fs::rename(&path, &old).expect("renamed");
    assert_eq!(log.reopen().expect("a new file"), Reopened::NewFile);
    assert_eq!(log.synced(), 5, "the new file's first line is the one behind it");
    assert_eq!(log.find(4).expect("read"), None, "it is in the old file");
    append_written(&log, 4).expect("written");
    assert_eq!(log.close().expect("closed").seq, 7);
    assert_eq!((log.synced(), log.head()), (7, verified(&path).head));
    let mut verifier = Verifier::new(Expectation::default());
    for file in [&old, &path] {
        verifier.read(&fs::read(file).expect("read")[..]).expect("whole");
    }
}

#[test]
fn a_line_that_is_only_written_is_durable_at_once_in_a_stream() {
    let log = AuditLog::to_writer(Box::new(io::sink()), "1").expect("it is written");
    let (sender, receiver) = channel();
    log.append_written("test", &json!({}), move |result| drop(sender.send(result)));
    assert_eq!(receiver.recv().expect("answered").expect("written").seq, 2);
    // The answer comes first.
    while log.synced() < 2 {
        thread::yield_now();
    }
    assert_eq!(log.find(2).expect("it has no file"), None);
}

#[test]
fn lines_of_both_kinds_are_one_chain() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    thread::scope(|scope| {
        for thread in 0..8 {
            let log = &log;
            scope.spawn(move || {
                for number in 0..50 {
                    if thread % 2 == 0 {
                        append(log, number);
                    } else {
                        append_written(log, number).expect("written");
                    }
                }
            });
        }
    });
    log.close().expect("closed");
    assert_eq!(verified(&path).lines, 8 * 50 + 2);
}

#[test]
fn a_second_process_is_refused() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let error = AuditLog::open(&path, "1").expect_err("it is in use");
    assert_eq!(
        error.to_string(),
        format!("the audit log {} is in use by another process", path.display())
    );
    drop(log);
    open(&path);
}

#[test]
fn a_crash_in_the_middle_of_a_line_is_noted() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    append(&log, 1);
    drop(log);
    let len = fs::metadata(&path).expect("there").len();
    File::options().write(true).open(&path).and_then(|file| file.set_len(len - 10)).expect("cut");
    drop(open(&path));
    let lines = objects(&path);
    assert_eq!(events(&path), ["opened", "test", "started", "stopped"]);
    let stopped = fs::read_to_string(&path).expect("text").lines().last().expect("a line").len();
    assert_eq!(lines[2]["dropped_bytes"], stopped as u64 + 1 - 10);
    verified(&path);
}

#[test]
fn a_file_that_is_cut_by_another_program_is_refused_until_it_is_reopened() {
    let folder = Folder::new();
    let [path, copy] = ["log", "log.1"].map(|name| folder.path(name));
    let log = open(&path);
    append(&log, 1);
    // As `logrotate` does with `copytruncate`.
    fs::copy(&path, &copy).expect("copied");
    File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("cut");
    for _ in 0..2 {
        let error = log.append_and_wait("test", &json!({})).expect_err("it was changed");
        assert!(matches!(error, AuditError::Changed));
    }
    assert_eq!(log.reopen().expect("it is empty"), Reopened::Recovered);
    append(&log, 2);
    drop(log);
    let mut verifier = Verifier::new(Expectation::default());
    for file in [&copy, &path] {
        verifier.read(&fs::read(file).expect("read")[..]).expect("whole");
    }
}

#[test]
fn a_line_that_is_cut_off_before_its_sync_is_never_durable_and_the_log_not_reopened() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let durable = log.synced();
    append_written(&log, 1).expect("written");
    File::options().write(true).open(&path).and_then(|file| file.set_len(0)).expect("cut");
    // The sync that is due, or this line, notices it.
    assert!(matches!(log.append_and_wait("test", &json!({})), Err(AuditError::Changed)));
    let began = Instant::now();
    while !matches!(log.reopen(), Err(OpenError::Lost(_))) {
        assert!(began.elapsed() < Duration::from_secs(30));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(log.synced(), durable);
    assert!(log.close().is_err());
    assert_eq!(log.synced(), durable);
}

#[test]
fn a_file_that_another_program_writes_to_is_refused() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let mut other = OpenOptions::new().append(true).open(&path).expect("open");
    other.write_all(b"half a line").expect("written");
    assert!(matches!(log.append_and_wait("test", &json!({})), Err(AuditError::Changed)));
    assert_eq!(log.reopen().expect("half a line is cut"), Reopened::Recovered);
    append(&log, 1);
    other.write_all(b"a line\n").expect("written");
    assert!(matches!(log.append_and_wait("test", &json!({})), Err(AuditError::Changed)));
    assert!(matches!(log.reopen(), Err(OpenError::Foreign { wrong: Wrong::NotALine, .. })));
    assert!(matches!(log.append_and_wait("test", &json!({})), Err(AuditError::Changed)));
    // It is moved away, and everything is well again.
    fs::rename(&path, folder.path("log.1")).expect("renamed");
    assert_eq!(log.reopen().expect("a new file"), Reopened::NewFile);
    append(&log, 2);
}

#[test]
fn nothing_is_taken_after_the_end() {
    let folder = Folder::new();
    let log = open(&folder.path("log"));
    log.close().expect("closed");
    assert!(matches!(log.append_and_wait("test", &json!({})), Err(AuditError::Closed)));
    assert!(matches!(log.reopen(), Err(OpenError::Closed)));
    assert!(matches!(log.close(), Err(AuditError::Closed)));
}

#[test]
fn a_log_that_is_closed_is_another_process_s_to_open() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    append_written(&log, 1).expect("written");
    log.close().expect("closed");
    open(&path);
    assert!(matches!(append_written(&log, 2), Err(AuditError::Closed)));
    assert!(matches!(log.find(1), Err(OpenError::Closed)));
}

#[test]
fn what_waits_is_written_before_the_end() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = open(&path);
    let (sender, receiver) = channel();
    for number in 0..1000 {
        let sender: Sender<_> = sender.clone();
        log.append("test", &json!({"n": number}), move |result| {
            sender.send(result.is_ok()).expect("somebody listens");
        });
    }
    drop((log, sender));
    assert_eq!(receiver.iter().filter(|is_ok| *is_ok).count(), 1000);
    assert_eq!(verified(&path).lines, 1002);
}

/// A disk that does not move until it is told to.
struct Stuck(Arc<Mutex<Vec<u8>>>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_does_not_move_lets_only_so_many_wait() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let log =
        AuditLog::to_writer(Box::new(Stuck(Arc::clone(&written))), "1").expect("it is written");
    let (sender, receiver) = channel();
    let append = || {
        let sender = sender.clone();
        log.append("test", &json!({}), move |result| sender.send(result).expect("listened to"));
    };
    let stuck = written.lock().expect("no panic");
    append();
    // The first is with the thread, the others wait.
    while log.waiting() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    (0..MAX_WAITING).for_each(|_| append());
    assert!(receiver.try_recv().is_err());
    for _ in 0..3 {
        append();
        let answer = receiver.try_recv().expect("it is refused at once");
        assert!(matches!(answer, Err(AuditError::Full)));
    }
    drop(stuck);
    drop(log);
    drop(sender);
    assert_eq!(receiver.iter().filter(Result::is_ok).count(), MAX_WAITING + 1);
    let written = written.lock().expect("no panic");
    let lines = verify(&written[..], Expectation::default()).expect("whole").lines;
    assert_eq!(lines, MAX_WAITING as u64 + 3);
}

#[test]
#[cfg(target_os = "linux")]
fn a_stream_that_takes_nothing_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").expect("open");
    assert!(matches!(AuditLog::to_writer(Box::new(full), "1"), Err(AuditError::Write(_))));
}

#[test]
fn who_panics_does_not_keep_others_from_their_answer() {
    let folder = Folder::new();
    let log = open(&folder.path("log"));
    log.append("test", &json!({}), |_| panic!("on purpose"));
    append(&log, 1);
}

#[test]
fn the_last_owner_may_be_in_the_writing_thread() {
    let folder = Folder::new();
    let path = folder.path("log");
    let log = Arc::new(open(&path));
    let (sender, receiver) = channel();
    let (go, gone) = channel::<()>();
    let owner = Arc::clone(&log);
    log.append("test", &json!({}), move |_| {
        gone.recv().expect_err("the other owner is gone");
        sender.send(owner.close()).expect("listened to");
        drop(owner);
    });
    drop((log, go));
    let closed = receiver.recv().expect("it does not wait for itself");
    assert!(matches!(closed, Err(AuditError::Closed)));
    // The thread ends by itself, and lets go of the file.
    let reopened = (0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        AuditLog::open(&path, "1").is_ok()
    });
    assert!(reopened);
    assert_eq!(events(&path)[..4], ["opened", "test", "stopped", "started"]);
}
