//! The rows that setec's own tests have, and any pattern against a definition of what one means.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

fn rule(action: &[&str], secret: &[&str]) -> Rule {
    let action = action.iter().map(|action| action.to_string()).collect();
    Rule { action, secret: secret.iter().map(|text| Pattern::new(*text)).collect() }
}

#[test]
fn rules_add_up() {
    let rules = [
        rule(&["get"], &["control/foo", "control/bar"]),
        rule(&["info", "put", "create-version", "activate"], &["*"]),
        rule(&["delete"], &["dev/*"]),
    ];
    let may = |action, name: &str| rules.iter().any(|rule| rule.allows(action, name));
    let mut rows = Vec::new();
    for (name, expected) in [
        ("control/foo", true),
        ("control/bar", true),
        ("control/quux", false),
        ("something/else", false),
        ("dev/foo", false),
    ] {
        rows.push((Action::Get, name, expected));
        for action in [Action::Info, Action::Put, Action::CreateVersion, Action::Activate] {
            rows.push((action, name, true));
        }
    }
    for (name, expected) in [
        ("dev/foo", true),
        ("dev/bar/quux", true),
        ("control/foo", false),
        ("control/bar", false),
        ("something/else", false),
        ("dev", false),
    ] {
        rows.push((Action::Delete, name, expected));
    }
    assert_eq!(rows.len(), 31);
    for (action, name, expected) in rows {
        assert_eq!(may(action, name), expected, "{action:?} {name}");
    }
}

#[test]
fn patterns_match_as_setec_has_it() {
    for (name, pattern, expected) in [
        ("", "", true),
        ("", "*", true),
        ("", "**", true),
        ("*", "*", true),
        ("*", "**", true),
        ("", "abc", false),
        ("abc", "", false),
        ("abc", "abc", true),
        ("abc", "abc*", true),
        ("abc", "*abc", true),
        ("abc", "a*c", true),
        ("abc", "a*cd", false),
        ("abcd", "a*cd", true),
        ("abXcd", "a*cd", true),
        ("abcdef", "ab**ef", true),
        ("abc_def", "abc**def", true),
        ("____xyz", "*xyz", true),
        ("____xy", "*xyz", false),
        ("abc", "abc*", true),
        ("abc___", "abc*", true),
        ("ab___", "abc*", false),
        ("ab___", "ab*c*", false),
        ("ab__cd_", "ab*c*", true),
        // What the beginning takes, the end can't have as well.
        ("aba", "ab*ba", false),
        ("Abc", "abc", false),
        ("a?c", "a?c", true),
        ("abc", "a?c", false),
        ("prod/a/b", "prod/*", true),
        ("\u{e9}", "*", true),
    ] {
        assert_eq!(Pattern::new(pattern).matches(name), expected, "{name} {pattern}");
    }
}

#[test]
fn an_action_that_there_is_not_allows_nothing() {
    for action in ["gett", "GET", "*", "", "get "] {
        let rule = rule(&[action], &["*"]);
        assert!(Action::ALL.iter().all(|action| !rule.allows(*action, "a")), "{action}");
    }
    assert!(Action::ALL.iter().all(|action| Rule::everything().allows(*action, "any/name")));
    assert!(!rule(&["get"], &[]).allows(Action::Get, ""));
}

/// What is looked at when `pattern` is held against `name`, in bytes.
fn steps(pattern: &str, name: &str) -> usize {
    let steps = Cell::new(0);
    Pattern::new(pattern).matches_by(name, |rest, piece| {
        let found = memmem::find(rest, piece);
        steps.set(steps.get() + found.map_or(rest.len(), |at| at + piece.len()));
        found
    });
    steps.get()
}

#[test]
fn no_pattern_takes_longer_than_it_and_the_name_are_long() {
    let name = "a".repeat(1024);
    for piece in ["a*", "ab*", "*", "aa*", "a*b*"] {
        let pattern = format!("*{}", piece.repeat(1000));
        assert!(steps(&pattern, &name) <= name.len(), "{piece}");
        assert!(steps(&format!("{pattern}b"), &name) <= name.len(), "{piece}");
    }
    assert!(steps("*a*b*", &name) > 1);
}

/// What a pattern means, and no more than that.
fn means(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|at| means(rest, &name[at..])),
        [byte, rest @ ..] => name.first() == Some(byte) && means(rest, &name[1..]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_pattern_matches_what_it_means(pattern in "[ab/*é]{0,8}", name in "[ab/é]{0,10}") {
        let expected = means(pattern.as_bytes(), name.as_bytes());
        prop_assert_eq!(Pattern::new(pattern).matches(&name), expected);
    }
}
