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

/// Numbers of the list that are not in the table, and a test that proves each of them.
const ELSEWHERE: [(u16, &str, &str); 53] = [
    (1, SETTINGS, "a_server_needs_a_place_and_a_key"),
    (2, CASES, "every_case_is_answered_and_written_down_as_the_table_says"),
    (3, DISK, "what_was_answered_is_there_after_the_end"),
    // Numbers and times, the end, and reading back are the log's.
    (12, "crates/access/tests/log.rs", "a_log_says_when_it_begins_goes_on_and_ends"),
    (13, "crates/access/tests/log.rs", "what_waits_is_written_before_the_end"),
    (14, "crates/access/src/audit/line.rs", "is_read_back"),
    // Versions are the store's, the vault's and the rules', whoever asks.
    (47, STORE, "a_store_that_is_opened_again_is_as_it_was"),
    (48, VAULT, "lists_by_name_and_version"),
    (49, RULES, "ten_puts_are_ten_versions_of_which_the_first_is_active"),
    (50, VAULT, "gets_the_active_version_or_the_one_asked_for"),
    (51, VAULT, "putting_the_latest_value_again_is_the_same_version"),
    // What is stored is sealed, so it is nobody else's memory.
    (52, VAULT, "values_are_sealed_and_bound_to_their_place"),
    (53, RULES, "a_version_of_a_new_secret_has_any_number_and_is_active"),
    (54, RULES, "a_version_of_a_new_secret_has_any_number_and_is_active"),
    (55, VAULT, "a_created_version_is_active_and_a_claimed_one_changes_nothing"),
    (56, VAULT, "a_created_version_is_active_and_a_claimed_one_changes_nothing"),
    (57, RULES, "a_version_of_a_new_secret_has_any_number_and_is_active"),
    (58, VAULT, "version_0_is_none"),
    (59, RULES, "numbers_are_not_used_again_after_they_were_deleted"),
    (60, VAULT, "a_deleted_secret_begins_anew"),
    (61, VAULT, "a_deleted_version_is_gone_and_the_active_one_stays"),
    (103, CASES, "only_so_much_may_be_open"),
    (150, DISK, "what_can_not_be_written_down_is_not_done"),
    (151, DISK, "what_can_not_be_written_down_is_not_done"),
    (152, DISK, "what_changes_nothing_writes_nothing"),
    (153, DISK, "what_changes_nothing_writes_nothing"),
    (154, DISK, "what_changes_nothing_writes_nothing"),
    (155, DISK, "a_write_that_fails_changes_nothing"),
    // What the program prints: each command in each case, with everybody's rights and with a policy over TLS ..
    (191, OUTCOMES, "each_command_succeeds_finds_nothing_may_not_and_reaches_nobody"),
    (192, OUTCOMES, "over_tls_each_does_as_the_policy_has_it"),
    (193, OUTCOMES, "what_was_done_is_there_afterwards"),
    (194, OUTCOMES, "what_the_server_refuses_is_said_as_setec_says_it"),
    (195, OUTCOMES, "a_file_that_a_value_is_written_to_is_for_its_owner_alone"),
    // .. what becomes of values in files, on standard input and typed ..
    (196, VALUES, "of_a_file_and_of_standard_input_the_same_is_saved"),
    (197, VALUES, "a_file_that_is_not_there_is_no_value"),
    (198, VALUES, "a_name_is_quoted_as_go_does"),
    (199, VALUES, "the_same_value_again_makes_no_version"),
    (200, TYPED, "a_value_is_asked_for_twice_and_never_shown"),
    (201, TYPED, "nothing_is_saved_of_what_is_empty_or_differs"),
    (202, TYPED, "a_file_goes_before_the_terminal"),
    (203, TYPED, "a_newline_follows_a_value_on_a_terminal_and_nowhere_else"),
    (204, TYPED, "a_name_does_nothing_to_the_terminal"),
    // .. tokens that are valid, stale and wrong ..
    (205, CONFIRMATIONS, "nothing_is_deleted_without_the_right_token"),
    (206, CONFIRMATIONS, "nobody_is_asked_before_it_is_confirmed"),
    // .. whom it asks, and as whom ..
    (207, CALLERS, "the_flag_is_taken_before_the_command_and_behind_it"),
    (208, CALLERS, "a_variable_says_whom_to_ask_ours_before_setecs"),
    (209, CALLERS, "a_token_is_sent_as_the_file_has_it"),
    (210, CALLERS, "a_certificate_says_who_asks"),
    (211, CALLERS, "a_slow_server_is_waited_for_as_long_as_is_said"),
    (212, CALLERS, "what_somebody_else_answers_is_not_repeated"),
    // .. and what it leaves with.
    (213, USAGE, "who_asks_for_help_gets_it"),
    (214, USAGE, "who_mistypes_is_told_so_before_anybody_is_asked"),
    (215, USAGE, "a_value_on_the_command_line_is_not_repeated"),
];

const CASES: &str = "tests/server/cases.rs";
const DISK: &str = "tests/server/disk.rs";
const SETTINGS: &str = "tests/server/settings.rs";
const RULES: &str = "crates/setec-server/src/record/tests.rs";
const STORE: &str = "crates/setec-server/src/store/sqlite/tests.rs";
const VAULT: &str = "crates/setec-server/src/vault/tests.rs";
const CALLERS: &str = "tests/secret/callers.rs";
const CONFIRMATIONS: &str = "tests/secret/confirmations.rs";
const OUTCOMES: &str = "tests/secret/outcomes.rs";
const TYPED: &str = "tests/secret/typed.rs";
const USAGE: &str = "tests/secret/usage.rs";
const VALUES: &str = "tests/secret/values.rs";

/// All numbers that are about a server, or about the program that asks it.
fn numbers() -> impl Iterator<Item = u16> {
    (1..=61).chain(91..=180).chain(191..=215)
}

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
        assert!(has_test(&text, test), "{file} has no test called {test}");
        assert!(proven.insert(number), "{number} is in the table");
    }
    let missing: Vec<u16> = numbers().filter(|number| !proven.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Whether this source has a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    source.split("#[test]\n").skip(1).any(|after| {
        let mut lines = after.lines().map(str::trim_start);
        let function = lines.find(|line| !line.starts_with("#["));
        function.is_some_and(|line| line.starts_with(&format!("fn {name}()")))
    })
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
