//! Reading recorded cases, and making sure that none is left out.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A case that is answered otherwise than by the Go program, on purpose.
pub(crate) struct Difference<Ours> {
    /// The name of the case.
    pub(crate) name: &'static str,
    /// What is answered.
    pub(crate) ours: Ours,
    /// Why.
    pub(crate) because: &'static str,
}

/// Parses a file of vectors.
pub(crate) fn parse(text: &str) -> Value {
    serde_json::from_str(text).expect("a file of vectors is JSON")
}

/// The members of `list`, which are `count`: a file that lost cases proves less than it seems to.
pub(crate) fn members(list: &Value, count: usize) -> &[Value] {
    let members = list.as_array().expect("cases are a list");
    assert_eq!(members.len(), count, "the number of recorded cases");
    members
}

/// Judges each of `cases`, which are `count`, and fails with the list of all that are not as they
/// should be. `judge` is given the difference when the case is listed as one.
pub(crate) fn judge_all<Ours>(
    cases: &Value,
    count: usize,
    differences: &[Difference<Ours>],
    mut judge: impl FnMut(&Value, Option<&Ours>) -> Result<(), String>,
) {
    let cases = members(cases, count);
    let names: BTreeSet<String> = cases.iter().map(name).collect();
    assert_eq!(names.len(), count, "each case has a name of its own");
    let listed: BTreeSet<_> = differences.iter().map(|difference| difference.name).collect();
    assert_eq!(listed.len(), differences.len(), "no case is listed twice");
    let mut wrong = Vec::new();
    for difference in differences {
        assert!(names.contains(difference.name), "there is no case {:?}", difference.name);
        assert!(difference.because.ends_with('.'), "{:?} has no reason", difference.name);
    }
    for case in cases {
        let name = name(case);
        let difference = differences.iter().find(|difference| difference.name == name);
        if let Err(what) = judge(case, difference.map(|difference| &difference.ours)) {
            wrong.push(format!("{name:?}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// The name of a case. One command was recorded with two versions of the Go program.
pub(crate) fn name(case: &Value) -> String {
    let name = text(&case["name"]);
    match case["binary"].as_str() {
        Some(binary) if !name.starts_with(binary) => format!("{binary} {name}"),
        _ => name.to_string(),
    }
}

/// A text in JSON.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text"))
}

/// Bytes written as base64.
pub(crate) fn base64(value: &Value) -> Vec<u8> {
    STANDARD.decode(text(value)).expect("base64")
}

/// Bytes written as `{"text": ..}`, or as `{"base64": ..}` where they are not text.
#[cfg(unix)]
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value.get("text") {
        Some(plain) => text(plain).as_bytes().to_vec(),
        None => base64(&value["base64"]),
    }
}

/// A key written as base64.
pub(crate) fn key(value: &Value) -> [u8; 32] {
    base64(value).try_into().expect("a key has 32 bytes")
}

/// Bytes written as hexadecimal digits.
pub(crate) fn hex(value: &Value) -> Vec<u8> {
    let byte = |n| u8::from_str_radix(&text(value)[2 * n..2 * n + 2], 16).expect("hexadecimal");
    (0..text(value).len() / 2).map(byte).collect()
}
