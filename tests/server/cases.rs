//! The cases of the table, and that none of setec's numbers is missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::case::{Scene, Table, id_of};
use crate::machine::Machine;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/setec-server-cases.json");

/// Bodies, and what setec's own types were recorded to make of them.
const BODIES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/crates/setec-api/tests/vectors/decoded.json");

/// How many cases run at once.
const THREADS: usize = 8;

/// Numbers of the list that are about a server and are proven by tests that are not in the table.
const ELSEWHERE: [(u16, &str, &str); 13] = [
    (1, "tests/server/settings.rs", "a_server_needs_a_place_and_a_key"),
    (2, "tests/server/cases.rs", "every_case_is_answered_and_written_down_as_the_table_says"),
    (3, "tests/server/disk.rs", "what_was_answered_is_there_after_the_end"),
    // Numbers and times, the end, and reading back are the log's.
    (12, "crates/access/tests/log.rs", "a_log_says_when_it_begins_goes_on_and_ends"),
    (13, "crates/access/tests/log.rs", "what_waits_is_written_before_the_end"),
    (14, "crates/access/src/audit/line.rs", "is_read_back"),
    (103, "tests/server/cases.rs", "only_so_much_may_be_open"),
    (150, "tests/server/disk.rs", "what_can_not_be_written_down_is_not_done"),
    (151, "tests/server/disk.rs", "what_can_not_be_written_down_is_not_done"),
    (152, "tests/server/disk.rs", "what_changes_nothing_writes_nothing"),
    (153, "tests/server/disk.rs", "what_changes_nothing_writes_nothing"),
    (154, "tests/server/disk.rs", "what_changes_nothing_writes_nothing"),
    (155, "tests/server/disk.rs", "a_write_that_fails_changes_nothing"),
];

fn table() -> Table {
    serde_json::from_str(&fs::read_to_string(TABLE).expect("the table")).expect("its format")
}

#[test]
fn every_case_is_answered_and_written_down_as_the_table_says() {
    let table = table();
    let machine = Machine::new();
    let server = machine.start(&[]);
    let scene = Scene { machine: &machine, server: &server, callers: &table.callers };
    let differences = in_parallel(&table.cases, |case| scene.run(case));
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
    server.stop();
}

/// Runs all of them on several threads. A panic of one is the test's.
fn in_parallel<T: Sync>(all: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = || all.get(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(mine).filter_map(|one| run(one).err()).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn each_number_of_the_list_is_proven() {
    let number = |case: &RawValue| {
        let id = id_of(case);
        let digits = id.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        digits.parse::<u16>().unwrap_or_else(|_| panic!("{id} begins with a number"))
    };
    let table = table();
    let ids: BTreeSet<_> = table.cases.iter().map(|case| id_of(case)).collect();
    assert_eq!(ids.len(), table.cases.len(), "no two have the same id");
    let mut proven: BTreeSet<u16> = table.cases.iter().map(|case| number(case)).collect();
    for (number, file, test) in ELSEWHERE {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
        let text = text.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}()")), "{file} has no test called {test}");
        assert!(proven.insert(number), "{number} is in the table");
    }
    let missing: Vec<u16> =
        (1..=46).chain(91..=180).filter(|number| !proven.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Over the wire, and by the server's own way through them, so that neither a limit nor a header comes between.
#[test]
fn a_body_is_refused_where_setec_refuses_it_and_nowhere_else() {
    let recorded: Value =
        serde_json::from_str(&fs::read_to_string(BODIES).expect("recorded")).expect("JSON");
    let calls =
        ["list", "get", "info", "put", "create-version", "activate", "delete", "delete-version"];
    let bodies: Vec<&Value> = recorded["cases"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|case| calls.contains(&case["what"].as_str().expect("a word")))
        .collect();
    assert!(bodies.len() > 250, "{}", bodies.len());
    let machine = Machine::new();
    let server = machine.start(&[]);
    let run = |case: &&Value| {
        let text = |name: &str| case[name].as_str();
        let body = text("input").map(|text| text.as_bytes().to_vec());
        let body = body.unwrap_or_else(|| crate::case::bytes(text("hex").expect("one of the two")));
        let answer = server.connect().call(text("what").expect("a word"), &body);
        match (answer.short() == (400, "bad request\n".to_string()), text("output")) {
            (true, None) | (false, Some(_)) => Ok(()),
            _ => Err(format!("{case}: {:?}", answer.short())),
        }
    };
    let differences = in_parallel(&bodies, run);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    server.stop();
}

#[test]
fn only_so_much_may_be_open() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let mut connection = server.connect();
    for (depth, status) in [(9_999, 200), (10_000, 400)] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let answer = connection.call("list", format!("{{\"X\":{open}{close}}}").as_bytes());
        assert_eq!(answer.status, status, "{depth}: {}", answer.text());
    }
    server.stop();
}
