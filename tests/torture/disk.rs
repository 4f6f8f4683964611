//! A disk without room: what is answered is there all the same, nothing is handed out without its line, and when there is
//! room everything goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::http::{Answer, Connection};
use crate::lines::Reader;
use crate::model::{Call, Outcome, Secret};
use crate::server::{Place, Server};

/// How often something is tried on a full disk.
const TRIES: usize = 50;

/// A file system of its own, and only so large.
struct Tmpfs(PathBuf);

impl Tmpfs {
    fn mount(at: PathBuf, kibibytes: usize) -> Self {
        fs::create_dir(&at).expect("room");
        let size = format!("size={kibibytes}k,mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "none"]).arg(&at);
        let mounted = mount.status().expect("mount is a part of the base system");
        assert!(mounted.success(), "mounting a file system needs root");
        Self(at)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, because a test that fails drops the server later.
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(unmounted.expect("umount is beside mount").success());
    }
}

/// One that calls a server whose disk is full, and knows what has to be there.
struct Caller {
    place: Place,
    server: Server,
    connection: Connection,
    secret: Secret,
    next: u64,
    lines: Vec<crate::lines::Line>,
    lost: usize,
    wrong: usize,
}

const NAME: &str = "disk/full";

impl Caller {
    fn new(place: Place) -> Self {
        let server = place.start();
        let connection = server.connect();
        let (secret, lines) = (Secret::default(), Vec::new());
        Self { place, server, connection, secret, next: 0, lines, lost: 0, wrong: 0 }
    }

    /// Whether it was answered. If it was, as it has to be.
    fn call(&mut self, call: Call) -> bool {
        let mut after = self.secret.clone();
        let outcome = after.apply(call);
        let (path, body) = call.request(NAME);
        let answer = self.connection.call(path, &body).expect("an answer");
        if answer.status == 500 {
            // Nothing of a value is in it.
            self.wrong += usize::from(answer.body != b"internal error\n");
            return false;
        }
        self.note(call, outcome, &answer);
        self.secret = after;
        true
    }

    fn note(&mut self, call: Call, outcome: Outcome, answer: &Answer) {
        if outcome.is(answer) {
            self.lines.push(call.line(NAME, outcome));
        } else if answer.status == 404 {
            self.lost += 1;
        } else {
            self.wrong += 1;
        }
    }

    fn put(&mut self) -> bool {
        self.next += 1;
        self.call(Call::Put(self.next))
    }

    fn read_all(&mut self) -> bool {
        self.secret.present().into_iter().all(|version| self.call(Call::Get(version)))
    }

    /// Puts until that fails a few times, and answers how many were answered.
    fn fill(&mut self) -> usize {
        let before = self.secret.present().len();
        let mut failed = 0;
        while failed < TRIES {
            failed += usize::from(!self.put());
        }
        self.secret.present().len() - before
    }

    /// Reads until there is no room for a line any more, and answers how many reads it took.
    fn read_until_full(&mut self) -> usize {
        let mut reads = 0;
        while self.call(Call::Get(0)) {
            reads += 1;
            assert!(reads < 100_000, "lines take room");
        }
        reads
    }

    /// Kills it and looks at what is there. Answers how many lines are missing.
    fn restart(&mut self) -> usize {
        self.server.kill();
        self.server = self.place.start();
        self.connection = self.server.connect();
        let (mut lines, again) = Reader::default().read(self.place.audit_log());
        let missing = lines.missing(self.lines.iter()).into_iter();
        let missing = missing.filter(|line| !again.contains(line)).count();
        if let Err(broken) = self.place.verify(&[]) {
            panic!("{broken}");
        }
        assert_eq!(self.place.damage(), [""; 0]);
        assert!(self.read_all(), "there is room");
        missing
    }
}

/// A row of the table.
struct Row {
    what: &'static str,
    puts: usize,
    reads: usize,
    lost: usize,
    wrong: usize,
    missing: usize,
}

impl Row {
    fn print(&self) {
        println!("full disk: {}", self.what);
        println!(
            "  puts answered  then reads answered  lost  corrupt  audit lines missing  goes on by itself"
        );
        println!(
            "  {:>13}  {:>19}  {:>4}  {:>7}  {:>19}  {:>17}",
            self.puts, self.reads, self.lost, self.wrong, self.missing, "yes"
        );
        assert_eq!((self.lost, self.wrong, self.missing), (0, 0, 0));
    }
}

/// A part of the disk is a file that makes room when it is removed.
fn fill_up(at: &Path, kibibytes: usize) {
    fs::write(at, vec![0; kibibytes * 1024]).expect("there is room yet");
}

#[test]
#[ignore = "needs root, for a file system that is soon full"]
fn nothing_is_lost_when_the_disk_is_full_and_no_value_leaves_without_its_line() {
    let folder = TempDir::new().expect("a folder");
    let disk = Tmpfs::mount(folder.path().join("disk"), 2048);
    let state = disk.0.join("state");
    fill_up(&disk.filler(), 1024);
    let mut caller = Caller::new(Place::with(folder, state.clone(), state.join("audit.log")));
    let puts = caller.fill();
    let reads = caller.read_until_full();
    assert!(puts > 10 && !caller.put() && !caller.read_all());
    let said = caller.server.said();
    assert!(said.contains("none is answered: ") && said.contains("No space left"), "{said}");
    fs::remove_file(disk.filler()).expect("it is there");
    assert!(caller.put() && caller.read_all(), "there is room, and no restart is needed");
    let said = caller.server.said();
    assert!(said.contains("calls are written to the audit log again"), "{said}");
    let missing = caller.restart();
    let (lost, wrong) = (caller.lost, caller.wrong);
    Row { what: "the store's and the log's", puts, reads, lost, wrong, missing }.print();
    // The folder can be removed when nothing is mounted in it.
    drop(disk);
    drop(caller);
}

#[test]
#[ignore = "needs root, for a file system that is soon full"]
fn without_room_for_the_log_alone_nothing_is_written_and_nothing_leaves() {
    let folder = TempDir::new().expect("a folder");
    let disk = Tmpfs::mount(folder.path().join("disk"), 1024);
    let state = folder.path().join("state");
    fill_up(&disk.filler(), 960);
    let mut caller = Caller::new(Place::with(folder, state, disk.0.join("audit.log")));
    let puts = caller.fill();
    let reads = caller.read_until_full();
    assert!(puts > 10 && !caller.put() && !caller.read_all());
    // What has no line needs no room.
    let active = caller.secret.active;
    let body = format!(r#"{{"Name":"{NAME}","Version":{active},"UpdateIfChanged":true}}"#);
    assert_eq!(caller.connection.call("get", &body).expect("an answer").status, 304);
    fs::remove_file(disk.filler()).expect("it is there");
    assert!(caller.put() && caller.read_all(), "there is room, and no restart is needed");
    let missing = caller.restart();
    let (lost, wrong) = (caller.lost, caller.wrong);
    Row { what: "the log's alone", puts, reads, lost, wrong, missing }.print();
    // The folder can be removed when nothing is mounted in it.
    drop(disk);
    drop(caller);
}
