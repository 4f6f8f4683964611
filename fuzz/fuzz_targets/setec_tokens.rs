//! Files of tokens: any text is one exactly if a simple reading of it is, and what is wrong is said without a word of the
//! text that could be a token.
#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use secretary_setec_server::identity::token::check;
use toml::value::{Datetime, Offset};
use toml::{Table, Value};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    match (check(text), is_one(text)) {
        (Ok(()), Some(false)) => panic!("a simple reading refuses it"),
        (Err(what), Some(true)) => panic!("a simple reading takes it: {what}"),
        (Err(what), _) => repeats_nothing(&what),
        (Ok(()), _) => {}
    }
});

/// A token has more than twenty characters, and one of ours begins as no key does.
fn repeats_nothing(what: &str) {
    assert!(what.starts_with("line ") && what.lines().count() == 1, "{what}");
    let words = what.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    for word in words {
        let is_ours = word == "hexadecimal";
        assert!(is_ours || word.len() <= 10 && !word.starts_with("st_"), "{what}");
    }
    assert!(what.is_ascii(), "{what}");
}

/// Whether it is a file of tokens, unless that hangs on a calendar.
fn is_one(text: &str) -> Option<bool> {
    let Ok(table) = toml::from_str::<Table>(text) else { return Some(false) };
    if table.keys().any(|key| key != "token") {
        return Some(false);
    }
    let none = Value::Array(Vec::new());
    let Value::Array(entries) = table.get("token").unwrap_or(&none) else { return Some(false) };
    let mut hashes = HashSet::new();
    let mut is_known = true;
    for entry in entries {
        match is_entry(entry, &mut hashes) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

fn is_entry(entry: &Value, hashes: &mut HashSet<String>) -> Option<bool> {
    let Value::Table(entry) = entry else { return Some(false) };
    if entry.keys().any(|key| !["name", "sha256", "expires"].contains(&key.as_str())) {
        return Some(false);
    }
    let text = |key| entry.get(key).and_then(Value::as_str);
    let (Some(name), Some(hash)) = (text("name"), text("sha256")) else { return Some(false) };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-@/".contains(letter);
    let is_name = (1..=64).contains(&name.len()) && name.chars().all(plain);
    let is_hash = hash.len() == 64 && hash.chars().all(|digit| digit.is_ascii_hexdigit());
    if !is_name || name.starts_with("st_") || !is_hash || !hashes.insert(hash.to_lowercase()) {
        return Some(false);
    }
    match entry.get("expires") {
        None => Some(true),
        Some(Value::Datetime(end)) => is_point_in_time(end),
        Some(Value::String(text)) => text.parse().map_or(Some(false), |end| is_point_in_time(&end)),
        Some(_) => Some(false),
    }
}

/// Within the years that are certain. The others may end before they begin in some time zone.
fn is_point_in_time(end: &Datetime) -> Option<bool> {
    match (end.date, end.time, end.offset) {
        (Some(date), Some(_), Some(Offset::Z | Offset::Custom { .. })) => {
            (1971..=9998).contains(&date.year).then_some(true)
        }
        _ => Some(false),
    }
}
