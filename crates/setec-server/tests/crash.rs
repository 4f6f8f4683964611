//! What is left of a store and its audit log when their process is killed, and when their disk is full.
//!
//! A kill takes nothing from the log that was written, and a power failure does: so between two processes the test cuts
//! off what nobody has said to be durable.
//!
//! `SECRETARY_KILLS` says how often the process is killed, as `scripts/torture` does; otherwise it is as often as there is
//! time for in a test.

#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secretary_access::audit::{AuditError, AuditLog, Expectation, verify};
use secretary_secret::Secret;
use secretary_setec_server::seal::{DataKeys, KeyFile};
use secretary_setec_server::{
    Outbox, Outcome, Sealed, SqliteStore, Store, StoreError, Version, record,
};
use serde_json::{Value, json};

const KEY: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const THREADS: usize = 8;

/// How often the process is killed if nobody says.
const KILLS: u64 = 20;

/// How often a store and its log are gone on with. Opening them takes longer the more is in them.
const KILLS_OF_A_STORE: u64 = 20;

/// The example beside this test. `cargo test` builds both.
fn write() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    let path = test.ancestors().nth(2).expect("it is in deps/").join("examples/write");
    assert!(path.exists(), "cargo build --package secretary-setec-server --example write");
    path
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("no network, no time")
        .block_on(future)
}

/// The next number of a sequence that is the same each time.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// What was counted. All but the first three have to be 0.
#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    answered: u64,
    /// Lines that were cut off, and written again by the next process.
    recovered: usize,
    /// Answered writes that are not there.
    lost: usize,
    /// Versions that are there, and not as they were written.
    corrupt: usize,
    /// Versions that are there or were answered, and have no line.
    unwritten: usize,
}

impl Tally {
    fn print(&self, took: Duration) {
        let Self { kills, answered, recovered, lost, corrupt, unwritten } = self;
        let head =
            "kills  answered writes  lost  corrupt  without a line  lines written again  took";
        let row = format!(
            "{kills:>5}  {answered:>15}  {lost:>4}  {corrupt:>7}  {unwritten:>14}  {recovered:>19}  {} s",
            took.as_secs()
        );
        std::io::stdout().write_all(format!("{head}\n{row}\n").as_bytes()).expect("written");
    }
}

/// A folder with a store and a log, and the highest version of each name that is known to be written.
struct Files {
    folder: tempfile::TempDir,
    last: BTreeMap<String, u32>,
}

impl Files {
    /// In memory if there is such a place: a kill takes nothing from a disk, which only makes everybody wait.
    fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let folder =
            if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        Self { folder: folder.expect("a folder"), last: BTreeMap::new() }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.folder.path().join("store")).expect("it goes on after a kill")
    }

    /// Runs the example until it is killed `after` its first answer. How many answers there were.
    fn run_and_kill(&mut self, after: Duration) -> u64 {
        let mut child = Command::new(write())
            .arg(self.folder.path())
            .arg(THREADS.to_string())
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
        let lines = std::iter::once(first).chain(lines.map(|line| line.expect("text")));
        let count = lines
            .map(|line| {
                let (name, version) = line.split_once(' ').expect("two words");
                let version: u32 = version.parse().expect("a number");
                let last = self.last.insert(name.to_string(), version);
                assert_eq!(last.unwrap_or(0).max(version - 1), version - 1, "{name}");
            })
            .count();
        assert!(!killer.join().expect("no panic").success(), "it was killed");
        count as u64
    }

    /// Each version is there with the whole of its value, the active one is as it has to be, and no answer was lost.
    fn check_store(&mut self, tally: &mut Tally) {
        let store = self.store();
        let keys = keys(&store);
        for (name, answered) in &mut self.last {
            let found = block_on(store.record(name)).expect("readable").record;
            let there = found.as_ref().map_or(0, |record| record.latest().number());
            tally.lost += answered.saturating_sub(there) as usize;
            // One write of each may have come to its end without an answer.
            tally.corrupt += there.saturating_sub(*answered + 1) as usize;
            *answered = there;
            let Some(record) = found else { continue };
            let whole = record.present().iter().map(Version::number).eq(1..=there);
            let active = if name.starts_with("put") { 1 } else { there };
            tally.corrupt += usize::from(!whole || record.active().number() != active);
            // The last ones of each are the ones a kill could have hurt.
            for version in there.saturating_sub(20).max(1)..=there {
                tally.corrupt += usize::from(!is_whole(&store, &keys, name, version));
            }
        }
    }

    /// Cuts off lines that are not known to be durable, as a power failure does: not more than there are notes for, and
    /// not always at the end of one.
    fn cut_log(&self, random: &mut impl FnMut() -> u64) {
        let notes = block_on(self.store().notes()).expect("readable");
        let Some(first) = notes.first() else { return };
        let mut text = fs::read(self.log()).expect("readable");
        let mark = format!("{{\"seq\":{},", first.line.seq);
        let place = text.windows(mark.len()).rposition(|window| window == mark.as_bytes());
        let Some(place) = place else { return };
        let loose = (text.len() - place) as u64;
        text.truncate(place + (random() % (loose + 1)) as usize);
        fs::write(self.log(), text).expect("written");
    }

    /// Each version that is there has its line, in a chain that is whole. A last process comes before, as it would.
    fn check_log(&self, tally: &mut Tally) {
        let store = self.store();
        let log = Arc::new(AuditLog::open(&self.log(), "last").expect("it goes on after a kill"));
        let outbox = block_on(Outbox::open(log, &store)).expect("written again");
        block_on(outbox.close(&store)).expect("closed");
        assert!(block_on(store.notes()).expect("readable").is_empty());
        let text = fs::read(self.log()).expect("readable");
        verify(&text[..], Expectation::default()).expect("the chain of all processes is whole");
        let mut lines = HashSet::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line: Value = serde_json::from_slice(line).expect("JSON");
            tally.recovered += usize::from(line["recovered"] == true);
            let (Some(name), Some(action)) = (line["secret"].as_str(), line["action"].as_str())
            else {
                continue;
            };
            if line["event"] == "access" && name.starts_with(action) && line["result"] == "ok" {
                lines.insert((name.to_string(), line["served"].as_u64().expect("a number")));
            }
        }
        for (name, last) in &self.last {
            let is_missing = |version: &u32| !lines.contains(&(name.clone(), u64::from(*version)));
            tally.unwritten += (1..=*last).filter(is_missing).count();
        }
    }
}

fn keys(store: &SqliteStore) -> DataKeys {
    let key = KeyFile::parse(&Secret::from(KEY)).expect("a key");
    let header = block_on(store.header()).expect("readable").expect("there");
    block_on(header.unwrap(&key)).expect("unwrapped")
}

fn is_whole(store: &SqliteStore, keys: &DataKeys, name: &str, version: u32) -> bool {
    let number = Version::new(version).expect("they begin with 1");
    let sealed = block_on(store.value(name, number)).expect("readable");
    let value = sealed.and_then(|sealed| keys.open(name, number, &sealed).ok());
    let whole = format!("{name} {version} ").repeat(version as usize % 90 + 1);
    value.is_some_and(|value| value.expose() == whole.as_bytes())
}

#[test]
fn every_answered_write_and_its_audit_line_outlast_a_kill_and_none_is_half_there() {
    let kills = std::env::var("SECRETARY_KILLS");
    let kills = kills.map_or(KILLS, |kills| kills.parse().expect("SECRETARY_KILLS is a number"));
    let (began, mut tally, mut state) = (Instant::now(), Tally::default(), kills);
    let mut random = || random(&mut state);
    while tally.kills < kills {
        let mut files = Files::new();
        for _ in 0..KILLS_OF_A_STORE.min(kills - tally.kills) {
            tally.answered += files.run_and_kill(Duration::from_micros(random() % 20_000));
            files.check_store(&mut tally);
            files.cut_log(&mut random);
            tally.kills += 1;
        }
        files.check_log(&mut tally);
    }
    tally.print(began.elapsed());
    assert_eq!((tally.lost, tally.corrupt, tally.unwritten), (0, 0, 0), "{tally:?}");
    assert!(tally.answered >= kills && tally.recovered > 0, "{tally:?}");
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
fn a_full_disk_is_an_error_for_every_write_and_loses_none() {
    let disk = Tmpfs::new("2m");
    let [path, filler, log] = ["store", "filler", "log"].map(|name| disk.0.path().join(name));
    fs::write(&filler, vec![0; 512 * 1024]).expect("written");
    let open = || {
        let store = SqliteStore::open(&path).expect("opened");
        let log = AuditLog::open(&log, "1").expect("opened");
        let outbox = block_on(Outbox::open(Arc::new(log), &store)).expect("opened");
        (store, outbox)
    };
    let value = |n: u32| Sealed::from(format!("{n} ").repeat(1000).as_bytes());
    let put = |(store, outbox): &(SqliteStore, Outbox), n| {
        let found = block_on(store.record("a")).expect("in memory");
        let addition = record::put(found.record.as_ref()).expect("there are numbers left");
        let entry = json!({"version": addition.version().number(), "padding": "x".repeat(n)});
        let note = block_on(outbox.write("put", &entry)).map_err(Failure::Log)?;
        let change = addition.with(value(addition.version().number()));
        let done = block_on(store.commit("a", change, found.revision, Some(note)));
        assert_eq!(done.map_err(Failure::Store)?, Outcome::Committed);
        Ok(addition.version().number())
    };
    let whole = |store: &SqliteStore, last: u32| {
        let record = block_on(store.record("a")).expect("in memory").record.expect("there");
        assert_eq!(record.present().len(), last as usize);
        for version in record.present().iter() {
            let found = block_on(store.value("a", version)).expect("readable");
            assert_eq!(found, Some(value(version.number())));
        }
    };
    let server = open();
    let mut last = 0;
    let error = loop {
        match put(&server, 10) {
            Ok(version) => last = version,
            Err(error) => break error,
        }
    };
    let Failure::Store(StoreError::Full) = error else { panic!("{error:?}") };
    for padding in [10, 60_000, 10, 60_000, 60_000] {
        // Whichever of the two has no room, nothing is done.
        let error: Failure = put(&server, padding).expect_err("the disk is full");
        let is_full = matches!(error, Failure::Store(StoreError::Full));
        assert!(is_full || matches!(error, Failure::Log(AuditError::Write(_))), "{error:?}");
        whole(&server.0, last);
    }
    assert!(last > 20, "{last}");
    drop(server);
    fs::remove_file(&filler).expect("removed");
    let server = open();
    whole(&server.0, last);
    assert_eq!(put(&server, 10).expect("there is room again"), last + 1);
    whole(&server.0, last + 1);
    drop(server);
    let text = fs::read(&log).expect("readable");
    verify(&text[..], Expectation::default()).expect("no half line");
}

/// What had no room.
#[derive(Debug)]
enum Failure {
    Log(AuditError),
    Store(StoreError),
}
