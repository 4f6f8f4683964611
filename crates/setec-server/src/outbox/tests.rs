//! With a real log, and with both stores: what is lost on purpose is there again.

use std::fs;
use std::path::PathBuf;

use secretary_access::audit::{Expectation, Head, Unfit, verify};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::block_on;
use crate::record;
use crate::seal::Sealed;
use crate::store::{MemoryStore, Outcome, SqliteStore};

/// A log in a folder of its own.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("log")
    }

    fn log(&self) -> Arc<AuditLog> {
        Arc::new(AuditLog::open(&self.path(), "1").unwrap())
    }

    fn outbox<S: Store>(&self, store: &S) -> Outbox {
        block_on(Outbox::open(self.log(), store)).unwrap()
    }

    /// The lines, after all of them were verified.
    fn lines(&self) -> Vec<Value> {
        let text = fs::read(self.path()).unwrap();
        verify(&text[..], Expectation::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// `n` of each, and which number it had if it was written again.
    fn puts(&self) -> Vec<(u64, Option<u64>)> {
        let lines = self.lines();
        let puts = lines.iter().filter(|line| line["event"] == "put");
        puts.map(|line| {
            assert_eq!(line["recovered"].as_bool(), line["recovered_seq"].as_u64().map(|_| true));
            (line["n"].as_u64().unwrap(), line["recovered_seq"].as_u64())
        })
        .collect()
    }

    /// Leaves the first `lines`, and `bytes` of the next one, as a power failure does.
    fn cut(&self, lines: usize, bytes: usize) {
        let text = fs::read_to_string(self.path()).unwrap();
        let len: usize = text.split_inclusive('\n').take(lines).map(str::len).sum();
        fs::write(self.path(), &text[..len + bytes]).unwrap();
    }
}

fn put<S: Store>(outbox: &Outbox, store: &S, n: u64) -> Note {
    let found = block_on(store.record("a")).unwrap();
    let change = record::put(found.record.as_ref()).unwrap().with(Sealed::from(&b"sealed"[..]));
    let note = block_on(outbox.write("put", &json!({"n": n, "name": "a\u{e9}\0"}))).unwrap();
    // As if the log had synced nothing since it was opened, whatever the time is.
    let note = Note { synced: 1, ..note };
    let outcome = block_on(store.commit("a", change, found.revision, Some(note.clone())));
    assert_eq!(outcome.unwrap(), Outcome::Committed);
    note
}

fn notes<S: Store>(store: &S) -> usize {
    block_on(store.notes()).unwrap().len()
}

/// Stamps a test for each store. `again` closes one and opens it, as another process would.
macro_rules! with_both {
    ($($test:ident),* $(,)?) => {
        mod in_memory {
            $(#[test]
            fn $test() {
                super::$test(super::MemoryStore::default(), |store| store);
            })*
        }
        mod in_a_file {
            $(#[test]
            fn $test() {
                let folder = tempfile::tempdir().unwrap();
                let open = || super::SqliteStore::open(&folder.path().join("store")).unwrap();
                super::$test(open(), |store| {
                    drop(store);
                    open()
                });
            })*
        }
    };
}

with_both!(
    what_the_log_has_is_not_written_again,
    a_lost_end_is_written_again_with_its_members_and_its_number,
    a_line_in_whose_place_there_is_another_one_is_written_again,
    a_log_that_is_gone_is_written_again,
    a_log_that_takes_no_line_leaves_the_notes,
    notes_are_dropped_when_their_lines_are_durable,
);

fn what_the_log_has_is_not_written_again<S: Store>(store: S, again: impl Fn(S) -> S) {
    let folder = Folder::new();
    let outbox = folder.outbox(&store);
    (1..=5).for_each(|n| drop(put(&outbox, &store, n)));
    drop(outbox);
    let store = again(store);
    assert_eq!(notes(&store), 5);
    // A process that was killed leaves half of a line at the most.
    folder.cut(6, 30);
    let outbox = folder.outbox(&store);
    assert_eq!((outbox.recovered(), notes(&store)), (0, 0));
    assert_eq!(folder.puts(), [1, 2, 3, 4, 5].map(|n| (n, None)));
}

fn a_lost_end_is_written_again_with_its_members_and_its_number<S: Store>(
    mut store: S,
    again: impl Fn(S) -> S,
) {
    // The line that the log was opened comes first, and half a line may be left.
    for (kept, bytes) in [(6, 0), (5, 0), (5, 100), (3, 1), (1, 0)] {
        let folder = Folder::new();
        let outbox = folder.outbox(&store);
        let put: Vec<Note> = (1..=5).map(|n| put(&outbox, &store, n)).collect();
        drop(outbox);
        folder.cut(kept, bytes);
        store = again(store);
        let outbox = folder.outbox(&store);
        assert_eq!((outbox.recovered(), notes(&store)), (6 - kept, 0));
        let is_kept = |n: usize| n < kept;
        let puts = put.iter().enumerate().map(|(place, note)| {
            let n = place + 1;
            (n as u64, (!is_kept(n)).then_some(note.line.seq))
        });
        assert_eq!(folder.puts(), puts.collect::<Vec<_>>());
        let lines = folder.lines();
        assert_eq!(lines.iter().filter(|line| line["name"] == "a\u{e9}\0").count(), 5);
        drop(outbox);
        // Nothing is written a third time.
        store = again(store);
        assert_eq!(folder.outbox(&store).recovered(), 0);
        assert_eq!(folder.puts().len(), 5);
    }
}

/// A start that came to no outbox has written its own lines where the lost ones were.
fn a_line_in_whose_place_there_is_another_one_is_written_again<S: Store>(
    store: S,
    again: impl Fn(S) -> S,
) {
    let folder = Folder::new();
    let outbox = folder.outbox(&store);
    (1..=3).for_each(|n| drop(put(&outbox, &store, n)));
    drop(outbox);
    folder.cut(2, 0);
    (0..5).for_each(|_| drop(folder.log()));
    let store = again(store);
    assert_eq!(folder.outbox(&store).recovered(), 2);
    assert_eq!(folder.puts(), [(1, None), (2, Some(3)), (3, Some(4))]);
}

fn a_log_that_is_gone_is_written_again<S: Store>(store: S, again: impl Fn(S) -> S) {
    let folder = Folder::new();
    let outbox = folder.outbox(&store);
    (1..=2).for_each(|n| drop(put(&outbox, &store, n)));
    drop(outbox);
    fs::remove_file(folder.path()).unwrap();
    let store = again(store);
    assert_eq!(folder.outbox(&store).recovered(), 2);
    assert_eq!(folder.puts(), [(1, Some(2)), (2, Some(3))]);
}

fn a_log_that_takes_no_line_leaves_the_notes<S: Store>(store: S, again: impl Fn(S) -> S) {
    let folder = Folder::new();
    let outbox = folder.outbox(&store);
    (1..=2).for_each(|n| drop(put(&outbox, &store, n)));
    drop(outbox);
    folder.cut(1, 0);
    let store = again(store);
    let closed = folder.log();
    closed.close().unwrap();
    assert!(block_on(Outbox::open(closed, &store)).is_err());
    let changed = folder.log();
    fs::write(folder.path(), "somebody else's").unwrap();
    assert!(block_on(Outbox::open(changed, &store)).is_err());
    assert_eq!(notes(&store), 2);
    fs::remove_file(folder.path()).unwrap();
    assert_eq!(folder.outbox(&store).recovered(), 2);
}

fn notes_are_dropped_when_their_lines_are_durable<S: Store>(store: S, _: impl Fn(S) -> S) {
    let folder = Folder::new();
    let log = folder.log();
    let outbox = block_on(Outbox::open(Arc::clone(&log), &store)).unwrap();
    let note = put(&outbox, &store, 1);
    // A line that is waited for takes the one before with it.
    log.append_and_wait("get", &json!({})).unwrap();
    block_on(outbox.settle(&store)).unwrap();
    assert_eq!(notes(&store), 0);
    assert!(block_on(outbox.write("put", &json!({}))).unwrap().synced > note.line.seq);
    put(&outbox, &store, 2);
    assert_eq!(notes(&store), 1);
    block_on(outbox.close(&store)).unwrap();
    assert_eq!(notes(&store), 0);
    assert!(block_on(outbox.write("put", &json!({}))).is_err());
}

#[test]
fn many_lost_lines_are_written_again_in_their_order() {
    let (folder, store) = (Folder::new(), MemoryStore::default());
    let outbox = folder.outbox(&store);
    let count = 2 * TOGETHER as u64 + 10;
    (1..=count).for_each(|n| drop(put(&outbox, &store, n)));
    drop(outbox);
    folder.cut(10, 0);
    assert_eq!(folder.outbox(&store).recovered(), count as usize - 9);
    assert!(folder.puts().iter().map(|(n, _)| *n).eq(1..=count));
}

#[test]
fn a_line_that_can_not_be_written_has_no_note() {
    let (folder, store) = (Folder::new(), MemoryStore::default());
    let outbox = folder.outbox(&store);
    let long = json!({"name": "x".repeat(70_000)});
    let error = block_on(outbox.write("put", &long)).unwrap_err();
    assert!(matches!(error, AuditError::Unfit(Unfit::TooLong)));
    fs::write(folder.path(), "").unwrap();
    let error = block_on(outbox.write("put", &json!({}))).unwrap_err();
    assert!(matches!(error, AuditError::Changed));
}

/// The longest entry that is taken fits again when it is written again.
#[test]
fn the_longest_line_can_be_written_again() {
    let (folder, store) = (Folder::new(), MemoryStore::default());
    let outbox = folder.outbox(&store);
    let write = |len: usize| {
        let entry = json!({"n": 1, "name": "\u{7f}".repeat(len)});
        block_on(outbox.write("put", &entry))
    };
    let lens: Vec<usize> = (1..20_000).collect();
    let len = lens.partition_point(|len| write(*len).is_ok());
    assert!((5_000..19_000).contains(&len) && write(len + 1).is_err());
    let note = write(len).unwrap();
    // The longest number a store takes, so that the line has to be written again.
    let note = Note { line: Head { seq: u64::MAX >> 1, ..note.line }, ..note };
    let addition = record::put(None).unwrap().with(Sealed::from(&b""[..]));
    let revision = crate::record::Revision::ABSENT;
    let _ = block_on(store.commit("a", addition, revision, Some(note))).unwrap();
    drop(outbox);
    assert_eq!(folder.outbox(&store).recovered(), 1);
    assert_eq!(folder.puts().last().unwrap().1, Some(u64::MAX >> 1));
}
