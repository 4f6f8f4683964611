//! JSON as Go writes it: compact, members in the order of a struct's fields, and what HTML could trip over escaped.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;

/// What a member holds.
#[derive(Clone, Copy)]
pub(crate) enum Member<'a> {
    Text(&'a str),
    Number(u32),
    Numbers(&'a [u32]),
    Flag(bool),
    Bytes(&'a Secret),
}

/// An object. There is room for all of it from the start, so that values are not copied as it grows.
pub(crate) fn object(members: &[(&str, Member<'_>)]) -> Secret {
    let len: usize = members.iter().map(|(name, member)| name.len() + 4 + member.most()).sum();
    let mut json = Secret::with_capacity(len + 2);
    for (number, (name, member)) in members.iter().enumerate() {
        json.extend(if number == 0 { b"{\"" } else { b",\"" });
        json.extend(name.as_bytes());
        json.extend(b"\":");
        member.push(&mut json);
    }
    json.extend(if members.is_empty() { b"{}" } else { b"}" });
    json
}

impl Member<'_> {
    /// The most bytes that it takes.
    fn most(self) -> usize {
        match self {
            Self::Text(text) => 2 + 6 * text.len(),
            Self::Number(_) => 10,
            Self::Numbers(numbers) => 4 + 11 * numbers.len(),
            Self::Flag(_) => 5,
            Self::Bytes(bytes) => 2 + base64_len(bytes),
        }
    }

    fn push(self, json: &mut Secret) {
        match self {
            Self::Text(value) => text(json, value),
            Self::Number(number) => push_number(json, number),
            Self::Numbers(numbers) => push_numbers(json, numbers),
            Self::Flag(flag) => json.extend(if flag { b"true" } else { b"false" }),
            Self::Bytes(bytes) => push_bytes(json, bytes),
        }
    }
}

/// `null` for none, as for a slice that nothing was ever put into.
fn push_numbers(json: &mut Secret, numbers: &[u32]) {
    if numbers.is_empty() {
        return json.extend(b"null");
    }
    for (number, value) in numbers.iter().enumerate() {
        json.extend(if number == 0 { b"[" } else { b"," });
        push_number(json, *value);
    }
    json.extend(b"]");
}

fn push_number(json: &mut Secret, number: u32) {
    write!(json, "{number}").expect("there is always room for more");
}

fn push_bytes(json: &mut Secret, bytes: &Secret) {
    json.extend(b"\"");
    let start = json.len();
    json.resize(start + base64_len(bytes));
    let written = STANDARD.encode_slice(bytes.expose(), &mut json.expose_mut()[start..]);
    written.expect("the room is as large as what is written");
    json.extend(b"\"");
}

fn base64_len(bytes: &Secret) -> usize {
    bytes.len().div_ceil(3) * 4
}

/// Appends a string.
pub(crate) fn text(json: &mut Secret, value: &str) {
    json.extend(b"\"");
    for letter in value.chars() {
        match letter {
            '"' => json.extend(b"\\\""),
            '\\' => json.extend(b"\\\\"),
            '\u{8}' => json.extend(b"\\b"),
            '\u{c}' => json.extend(b"\\f"),
            '\n' => json.extend(b"\\n"),
            '\r' => json.extend(b"\\r"),
            '\t' => json.extend(b"\\t"),
            '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                json.extend(format!("\\u{:04x}", u32::from(letter)).as_bytes());
            }
            other => json.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    json.extend(b"\"");
}
