//! Whatever is done to the lines of a log is found.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use proptest::prelude::*;
use proptest::sample::Index;
use secretary_access::audit::{
    AuditLog, Broken, Expectation, Head, MAX_LINE, VerifyError, Wrong, verify,
};
use serde_json::json;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log of 40 lines and its head.
fn log() -> &'static (Vec<u8>, Head) {
    static LOG: OnceLock<(Vec<u8>, Head)> = OnceLock::new();
    LOG.get_or_init(|| {
        let memory = Memory::default();
        let log = AuditLog::to_writer(Box::new(memory.clone()), "1.2.3").expect("it is written");
        for number in 0..38 {
            let entry = json!({"app": "/web", "n": number, "why": "é".repeat(number)});
            log.append_and_wait("decrypt", &entry).expect("it is written");
        }
        let head = log.close().expect("closed");
        let bytes = memory.0.lock().expect("no panic").clone();
        (bytes, head)
    })
}

fn lines() -> Vec<&'static [u8]> {
    log().0.split_inclusive(|byte| *byte == b'\n').collect()
}

/// What is wrong with `text` when its last line is known, and when it is not.
fn check(text: &[u8], head: Option<Head>) -> Result<u64, Broken> {
    match verify(text, Expectation { head: head.map(|head| head.hash) }) {
        Ok(verified) => Ok(verified.lines),
        Err(VerifyError::Broken(broken)) => Err(broken),
        Err(VerifyError::Read(error)) => panic!("{error}"),
    }
}

fn wrong(text: &[u8]) -> Wrong {
    check(text, None).expect_err("it is broken").wrong
}

#[test]
fn an_untouched_log_is_whole() {
    assert_eq!(check(&log().0, None), Ok(40));
    assert_eq!(check(&log().0, Some(log().1)), Ok(40));
}

#[test]
fn the_kind_of_damage_is_named() {
    let lines = lines();
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().concat();
    assert_eq!(wrong(&without(0)), Wrong::Start);
    assert_eq!(wrong(&without(5)), Wrong::Order { expected: 6, found: 7 });
    let text = String::from_utf8(log().0.clone()).expect("ASCII");
    assert_eq!(wrong(text.replace("/web", "/wep").as_bytes()), Wrong::Changed);
    assert_eq!(wrong(text.replace("\n", "\r\n").as_bytes()), Wrong::NotALine);
    assert_eq!(wrong(&log().0[..log().0.len() - 1]), Wrong::Torn);
    assert_eq!(wrong(b""), Wrong::Empty);
    assert_eq!(wrong(&vec![b'x'; MAX_LINE + 1]), Wrong::TooLong);
    assert_eq!(wrong(&vec![b'x'; MAX_LINE]), Wrong::Torn);
    let broken = check(&without(5), None).expect_err("a line is missing");
    assert_eq!(broken.line, 6);
}

/// Only who knows a later line sees that the end is missing.
#[test]
fn a_missing_end_is_found_by_its_head_alone() {
    let cut = lines()[..39].concat();
    assert_eq!(check(&cut, None), Ok(39));
    assert_eq!(check(&cut, Some(log().1)), Err(Broken { line: 39, wrong: Wrong::Head }));
}

/// What was the last line some time ago stays a proof for everything before it.
#[test]
fn the_head_may_be_an_older_one() {
    let text = String::from_utf8(log().0.clone()).expect("ASCII");
    for line in text.lines() {
        let hash = line[line.len() - 66..line.len() - 2].parse().expect("a hash");
        assert!(verify(text.as_bytes(), Expectation { head: Some(hash) }).is_ok());
    }
}

/// A chain that is computed anew has another head.
#[test]
fn another_chain_is_found_by_the_head_alone() {
    let memory = Memory::default();
    let other = AuditLog::to_writer(Box::new(memory.clone()), "1.2.3").expect("it is written");
    other.close().expect("closed");
    let text = memory.0.lock().expect("no panic").clone();
    assert_eq!(check(&text, None), Ok(2));
    assert_eq!(check(&text, Some(log().1)).expect_err("another chain").wrong, Wrong::Head);
}

/// A reader who has two different chains one behind the other sees where the second begins.
#[test]
fn two_chains_are_not_one() {
    let mut text = log().0.clone();
    text.extend(lines()[0]);
    assert_eq!(wrong(&text), Wrong::Order { expected: 41, found: 1 });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_byte_is_found(at: Index, by in 1_u8..=255) {
        let mut text = log().0.clone();
        let at = at.index(text.len());
        text[at] ^= by;
        prop_assert!(check(&text, None).is_err());
    }

    #[test]
    fn an_added_or_removed_byte_is_found(at: Index, byte: u8) {
        let text = &log().0;
        let at = at.index(text.len());
        let added = [&text[..at], &[byte], &text[at..]].concat();
        prop_assert!(check(&added, None).is_err());
        let removed = [&text[..at], &text[at + 1..]].concat();
        prop_assert!(check(&removed, None).is_err());
    }

    #[test]
    fn a_removed_line_is_found(at in 0_usize..39, count in 1_usize..40) {
        let lines = lines();
        let count = count.min(39 - at);
        let text = [&lines[..at], &lines[at + count..]].concat().concat();
        prop_assert!(check(&text, None).is_err());
    }

    #[test]
    fn two_swapped_lines_are_found(one in 0_usize..40, by in 1_usize..40) {
        let mut lines = lines();
        lines.swap(one, (one + by) % 40);
        prop_assert!(check(&lines.concat(), None).is_err());
    }

    #[test]
    fn a_line_that_comes_twice_is_found(from in 0_usize..40, to in 0_usize..=40) {
        let mut lines = lines();
        lines.insert(to, lines[from]);
        prop_assert!(check(&lines.concat(), None).is_err());
    }

    #[test]
    fn a_cut_is_found(at: Index) {
        let end = at.index(log().0.len());
        let text = &log().0[..end];
        let is_between_lines = text.last() == Some(&b'\n');
        prop_assert_eq!(check(text, None).is_ok(), is_between_lines);
        prop_assert!(check(text, Some(log().1)).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..300), head: bool) {
        prop_assert!(check(&text, head.then_some(log().1)).is_err());
    }
}
