//! What is special about a file: whose it is, what else it may be, and what is left when it can't be written.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::super::suite::{Bench, message, stamp};
use super::*;
use crate::block_on;
use crate::record;

struct Disk(TempDir);

/// What the thread that writes has, without a thread.
fn writer(disk: &Disk, connection: Connection) -> Writer {
    let loaded = schema::load(&connection).unwrap();
    Writer::new(connection, loaded, Reader::new(&disk.path()).values_at_hand()).unwrap()
}

impl Default for Disk {
    fn default() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Disk {
    fn path(&self) -> PathBuf {
        self.0.path().join("store")
    }

    /// Opens the file as somebody else would.
    fn foreign(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    /// Why it can't be opened, without the folder's name.
    fn refusal(&self) -> String {
        let folder = format!("{}/", self.0.path().display());
        message(SqliteStore::open(&self.path())).replace(&folder, "")
    }
}

impl Bench for Disk {
    type Store = SqliteStore;
    const LASTS: bool = true;

    fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).unwrap()
    }
}

stamp!(Disk);

fn put(store: &SqliteStore, name: &str, len: usize) -> Result<(), StoreError> {
    let found = block_on(store.record(name))?;
    let change = record::put(found.record.as_ref()).unwrap().with(Sealed::from(&vec![7; len][..]));
    let outcome = block_on(store.commit(name, change, found.revision, None))?;
    assert_eq!(outcome, Outcome::Committed);
    Ok(())
}

#[test]
fn a_second_owner_is_refused_until_the_first_is_gone() {
    let disk = Disk::default();
    let store = disk.open();
    assert_eq!(disk.refusal(), "the store store is in use by another process");
    put(&store, "a", 10).unwrap();
    drop(store);
    assert_eq!(block_on(disk.open().names()).unwrap().len(), 1);
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let disk = Disk::default();
    for bytes in [&b"hello\n"[..], &[0; 5000], b"SQLite format 3\0 but no more"] {
        fs::write(disk.path(), bytes).unwrap();
        assert_eq!(disk.refusal(), "store is no store of this program");
        assert_eq!(fs::read(disk.path()).unwrap(), bytes);
    }
}

#[test]
fn a_database_of_something_else_is_left_alone() {
    let disk = Disk::default();
    disk.foreign().execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1;").unwrap();
    let before = fs::read(disk.path()).unwrap();
    assert_eq!(disk.refusal(), "store is no store of this program");
    assert_eq!(fs::read(disk.path()).unwrap(), before);
    assert!(!disk.0.path().join("store-wal").exists());
}

#[test]
fn a_later_format_is_refused_by_its_number() {
    let disk = Disk::default();
    drop(disk.open());
    disk.foreign().pragma_update(None, "user_version", 2).unwrap();
    assert_eq!(disk.refusal(), "the store store has format 2, and this program knows format 1");
}

#[test]
fn what_is_no_file_is_refused() {
    let disk = Disk::default();
    fs::create_dir(disk.path()).unwrap();
    assert_eq!(disk.refusal(), "the store store is no regular file");
    let nowhere = disk.0.path().join("nowhere/store");
    let refused = message(SqliteStore::open(&nowhere));
    assert!(refused.starts_with("cannot lock "), "{refused}");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_refused_even_to_nothing() {
    let disk = Disk::default();
    for target in ["nothing", "store.lock"] {
        std::os::unix::fs::symlink(disk.0.path().join(target), disk.path()).unwrap();
        assert_eq!(disk.refusal(), "the store store is no regular file");
        fs::remove_file(disk.path()).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn its_files_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let disk = Disk::default();
    let store = disk.open();
    put(&store, "a", 10).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(disk.0.path()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        names.push(name);
    }
    names.sort();
    assert_eq!(names, ["store", "store-shm", "store-wal", "store.lock"]);
}

#[test]
fn a_file_whose_making_was_interrupted_is_made() {
    let disk = Disk::default();
    fs::write(disk.path(), b"").unwrap();
    drop(disk.open());
    let disk = Disk::default();
    disk.foreign().pragma_update(None, "journal_mode", "WAL").unwrap();
    put(&disk.open(), "a", 10).unwrap();
    assert_eq!(block_on(disk.open().names()).unwrap().len(), 1);
}

#[test]
fn a_store_that_is_opened_again_is_as_it_was() {
    let disk = Disk::default();
    for puts in 0..2 {
        let store = disk.open();
        (0..puts).for_each(|_| put(&store, "a", 10).unwrap());
        drop(store);
        let before = fs::read(disk.path()).unwrap();
        drop(disk.open());
        assert!(fs::read(disk.path()).unwrap() == before, "{puts}");
        assert!(!before.is_empty() && !disk.0.path().join("store-wal").exists());
    }
}

#[test]
fn contradictions_in_the_file_are_found_when_it_is_opened() {
    for (damage, message) in [
        ("UPDATE secrets SET active = 9", "the store is damaged: the versions of a secret"),
        ("DELETE FROM versions", "the store is damaged: the versions of a secret"),
        ("DELETE FROM secrets", "the store is damaged: a version of no secret"),
        (
            "INSERT INTO versions (secret, version) VALUES (1, 2)",
            "the store is damaged: the versions of a secret",
        ),
        (
            "UPDATE versions SET version = -1 WHERE version = 2",
            "the store is damaged: a column has what no column of this program has",
        ),
        (
            "UPDATE secrets SET name = CAST(x'ff' AS TEXT)",
            "the store is damaged: a column has what no column of this program has",
        ),
        ("DROP TABLE versions", "cannot read the store: SQLite's error 1"),
    ] {
        let disk = Disk::default();
        let store = disk.open();
        (0..3).for_each(|_| put(&store, "a", 10).unwrap());
        drop(store);
        disk.foreign().execute_batch(damage).unwrap();
        assert_eq!(disk.refusal(), message, "{damage}");
    }
}

#[test]
fn a_write_by_another_program_is_noticed_before_the_next_of_ours() {
    let disk = Disk::default();
    let store = disk.open();
    put(&store, "a", 10).unwrap();
    put(&store, "a", 10).unwrap();
    disk.foreign().execute_batch("UPDATE secrets SET active = 2").unwrap();
    for _ in 0..2 {
        assert!(matches!(put(&store, "a", 10), Err(StoreError::Changed)));
    }
    // Not even when it is as it was again: what happened in between is not known.
    disk.foreign().execute_batch("UPDATE secrets SET active = 1").unwrap();
    assert!(matches!(put(&store, "a", 10), Err(StoreError::Changed)));
    disk.foreign().execute_batch("UPDATE secrets SET active = 2").unwrap();
    drop(store);
    let store = disk.open();
    let record = block_on(store.record("a")).unwrap().record.unwrap();
    assert_eq!((record.active().number(), record.present().len()), (2, 2));
    put(&store, "a", 10).unwrap();
}

#[test]
fn another_program_may_read_and_bring_in_the_log() {
    let disk = Disk::default();
    let store = disk.open();
    put(&store, "a", 10).unwrap();
    let reader = disk.foreign();
    let count =
        || reader.query_row("SELECT count(*) FROM versions", [], |row| row.get::<_, i64>(0));
    assert_eq!(count(), Ok(1));
    put(&store, "a", 10).unwrap();
    assert_eq!(count(), Ok(2));
    reader.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    put(&store, "a", 10).unwrap();
    assert_eq!(count(), Ok(3));
}

/// SQLite's own limit on pages gives the error a full disk gives.
#[test]
fn a_full_disk_fails_all_of_a_batch_and_takes_changes_when_it_has_room_again() {
    let disk = Disk::default();
    drop(disk.open());
    let connection = schema::open(&disk.path()).unwrap();
    connection.pragma_update(None, "max_page_count", 40).unwrap();
    let mut writer = writer(&disk, connection);
    let index = writer.index();
    let work = |name: &str, len: usize| Work::Change {
        name: name.into(),
        change: record::put(None).unwrap().with(Sealed::from(&vec![1; len][..])),
        expected: Revision::ABSENT,
        note: None,
    };
    assert_eq!(writer.commit(&[work("small", 10)]).unwrap(), [Outcome::Committed]);
    for _ in 0..2 {
        let full = writer.commit(&[work("a", 10), work("b", 400_000), work("c", 10)]);
        assert!(matches!(full, Err(StoreError::Full)));
        assert_eq!(index.names(), ["small".into()]);
    }
    assert_eq!(writer.commit(&[work("a", 10), work("c", 10)]).unwrap().len(), 2);
    drop(writer);
    let store = disk.open();
    assert_eq!(block_on(store.names()).unwrap(), ["a".into(), "c".into(), "small".into()]);
}

#[test]
fn two_changes_of_a_secret_in_a_batch_do_not_both_count() {
    let disk = Disk::default();
    drop(disk.open());
    let mut writer = writer(&disk, schema::open(&disk.path()).unwrap());
    let work = |name: &str, value: u8| Work::Change {
        name: name.into(),
        change: record::put(None).unwrap().with(Sealed::from(&[value][..])),
        expected: Revision::ABSENT,
        note: None,
    };
    let outcomes = writer.commit(&[work("a", 1), work("b", 2), work("a", 3)]).unwrap();
    assert_eq!(outcomes, [Outcome::Committed, Outcome::Committed, Outcome::Conflict]);
    drop(writer);
    let store = disk.open();
    let value = block_on(store.value("a", Version::FIRST)).unwrap();
    assert_eq!(value, Some(Sealed::from(&[1][..])));
}

/// A put compares with the value of the put before, and would spend more time on finding it in the file than on all else.
#[test]
fn a_value_that_was_written_is_read_without_the_file() {
    let disk = Disk::default();
    let store = disk.open();
    put(&store, "a", 7).unwrap();
    disk.foreign().execute("UPDATE versions SET sealed = x'00'", ()).unwrap();
    let value = |store: &SqliteStore| block_on(store.value("a", Version::FIRST)).unwrap();
    assert_eq!(value(&store), Some(Sealed::from(&[7; 7][..])));
    drop(store);
    assert_eq!(value(&disk.open()), Some(Sealed::from(&[0][..])), "the next process has the file");
}

/// Bytes that 200 puts to one secret add to SQLite's log, which is where all of them go first, when it has `versions`
/// and 30 times as many other secrets are there. Time would say less: it is the disk's.
fn cost_of_puts(versions: usize) -> u64 {
    let disk = Disk::default();
    drop(disk.open());
    let connection = schema::open(&disk.path()).unwrap();
    connection.pragma_update(None, "synchronous", "OFF").unwrap();
    let mut writer = writer(&disk, connection);
    let index = writer.index();
    let work = |name: String| {
        let found = index.find(&name);
        let addition = record::put(found.record.as_ref()).unwrap();
        let change = addition.with(Sealed::from(&[1; 100][..]));
        Work::Change { name: name.into(), change, expected: found.revision, note: None }
    };
    for number in 0..versions {
        let others = (0..30).map(|n| format!("{number} {n}"));
        let batch: Vec<Work> = ["measured".into()].into_iter().chain(others).map(work).collect();
        assert_eq!(writer.commit(&batch).unwrap(), [Outcome::Committed; 31]);
    }
    drop(writer);
    logged_of_puts(&disk)
}

/// The same when it has `versions` and nothing else is there. Puts would take minutes to make them.
fn cost_of_puts_to_one(versions: usize) -> u64 {
    let disk = Disk::default();
    drop(disk.open());
    let mut foreign = disk.foreign();
    foreign.pragma_update(None, "synchronous", "OFF").unwrap();
    let transaction = foreign.transaction().unwrap();
    let insert = "INSERT INTO secrets (id, name, active, latest) VALUES (1, 'measured', 1, 1)";
    transaction.execute(insert, []).unwrap();
    let insert = "INSERT INTO versions (secret, version, sealed) VALUES (1, ?1, ?2)";
    let mut insert = transaction.prepare(insert).unwrap();
    (1..=versions)
        .for_each(|version| _ = insert.execute((version as i64, &[1_u8; 100][..])).unwrap());
    drop(insert);
    transaction.commit().unwrap();
    drop(foreign);
    logged_of_puts(&disk)
}

fn logged_of_puts(disk: &Disk) -> u64 {
    let store = disk.open();
    disk.foreign().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    (0..200).for_each(|_| put(&store, "measured", 100).unwrap());
    fs::metadata(disk.0.path().join("store-wal")).unwrap().len()
}

#[test]
fn a_put_writes_as_much_among_31_000_versions_as_among_62() {
    let (few, many) = (cost_of_puts(2), cost_of_puts(1000));
    assert!(many * 10 <= few * 12, "{many} bytes instead of {few}");
}

#[test]
#[ignore = "takes seconds; scripts/test runs it"]
fn nor_more_among_a_million_versions_of_its_secret_than_among_10() {
    let (few, many) = (cost_of_puts_to_one(10), cost_of_puts_to_one(1_000_000));
    assert!(many * 10 <= few * 12, "{many} bytes instead of {few}");
}

#[test]
fn the_log_is_brought_in_and_does_not_grow_for_ever() {
    let disk = Disk::default();
    let store = disk.open();
    for _ in 0..20 {
        (0..4).for_each(|_| put(&store, "a", 500_000).unwrap());
    }
    let len = |name| fs::metadata(disk.0.path().join(name)).unwrap().len();
    assert!(len("store-wal") < 12 << 20, "{}", len("store-wal"));
    assert!(len("store") > 30 << 20, "{}", len("store"));
}

#[test]
fn nor_does_it_when_each_change_is_written_in_place() {
    let disk = Disk::default();
    let store = Arc::new(disk.open());
    let alone = Arc::clone(&store);
    let runtime = runtime();
    let task = runtime.spawn(async move {
        for number in 0..400 {
            let name = format!("{number} {}", "x".repeat(100_000));
            put_alone(&alone, &name).await.unwrap();
        }
    });
    block_on(task).unwrap();
    let log = fs::metadata(disk.0.path().join("store-wal")).unwrap().len();
    assert!(log < 24 << 20, "{log}");
}

#[test]
fn what_was_handed_in_is_written_before_it_is_closed() {
    let disk = Disk::default();
    let store = disk.open();
    for number in 0..100 {
        let change = record::put(None).unwrap().with(Sealed::from(&[1][..]));
        let name = number.to_string();
        let mut commit = Box::pin(store.commit(&name, change, Revision::ABSENT, None));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(commit.as_mut().poll(&mut context).is_pending() || number > 0);
    }
    drop(store);
    assert_eq!(block_on(disk.open().names()).unwrap().len(), 100);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap()
}

async fn put_alone(store: &SqliteStore, name: &str) -> Result<(), StoreError> {
    let found = store.record(name).await?;
    let addition = record::put(found.record.as_ref()).unwrap();
    let change = addition.with(Sealed::from(name.as_bytes()));
    assert_eq!(store.commit(name, change, found.revision, None).await?, Outcome::Committed);
    Ok(())
}

#[test]
fn who_is_alone_writes_in_place() {
    let disk = Disk::default();
    let store = Arc::new(disk.open());
    let alone = Arc::clone(&store);
    let runtime = runtime();
    let task = runtime.spawn(async move {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let put = std::pin::pin!(put_alone(&alone, "a"));
        assert!(put.poll(&mut context).is_ready());
    });
    block_on(task).unwrap();
    assert_eq!(block_on(store.names()).unwrap(), ["a".into()]);
}

/// In place, and by the thread with others, in any order.
#[test]
fn what_many_tasks_write_is_there() {
    let disk = Disk::default();
    let store = Arc::new(disk.open());
    let runtime = runtime();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&store);
            runtime.spawn(async move {
                for put in 0..100 {
                    put_alone(&store, &format!("{task} {}", put % 7)).await.unwrap();
                    if (put + task) % 5 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| block_on(task).unwrap());
    drop(Arc::into_inner(store).unwrap());
    let store = disk.open();
    assert_eq!(block_on(store.names()).unwrap().len(), 56);
    for name in block_on(store.names()).unwrap() {
        let record = block_on(store.record(&name)).unwrap().record.unwrap();
        assert!(record.present().len() >= 14, "{name}");
        for version in record.present().iter() {
            let value = block_on(store.value(&name, version)).unwrap();
            assert_eq!(value, Some(Sealed::from(name.as_bytes())));
        }
    }
}

#[test]
fn a_deleted_value_is_not_in_the_file_any_more() {
    let disk = Disk::default();
    let store = disk.open();
    let pattern = b"a pattern that is not elsewhere in the file".repeat(10);
    for name in ["a", "b"] {
        let change = record::put(None).unwrap().with(Sealed::from(&pattern[..]));
        let _ = block_on(store.commit(name, change, Revision::ABSENT, None)).unwrap();
    }
    let has_pattern = || {
        disk.foreign().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let bytes = fs::read(disk.path()).unwrap();
        bytes.windows(pattern.len()).filter(|window| **window == pattern[..]).count()
    };
    assert_eq!(has_pattern(), 2);
    let revision = block_on(store.record("a")).unwrap().revision;
    let _ = block_on(store.commit("a", Change::Delete, revision, None)).unwrap();
    assert_eq!(has_pattern(), 1);
}
