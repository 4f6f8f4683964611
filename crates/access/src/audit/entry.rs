//! A caller's struct as the members of a line.
//!
//! What it says is the caller's to choose, and to keep secrets out of. Here is only seen to it that it
//! is one JSON object that fits, and that nothing in it can pass for something of ours.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::line::{MAX_MEMBERS, OPENED, STARTED, STOPPED, is_event};
use super::queue::Promise;

/// Names of members that are ours.
const RESERVED: [&str; 5] = ["seq", "prev", "time", "event", "hash"];

/// Why an entry can't be written. It is a mistake of the calling program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The event's name.
    #[error(
        "its event is no word of at most 32 letters, digits, _, - and ., or one of the log's own"
    )]
    Event,
    /// It can't be serialized, or has a fraction.
    #[error("it can't be serialized, or has a number with a fraction")]
    Serialize,
    /// Not an object, or one with a name twice.
    #[error("it is no JSON object in which each name comes once")]
    NotAnObject,
    /// A member has a name of ours.
    #[error(
        "it has a member that is called as one of the log's own: seq, prev, time, event or hash"
    )]
    Reserved,
    /// Longer than [`MAX_MEMBERS`].
    #[error("it is longer than a line may be")]
    TooLong,
}

/// By how many bytes the members of a line that is only to be written have to be shorter than others: when it is lost
/// it is written again with some that say so.
const AGAIN: usize = 128;

/// The members of `entry`, without the braces.
pub(super) fn members(
    event: &str,
    entry: &impl Serialize,
    promise: Promise,
) -> Result<Vec<u8>, Unfit> {
    if !is_event(event.as_bytes()) || [OPENED, STARTED, STOPPED].contains(&event) {
        return Err(Unfit::Event);
    }
    let members = own_members(entry)?;
    match promise {
        Promise::Written if members.len() > MAX_MEMBERS - AGAIN => Err(Unfit::TooLong),
        _ => Ok(members),
    }
}

/// The same for events of our own.
pub(super) fn own_members(entry: &impl Serialize) -> Result<Vec<u8>, Unfit> {
    let mut text = Vec::new();
    let mut out = Serializer::with_formatter(&mut text, Plain);
    entry.serialize(&mut out).map_err(|_| Unfit::Serialize)?;
    if text.len() > MAX_MEMBERS + 2 {
        return Err(Unfit::TooLong);
    }
    let Names(names) = serde_json::from_slice(&text).map_err(|_| Unfit::NotAnObject)?;
    if RESERVED.iter().any(|name| names.contains(*name)) {
        return Err(Unfit::Reserved);
    }
    drop(names);
    text.pop();
    text.remove(0);
    Ok(text)
}

/// Whether `text` is a JSON object in which each name comes once, so that all programs read the same.
pub(super) fn are_members(text: &[u8]) -> bool {
    serde_json::from_slice::<Names<'_>>(text).is_ok()
}

/// JSON in printable ASCII, without fractions.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            match character {
                ' '..='~' => out.write_all(&[character as u8])?,
                _ => {
                    let units = character.encode_utf16(&mut units);
                    units.iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))?;
                }
            }
        }
        Ok(())
    }

    fn write_f32<W: ?Sized + Write>(&mut self, _: &mut W, _: f32) -> io::Result<()> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, _: &mut W, _: f64) -> io::Result<()> {
        Err(io::ErrorKind::InvalidInput.into())
    }

    /// Text that was JSON before, and could be in several lines.
    fn write_raw_fragment<W: ?Sized + Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// The names of an object's members, each once.
struct Names<'a>(BTreeSet<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Names<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NamesVisitor)
    }
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Names<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names<'de>, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(Name(name)) = map.next_key()? {
            if !names.insert(name) {
                return Err(serde::de::Error::custom("a name comes twice"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(Names(names))
    }
}

/// A name, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(entry: &impl Serialize) -> Result<String, Unfit> {
        let members = members("decrypt", entry, Promise::Durable);
        members.map(|members| String::from_utf8(members).unwrap())
    }

    #[test]
    fn an_object_becomes_members() {
        assert_eq!(text(&json!({"a": 1, "b": [null, true]})).unwrap(), r#""a":1,"b":[null,true]"#);
        assert_eq!(text(&json!({})).unwrap(), "");
    }

    #[test]
    fn only_printable_ascii_comes_out_and_means_the_same() {
        let value = json!({"é\n": "\u{1b}[2J\u{7f}\u{85}\u{202e}\u{2028}\u{1f600}\"\\ ~"});
        let members = text(&value).unwrap();
        assert!(members.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{members}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&format!("{{{members}}}")).unwrap(),
            value
        );
    }

    #[test]
    fn refuses_what_is_no_object_or_has_a_fraction() {
        assert_eq!(text(&json!([1])), Err(Unfit::NotAnObject));
        assert_eq!(text(&"text"), Err(Unfit::NotAnObject));
        assert_eq!(text(&json!({"a": [1.5]})), Err(Unfit::Serialize));
        assert_eq!(text(&1.5_f32), Err(Unfit::Serialize));
    }

    #[test]
    fn refuses_names_of_ours_and_names_that_come_twice() {
        struct Twice(&'static str, &'static str);
        impl Serialize for Twice {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_map([(self.0, 1), (self.1, 2)])
            }
        }
        assert!(text(&Twice("a", "b")).is_ok());
        assert_eq!(text(&Twice("a", "a")), Err(Unfit::NotAnObject));
        for name in RESERVED {
            assert_eq!(text(&Twice("a", name)), Err(Unfit::Reserved));
            assert!(text(&json!({"inside": {name: 1}})).is_ok());
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let entry = |count| json!({"a": "x".repeat(count)});
        assert_eq!(text(&entry(MAX_MEMBERS - 6)).unwrap().len(), MAX_MEMBERS);
        assert_eq!(text(&entry(MAX_MEMBERS - 5)), Err(Unfit::TooLong));
        let written = |count| members("decrypt", &entry(count), Promise::Written).map(|_| ());
        assert_eq!(written(MAX_MEMBERS - 6 - AGAIN), Ok(()));
        assert_eq!(written(MAX_MEMBERS - 5 - AGAIN), Err(Unfit::TooLong));
        for event in ["", "de crypt", "é", "opened", "started", "stopped", &"e".repeat(33)] {
            assert_eq!(members(event, &json!({}), Promise::Durable), Err(Unfit::Event), "{event}");
        }
    }
}
