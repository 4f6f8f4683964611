//! A caller's struct as the members of a line.
//!
//! What it says is the caller's to choose, and to keep secrets out of. Here is only seen to it that it
//! is one JSON object that fits, and that nothing in it can pass for something of ours.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::batch::Promise;
use super::line::{MAX_MEMBERS, OPENED, STARTED, STOPPED, is_event};

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

/// As many bytes as most drafts have.
const USUAL: usize = 512;

/// A line that lacks its place: its event, and the caller's members, as they will stand in the file.
pub struct Draft {
    /// From the name of `event` to the last of the members.
    text: Vec<u8>,
    /// Where the members begin.
    members: usize,
}

impl Draft {
    /// A line about `event` with the members of `entry`, which is a JSON object of any members but ours.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn new(event: &str, entry: &impl Serialize) -> Result<Self, Unfit> {
        if !is_event(event.as_bytes()) || [OPENED, STARTED, STOPPED].contains(&event) {
            return Err(Unfit::Event);
        }
        Self::own(event, entry)
    }

    /// The same for events of our own.
    pub(super) fn own(event: &str, entry: &impl Serialize) -> Result<Self, Unfit> {
        let mut text = Vec::with_capacity(USUAL);
        for part in [r#""event":""#, event, "\""] {
            text.extend(part.as_bytes());
        }
        let start = text.len();
        let mut out = Serializer::with_formatter(&mut text, Plain);
        entry.serialize(&mut out).map_err(|_| Unfit::Serialize)?;
        let object = &text[start..];
        if object.len() > MAX_MEMBERS + 2 {
            return Err(Unfit::TooLong);
        }
        let Names(names) = serde_json::from_slice(object).map_err(|_| Unfit::NotAnObject)?;
        if names.iter().any(|name| RESERVED.contains(&&**name)) {
            return Err(Unfit::Reserved);
        }
        // The object's braces become the comma before its members, if it has any.
        text.pop();
        match text.len() - start {
            1 => _ = text.pop(),
            _ => text[start] = b',',
        }
        let members = text.len().min(start + 1);
        Ok(Self { text, members })
    }

    /// The caller's members as JSON, without braces.
    pub fn members(&self) -> &str {
        str::from_utf8(&self.text[self.members..]).expect("all of it is ASCII")
    }

    /// What comes behind a line's time.
    pub(super) fn rest(&self) -> &[u8] {
        &self.text
    }

    /// How many bytes the members have.
    pub(super) fn len(&self) -> usize {
        self.text.len() - self.members
    }

    /// # Errors
    ///
    /// When a line for which there is this promise has to be shorter.
    pub(super) fn fits(&self, promise: Promise) -> Result<(), Unfit> {
        match promise {
            Promise::Written if self.len() > MAX_MEMBERS - AGAIN => Err(Unfit::TooLong),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Draft {
    /// Without what it says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").finish_non_exhaustive()
    }
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
        if fragment.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return out.write_all(fragment.as_bytes());
        }
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

/// The names of an object's members, each once, in the order of their bytes.
struct Names<'a>(Vec<Cow<'a, str>>);

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
        let mut names = Vec::with_capacity(16);
        while let Some(Name(name)) = map.next_key()? {
            names.push(name);
            map.next_value::<IgnoredAny>()?;
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(serde::de::Error::custom("a name comes twice"));
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
        let draft = Draft::new("decrypt", entry)?;
        let event = r#""event":"decrypt""#;
        let comma = if draft.len() == 0 { "" } else { "," };
        assert_eq!(draft.rest(), format!("{event}{comma}{}", draft.members()).as_bytes());
        Ok(draft.members().to_string())
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
        assert_eq!(text(&Twice("\u{e9}", "\u{e9}")), Err(Unfit::NotAnObject));
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
        let written = |count| Draft::new("decrypt", &entry(count))?.fits(Promise::Written);
        assert_eq!(written(MAX_MEMBERS - 6 - AGAIN), Ok(()));
        assert_eq!(written(MAX_MEMBERS - 5 - AGAIN), Err(Unfit::TooLong));
        for event in ["", "de crypt", "é", "opened", "started", "stopped", &"e".repeat(33)] {
            assert_eq!(Draft::new(event, &json!({})).err(), Some(Unfit::Event), "{event}");
        }
    }
}
