//! JSON as Go's `encoding/json` reads it into a map from handles to pairs of a value and an error.
//!
//! serde_json can't stand in for it: it refuses lone surrogates and bytes that are no UTF-8, which Go
//! replaces without a word (`secretary_go_json`); it words its errors otherwise, and an operator will search for Go's.
//!
//! As Go does, this goes over the text twice. The first time only the grammar counts (`scan`), so that a
//! missing bracket at the end is reported before a wrong type at the start.

mod scan;

use std::collections::HashMap;

use secretary_go_json::unescaped;
use secretary_secret::Secret;

/// What an agent knows of one handle. Absent, null and empty are the same to it.
#[derive(Debug, Default)]
pub struct Entry {
    /// The plaintext.
    pub value: Secret,
    /// Why there is none.
    pub error: String,
}

/// Reads an answer as a whole.
///
/// # Errors
///
/// Go's text: of the first wrong character, or else of the first wrong type.
pub fn read(text: &[u8]) -> Result<HashMap<String, Entry>, String> {
    scan::check(text)?;
    let mut reader = Reader { rest: text, wrong: None };
    let mut entries = HashMap::new();
    match reader.peek() {
        b'{' => reader.object(|reader, handle| {
            let entry = reader.entry();
            // Of a handle that comes twice the last entry counts, and nothing of the first.
            entries.insert(handle, entry);
        }),
        b'n' => reader.skip(),
        _ => reader.refuse("Go value of type map[string]secrets.Secret"),
    }
    reader.wrong.map_or(Ok(entries), Err)
}

/// What is left of a text whose grammar was checked.
struct Reader<'a> {
    rest: &'a [u8],
    /// Go goes on after a wrong type and reports the first.
    wrong: Option<String>,
}

impl Reader<'_> {
    fn entry(&mut self) -> Entry {
        let mut entry = Entry::default();
        match self.peek() {
            b'{' => self.object(|reader, field| {
                // Go matches names of fields in any case.
                if field.eq_ignore_ascii_case("value") {
                    if let Some(text) = reader.text("value") {
                        entry.value = text;
                    }
                } else if field.eq_ignore_ascii_case("error") {
                    if let Some(text) = reader.text("error") {
                        entry.error = String::from_utf8_lossy(text.expose()).into_owned();
                    }
                } else {
                    reader.skip();
                }
            }),
            b'n' => self.skip(),
            _ => self.refuse("Go value of type secrets.Secret"),
        }
        entry
    }

    /// A string, or nothing for null, which leaves a field as it was.
    fn text(&mut self, field: &str) -> Option<Secret> {
        match self.peek() {
            b'"' => return Some(self.string()),
            b'n' => self.skip(),
            _ => self.refuse(&format!("Go struct field Secret.{field} of type string")),
        }
        None
    }

    /// Hands each name of an object to `member`, which has to read what follows.
    fn object(&mut self, mut member: impl FnMut(&mut Self, String)) {
        self.take(1);
        while self.peek() != b'}' {
            if self.peek() == b',' {
                self.take(1);
                self.peek();
            }
            let name = String::from_utf8_lossy(self.string().expose()).into_owned();
            self.peek();
            self.take(1);
            self.peek();
            member(self, name);
        }
        self.take(1);
    }

    /// Notes that what follows can't be put into `place`, and passes over it.
    fn refuse(&mut self, place: &str) {
        let kind = match self.peek() {
            b'{' => "object",
            b'[' => "array",
            b'"' => "string",
            b't' | b'f' => "bool",
            _ => "number",
        };
        self.wrong.get_or_insert_with(|| format!("json: cannot unmarshal {kind} into {place}"));
        self.skip();
    }

    fn skip(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                b'"' => self.skip_string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.take(1);
                }
                b'}' | b']' => {
                    depth -= 1;
                    self.take(1);
                }
                b',' | b':' => self.take(1),
                _ => {
                    let ends = |byte: &u8| b",:]} \t\r\n".contains(byte);
                    self.take(self.rest.iter().position(ends).unwrap_or(self.rest.len()));
                }
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn skip_string(&mut self) {
        let mut escaped = false;
        let end = self.rest.iter().skip(1).position(|&byte| {
            let is_end = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            is_end
        });
        self.take(end.map_or(self.rest.len(), |end| end + 2));
    }

    fn string(&mut self) -> Secret {
        let before = self.rest;
        self.skip_string();
        unescaped(&before[1..before.len() - self.rest.len() - 1])
    }

    /// The next byte that is no white space, or a NUL at the end, where a checked text has nothing to ask for.
    fn peek(&mut self) -> u8 {
        let start = self.rest.iter().position(|byte| !b" \t\r\n".contains(byte));
        self.take(start.unwrap_or(self.rest.len()));
        self.rest.first().copied().unwrap_or_default()
    }

    fn take(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &[u8]) -> Vec<u8> {
        read(text).expect("an answer")["h"].value.expose().to_vec()
    }

    #[test]
    fn a_string_stands_for_what_go_makes_of_it() {
        let text = b"{\"\\u0068\":{\"v\\u0061lue\":\"\\\"\\\\\\ud83d\\ud83d\\ude00\xff\"}}";
        assert_eq!(value(text), "\"\\\u{fffd}😀\u{fffd}".as_bytes());
    }

    #[test]
    fn names_of_fields_match_in_any_case_and_null_changes_nothing() {
        assert_eq!(value(br#" { "h" : {"VALUE":"x","Value":null,"other":[{"a":[1]}]} } "#), b"x");
        let entries = read(br#"{"h":{"value":"a"},"h":{"ERROR":"b"}}"#).expect("an answer");
        assert!(entries["h"].value.is_empty());
        assert_eq!(entries["h"].error, "b");
        assert!(read(b"null").expect("nothing").is_empty());
    }

    #[test]
    fn the_first_wrong_type_is_reported_after_the_whole_text_was_checked() {
        let wrong = |text: &[u8]| read(text).expect_err("wrong");
        let text = br#"{"a":{"VALUE":[1,{"b":2}]},"h":"x","i":{"error":1}}"#;
        let expected =
            "json: cannot unmarshal array into Go struct field Secret.value of type string";
        assert_eq!(wrong(text), expected);
        let text = br#"{"h":[{}],"i":{"error":1}}"#;
        assert_eq!(
            wrong(text),
            "json: cannot unmarshal array into Go value of type secrets.Secret"
        );
        assert_eq!(
            wrong(b"true"),
            "json: cannot unmarshal bool into Go value of type map[string]secrets.Secret"
        );
        assert_eq!(wrong(br#"{"h":1"#), "unexpected end of JSON input");
    }
}
