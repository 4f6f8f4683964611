//! What is left of a store when its process is killed, and when its disk is full.

#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use secretary_secret::Secret;
use secretary_setec_server::seal::KeyFile;
use secretary_setec_server::{SqliteStore, StoreError, Vault, VaultError};

const KEY: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const THREADS: usize = 8;

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

fn open(path: &Path) -> Vault<SqliteStore> {
    let store = SqliteStore::open(path).expect("it goes on after a kill");
    let key = KeyFile::parse(&Secret::from(KEY)).expect("a key");
    block_on(Vault::open(store, &key)).expect("unwrapped")
}

/// Runs the example until it is killed `after` its first answer, and adds the highest version of each name that it
/// answered. How many answers there were.
fn run_and_kill(path: &Path, after: Duration, answered: &mut BTreeMap<String, u32>) -> usize {
    let mut child = Command::new(write())
        .arg(path)
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
            let last = answered.insert(name.to_string(), version);
            assert_eq!(last.unwrap_or(version - 1).max(version - 1), version - 1, "{name}");
        })
        .count();
    assert!(!killer.join().expect("no panic").success(), "it was killed");
    count
}

/// Each version is there with the whole of its value, the active one is as it has to be, and no answer was lost.
fn check(path: &Path, answered: &mut BTreeMap<String, u32>) -> usize {
    let vault = open(path);
    let mut count = 0;
    for info in block_on(vault.list(|_| true)).expect("a list") {
        let name = &*info.name;
        let last = info.versions().last().expect("a version").number();
        assert!(info.versions().iter().map(|version| version.number()).eq(1..=last), "{name}");
        let active = if name.starts_with("put") { 1 } else { last };
        assert_eq!(info.active().number(), active, "{name}");
        let unanswered = last - answered.get(name).copied().unwrap_or(0);
        assert!(unanswered <= 1, "{name}: {unanswered} more than was answered, or less");
        // The last ones of each are the ones a kill could have hurt.
        for version in last.saturating_sub(50).max(1)..=last {
            let value = block_on(vault.get(name, version)).expect("it opens");
            let whole = format!("{name} {version} ").repeat(version as usize % 90 + 1);
            assert_eq!(value.secret.expose(), whole.as_bytes());
        }
        answered.insert(info.name.to_string(), last);
        count += last as usize;
    }
    assert_eq!(answered.len(), block_on(vault.list(|_| true)).expect("a list").len());
    count
}

#[test]
fn every_answered_write_outlasts_a_kill_and_none_is_half_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    let (mut answered, mut answers) = (BTreeMap::new(), 0);
    for round in 0..50 {
        let after = Duration::from_micros(round * 3_001);
        answers += run_and_kill(&path, after, &mut answered);
        let versions = check(&path, &mut answered);
        assert!(versions >= answers);
    }
    assert!(answers >= 50);
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
    let [path, filler] = ["store", "filler"].map(|name| disk.0.path().join(name));
    std::fs::write(&filler, vec![0; 512 * 1024]).expect("written");
    let vault = open(&path);
    let value = |n: u32| Secret::from(format!("{n} ").repeat(1000).into_bytes());
    let mut last = 0;
    let error = loop {
        match block_on(vault.put("a", &value(last + 1))) {
            Ok(version) => last = version.number(),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, VaultError::Store(StoreError::Full)), "{error}");
    let whole = |vault: &Vault<SqliteStore>, last: u32| {
        assert_eq!(block_on(vault.info("a")).expect("there").versions().len(), last as usize);
        for version in 1..=last {
            let found = block_on(vault.get("a", version)).expect("readable");
            assert_eq!(found.secret, value(version));
        }
    };
    for _ in 0..3 {
        assert!(block_on(vault.put("a", &value(0))).is_err());
        whole(&vault, last);
    }
    assert!(last > 20, "{last}");
    drop(vault);
    let vault = open(&path);
    whole(&vault, last);
    std::fs::remove_file(&filler).expect("removed");
    let next = block_on(vault.put("a", &value(last + 1))).expect("there is room again");
    assert_eq!(next.number(), last + 1);
    whole(&vault, last + 1);
}
