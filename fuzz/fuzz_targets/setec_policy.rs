//! Policies: any text is one or is refused in a line, what it lets somebody do is what a simple reading of it says, and
//! the same words in the other of the two syntaxes let them do the same.
#![no_main]

#[path = "../reference/pattern.rs"]
mod pattern;

use std::collections::BTreeSet;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use secretary_setec_server::{Action, Policy};
use serde_json::Value;

/// The most names that are asked for, and the most bytes of one.
const MOST: (usize, usize) = (8, 256);

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    let is_json = text.trim_start().starts_with('{');
    let (path, other) = if is_json { ("p.json", "p.toml") } else { ("p.toml", "p.json") };
    let policy = match Policy::parse(Path::new(path), text) {
        Ok(policy) => policy,
        Err(error) => return says_where(&error.to_string(), path),
    };
    let written = if is_json { serde_json::from_str(text).ok() } else { toml::from_str(text).ok() };
    let written: Value = written.expect("a policy is of its syntax");
    let translated = match is_json {
        true => toml::to_string(&written).expect("TOML has words for it"),
        false => written.to_string(),
    };
    let again = Policy::parse(Path::new(other), &translated).expect("the same words");
    assert_eq!((policy.len(), again.len()), (grants(&written).len(), grants(&written).len()));
    for name in names(&written, "principal") {
        for secret in names(&written, "secret") {
            is_judged(&[&policy, &again], &written, &name, &secret);
        }
    }
});

fn says_where(error: &str, path: &str) {
    assert!(error.starts_with(path) && !error.contains(char::is_control), "{error}");
}

fn grants(written: &Value) -> &[Value] {
    written["grant"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn words<'a>(grant: &'a Value, list: &str) -> impl Iterator<Item = &'a str> {
    grant[list].as_array().expect("a list").iter().map(|word| word.as_str().expect("a text"))
}

/// Names to ask for: some that the patterns stand for, and some that they do not.
fn names(written: &Value, list: &str) -> BTreeSet<String> {
    let patterns = grants(written).iter().flat_map(|grant| words(grant, list));
    let short = patterns.filter(|text| text.len() <= MOST.1).take(MOST.0);
    let names = short
        .flat_map(|text| [text.replace('*', ""), text.replace('*', "a/*"), format!("{text}a")]);
    names.chain(["token:a".to_string(), String::new()]).collect()
}

fn is_judged(policies: &[&Policy; 2], written: &Value, name: &str, secret: &str) {
    let names = [name.to_string()];
    for action in Action::ALL {
        let expected: Vec<bool> =
            grants(written).iter().map(|grant| allows(grant, name, action, secret)).collect();
        for policy in policies {
            let judged = policy.judge(&names, action, secret);
            assert!(judged.iter().map(|grant| grant.allows()).eq(expected.iter().copied()));
            let may = policy.rules(&names).into_iter().any(|rule| rule.allows(action, secret));
            assert_eq!(may, expected.contains(&true), "{name:?} {action:?} {secret:?}");
        }
    }
}

fn allows(grant: &Value, name: &str, action: Action, secret: &str) -> bool {
    let is_for = |pattern: &str| match pattern.starts_with("dns:") {
        true => pattern::matches(&pattern.to_ascii_lowercase(), name),
        false => pattern::matches(pattern, name),
    };
    words(grant, "principal").any(is_for)
        && words(grant, "action").any(|word| word == action.as_str())
        && words(grant, "secret").any(|pattern| pattern::matches(pattern, secret))
}
