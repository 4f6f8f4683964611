//! Any bytes as a configuration: they are refused or read, and what is written with values in the places
//! of the secrets is read as the same again.
#![no_main]

use std::cell::Cell;

use libfuzzer_sys::fuzz_target;
use secretary_agent::tester::secrets::{handles, resolve};
use secretary_agent::yaml::{Document, Mapping, Value, emit};
use secretary_secret::Secret;

const VALUES: [&[u8]; 8] = [
    b"v",
    b"",
    b" - a\n\n b: c\n\n",
    b"12:30",
    b"\xff\x00",
    "\u{feff}\u{2028}\u{1f600}\t\r".as_bytes(),
    b"ENC[x]",
    b"'long words' \"long words\" long words long words long words long words long words  # long\\",
];

fuzz_target!(|text: &[u8]| {
    let mut root = match Document::parse(text) {
        Ok(document) => document.root,
        Err(error) => return assert!(error.to_string().starts_with("yaml: ")),
    };
    let count = handles(&root).len();
    let value = Secret::from(VALUES[text.len() % VALUES.len()]);
    let asked = Cell::new(0);
    resolve(&mut root, &|_| {
        asked.set(asked.get() + 1);
        Some(&value)
    });
    assert_eq!(asked.get(), count);
    let written = emit(&root);
    if keeps_its_keys(&root) {
        let again = Document::parse(written.expose()).expect("what is written is YAML").root;
        assert!(is_same(&root, &again), "{}", String::from_utf8_lossy(written.expose()));
    }
});

/// Whether a value's keys stay keys of their own. The string `<<` becomes a merge, and numbers that differ
/// in their type alone become one.
fn keeps_its_keys(value: &Value) -> bool {
    match value {
        Value::Sequence(items) => items.iter().all(keeps_its_keys),
        Value::Mapping(mapping) => {
            let keys: Vec<_> = mapping.iter().map(|(key, _)| key).collect();
            let alone = |index: usize| !keys[..index].iter().any(|key| is_same(key, keys[index]));
            (0..keys.len()).all(|index| alone(index) && keys[index].as_str() != Some("<<"))
                && mapping.iter().all(|(_, value)| keeps_its_keys(value))
        }
        _ => true,
    }
}

/// Whether two values are the same but for the order of keys and the types of numbers, of which a text
/// does not tell.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Sequence(a), Value::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len() && a.iter().all(|entry| has(b, entry))
        }
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a == b || a.is_nan() && b.is_nan(),
            _ => a == b,
        },
    }
}

fn has(mapping: &Mapping, (key, value): (&Value, &Value)) -> bool {
    mapping.iter().any(|(own, other)| is_same(key, own) && is_same(value, other))
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Unsigned(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}
