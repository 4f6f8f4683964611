//! What every backend has to do, stamped once for each.
//!
//! A backend brings a [`Bench`]: a way to make a store, and one to open it again if it outlasts its process.

use secretary_access::audit::Head;

use super::{Note, Outcome, Store, StoreError};
use crate::block_on;
use crate::record::{self, Change, Revision};
use crate::seal::{Header, KeyFile, Sealed};
use crate::version::Version;

/// A place where a backend under test has its stores.
pub(super) trait Bench: Default {
    type Store: Store;

    /// A store, with what an earlier one has left.
    fn open(&self) -> Self::Store;

    /// Whether a store leaves anything.
    const LASTS: bool;
}

macro_rules! stamp {
    ($bench:ty: $($test:ident),* $(,)?) => {
        $(#[test]
        fn $test() {
            crate::store::suite::$test::<$bench>();
        })*
    };
    ($bench:ty) => {
        crate::store::suite::stamp!(
            $bench:
            begins_with_nothing,
            has_what_was_committed,
            refuses_another_revision,
            a_secret_made_again_has_another_revision,
            keeps_all_there_is_about_a_secret,
            forgets_a_deleted_value,
            names_are_bytes,
            values_have_any_length_and_bytes,
            of_many_that_commit_at_once_one_wins,
            readers_see_a_change_as_a_whole,
            the_header_is_compared_and_replaced,
            a_note_is_stored_with_its_change_and_dropped_when_its_line_is_durable,
            a_dropped_wait_leaves_a_store_that_works,
        );
    };
}
pub(super) use stamp;

fn v(number: u32) -> Version {
    Version::new(number).unwrap()
}

fn sealed(text: &str) -> Sealed {
    Sealed::from(text.as_bytes())
}

fn revision(store: &impl Store, name: &str) -> Revision {
    block_on(store.record(name)).unwrap().revision
}

fn commit(store: &impl Store, name: &str, change: Change) -> Outcome {
    block_on(store.commit(name, change, revision(store, name), None)).unwrap()
}

/// A put of a value by the rules.
fn put(store: &impl Store, name: &str, value: &str) {
    let found = block_on(store.record(name)).unwrap();
    let addition = record::put(found.record.as_ref()).unwrap();
    assert_eq!(commit(store, name, addition.with(sealed(value))), Outcome::Committed);
}

fn create(store: &impl Store, name: &str, version: u32, value: &str) {
    let found = block_on(store.record(name)).unwrap();
    let addition = record::create_version(found.record.as_ref(), v(version)).unwrap();
    assert_eq!(commit(store, name, addition.with(sealed(value))), Outcome::Committed);
}

fn value(store: &impl Store, name: &str, version: u32) -> Option<Sealed> {
    block_on(store.value(name, v(version))).unwrap()
}

fn names(store: &impl Store) -> Vec<Box<str>> {
    block_on(store.names()).unwrap()
}

/// `check`s the store, and once more when it was closed and opened.
fn now_and_later<B: Bench>(bench: &B, store: B::Store, check: impl Fn(&B::Store)) -> B::Store {
    check(&store);
    if !B::LASTS {
        return store;
    }
    drop(store);
    let store = bench.open();
    check(&store);
    store
}

pub(super) fn begins_with_nothing<B: Bench>() {
    let bench = B::default();
    now_and_later(&bench, bench.open(), |store| {
        assert!(names(store).is_empty());
        let found = block_on(store.record("a")).unwrap();
        assert_eq!((found.record, found.revision), (None, Revision::ABSENT));
        assert_eq!(value(store, "a", 1), None);
        assert_eq!(block_on(store.header()).unwrap(), None);
    });
}

pub(super) fn has_what_was_committed<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    put(&store, "b", "one");
    put(&store, "b", "two");
    put(&store, "a", "other");
    now_and_later(&bench, store, |store| {
        assert_eq!(names(store), ["a".into(), "b".into()]);
        assert_eq!(value(store, "b", 1), Some(sealed("one")));
        assert_eq!(value(store, "b", 2), Some(sealed("two")));
        assert_eq!(value(store, "b", 3), None);
        assert_eq!(value(store, "a", 1), Some(sealed("other")));
        assert_eq!(value(store, "c", 1), None);
    });
}

pub(super) fn refuses_another_revision<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    let add = |value| record::put(None).unwrap().with(sealed(value));
    let conflict = |change, expected| {
        let outcome = block_on(store.commit("a", change, expected, None)).unwrap();
        assert_eq!(outcome, Outcome::Conflict);
    };
    conflict(add("early"), Revision::new(7));
    put(&store, "a", "one");
    let old = revision(&store, "a");
    put(&store, "a", "two");
    for expected in [Revision::ABSENT, old] {
        conflict(add("late"), expected);
        conflict(Change::Activate(v(2)), expected);
        conflict(Change::DeleteVersion(v(2)), expected);
        conflict(Change::Delete, expected);
    }
    now_and_later(&bench, store, |store| {
        let record = block_on(store.record("a")).unwrap().record.unwrap();
        assert_eq!((record.active(), record.present().len()), (v(1), 2));
        assert_eq!(value(store, "a", 1), Some(sealed("one")));
    });
}

pub(super) fn a_secret_made_again_has_another_revision<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    put(&store, "a", "one");
    let old = revision(&store, "a");
    assert_eq!(value(&store, "a", 1), Some(sealed("one")));
    assert_eq!(commit(&store, "a", Change::Delete), Outcome::Committed);
    assert_eq!(revision(&store, "a"), Revision::ABSENT);
    assert_eq!(value(&store, "a", 1), None);
    put(&store, "a", "again");
    assert_ne!(revision(&store, "a"), old);
    assert_eq!(block_on(store.commit("a", Change::Delete, old, None)).unwrap(), Outcome::Conflict);
    now_and_later(&bench, store, |store| {
        assert_eq!(value(store, "a", 1), Some(sealed("again")));
    });
}

pub(super) fn keeps_all_there_is_about_a_secret<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    put(&store, "a", "one");
    for version in [100, u32::MAX - 1, 10] {
        create(&store, "a", version, "x");
    }
    put(&store, "a", "last");
    for change in
        [Change::Activate(v(100)), Change::DeleteVersion(v(u32::MAX)), Change::DeleteVersion(v(10))]
    {
        assert_eq!(commit(&store, "a", change), Outcome::Committed);
    }
    let before = block_on(store.record("a")).unwrap().record;
    now_and_later(&bench, store, |store| {
        let record = block_on(store.record("a")).unwrap().record.unwrap();
        assert_eq!(Some(&record), before.as_ref());
        assert!(record.present().iter().eq([1, 100, u32::MAX - 1].map(v)));
        assert!(record.deleted().iter().eq([10, u32::MAX].map(v)));
        assert_eq!((record.active(), record.latest()), (v(100), v(u32::MAX)));
    });
}

pub(super) fn forgets_a_deleted_value<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    put(&store, "a", "one");
    put(&store, "a", "two");
    assert_eq!(value(&store, "a", 2), Some(sealed("two")));
    assert_eq!(commit(&store, "a", Change::DeleteVersion(v(2))), Outcome::Committed);
    now_and_later(&bench, store, |store| {
        assert_eq!(value(store, "a", 2), None);
        assert_eq!(value(store, "a", 1), Some(sealed("one")));
    });
}

pub(super) fn names_are_bytes<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    let long = "x".repeat(100_000);
    // The same letter in two ways of writing it, and what databases take for equal.
    let mut all = [
        "",
        "a",
        "A",
        "a ",
        "a\0",
        "a\0b",
        "../a",
        "\u{e9}",
        "e\u{301}",
        "%",
        "\u{10ffff}",
        "1",
        "1.0",
    ];
    for name in all {
        put(&store, name, &format!("value of {name}"));
    }
    put(&store, &long, "long");
    all.sort_unstable();
    now_and_later(&bench, store, |store| {
        let found: Vec<Box<str>> =
            names(store).into_iter().filter(|name| name.len() < 100).collect();
        assert_eq!(found, all.map(Box::from));
        for name in all {
            assert_eq!(value(store, name, 1), Some(sealed(&format!("value of {name}"))));
        }
        assert_eq!(value(store, &long, 1), Some(sealed("long")));
    });
}

pub(super) fn values_have_any_length_and_bytes<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    let values: Vec<Sealed> = [0, 1, 4000, 100_000, 3_000_000]
        .map(|len| Sealed::from(&(0..len).map(|n| (n * 7 % 256) as u8).collect::<Vec<u8>>()[..]))
        .into();
    for (number, value) in values.iter().enumerate() {
        let found = block_on(store.record("a")).unwrap();
        let version = v(number as u32 + 1);
        let addition = record::create_version(found.record.as_ref(), version).unwrap();
        assert_eq!(commit(&store, "a", addition.with(value.clone())), Outcome::Committed);
    }
    now_and_later(&bench, store, |store| {
        for (number, expected) in values.iter().enumerate() {
            assert_eq!(value(store, "a", number as u32 + 1).as_ref(), Some(expected));
        }
    });
}

pub(super) fn of_many_that_commit_at_once_one_wins<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    put(&store, "a", "first");
    for round in 2..30 {
        let expected = revision(&store, "a");
        let found = block_on(store.record("a")).unwrap();
        let addition = record::put(found.record.as_ref()).unwrap();
        let commit = |thread: u32| {
            let change = addition.with(sealed(&format!("{round} {thread}")));
            block_on(store.commit("a", change, expected, None)).unwrap()
        };
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || commit(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<usize> = (0..8).filter(|n| outcomes[*n] == Outcome::Committed).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        let expected = sealed(&format!("{round} {}", winners[0]));
        assert_eq!(value(&store, "a", round), Some(expected));
    }
}

/// A version that is the active one has a value, whenever one looks.
pub(super) fn readers_see_a_change_as_a_whole<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    put(&store, "a", "1");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let record = block_on(store.record("a")).unwrap().record.unwrap();
                let number = record.active().number();
                assert_eq!(value(&store, "a", number), Some(sealed(&number.to_string())));
            }
        });
        (2..200).for_each(|number| create(&store, "a", number, &number.to_string()));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

pub(super) fn the_header_is_compared_and_replaced<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    let key = KeyFile::parse(&b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="[..].into()).unwrap();
    let [one, two] = [(); 2].map(|()| block_on(Header::generate(&key)).unwrap());
    let replace = |store: &B::Store, expected: Option<&Header>, header: &Header| {
        block_on(store.replace_header(expected, header)).unwrap()
    };
    assert_eq!(replace(&store, Some(&one), &two), Outcome::Conflict);
    assert_eq!(replace(&store, None, &one), Outcome::Committed);
    assert_eq!(replace(&store, None, &two), Outcome::Conflict);
    assert_eq!(replace(&store, Some(&two), &two), Outcome::Conflict);
    let store = now_and_later(&bench, store, |store| {
        assert_eq!(block_on(store.header()).unwrap().as_ref(), Some(&one));
    });
    assert_eq!(replace(&store, Some(&one), &two), Outcome::Committed);
    now_and_later(&bench, store, |store| {
        assert_eq!(block_on(store.header()).unwrap().as_ref(), Some(&two));
    });
}

pub(super) fn a_dropped_wait_leaves_a_store_that_works<B: Bench>() {
    let bench = B::default();
    let store = bench.open();
    for number in 0..50 {
        let name = format!("dropped {number}");
        let change = record::put(None).unwrap().with(sealed("x"));
        let mut commit = Box::pin(store.commit(&name, change, Revision::ABSENT, None));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = commit.as_mut().poll(&mut context);
    }
    put(&store, "a", "one");
    now_and_later(&bench, store, |store| {
        assert_eq!(value(store, "a", 1), Some(sealed("one")));
        for name in names(store) {
            assert!(value(store, &name, 1).is_some());
        }
    });
}

/// A note of line `seq`, written when the line `synced` was the last durable one.
fn note(seq: u64, synced: u64) -> Note {
    let hash = format!("{seq:064x}").parse().unwrap();
    let entry = format!(r#"{{"secret":"a\u0000é","n":{seq}}}"#);
    Note { line: Head { seq, hash }, event: "put".into(), entry, synced }
}

pub(super) fn a_note_is_stored_with_its_change_and_dropped_when_its_line_is_durable<B: Bench>() {
    let bench = B::default();
    let mut store = bench.open();
    let write = |store: &B::Store, seq, synced| {
        let found = block_on(store.record("a")).unwrap();
        let change = record::put(found.record.as_ref()).unwrap().with(sealed("x"));
        let commit = store.commit("a", change, found.revision, Some(note(seq, synced)));
        assert_eq!(block_on(commit).unwrap(), Outcome::Committed);
    };
    let noted = |store, lines: &[u64]| {
        now_and_later(&bench, store, |store| {
            let expected: Vec<Note> = lines.iter().map(|seq| note(*seq, 0)).collect();
            assert_eq!(block_on(store.notes()).unwrap(), expected);
        })
    };
    store = noted(store, &[]);
    (2..=5).for_each(|seq| write(&store, seq, 1));
    store = noted(store, &[2, 3, 4, 5]);
    let early = store.commit("a", Change::Delete, Revision::ABSENT, Some(note(6, 5)));
    assert_eq!(block_on(early).unwrap(), Outcome::Conflict);
    store = noted(store, &[2, 3, 4, 5]);
    write(&store, 7, 3);
    store = noted(store, &[4, 5, 7]);
    assert_eq!(commit(&store, "a", Change::Activate(v(2))), Outcome::Committed);
    write(&store, 9, 9);
    store = noted(store, &[]);
    (10..=12).for_each(|seq| write(&store, seq, 1));
    block_on(store.forget_notes(11)).unwrap();
    noted(store, &[12]);
}

/// The error in words.
pub(super) fn message<T>(result: Result<T, StoreError>) -> String {
    result.err().expect("an error").to_string()
}
