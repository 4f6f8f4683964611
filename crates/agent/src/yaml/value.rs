//! The tree of values that a document stands for.

use std::fmt;

use secretary_secret::Secret;

/// A value of a document, or one that is built to be written.
///
/// It prints as its kind alone: any of it may be plaintext.
#[derive(PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `no`, `On` …
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number too large for [`Value::Integer`].
    Unsigned(u64),
    /// A number with a point or an exponent.
    Float(f64),
    /// All other scalars, timestamps included.
    String(Text),
    /// A list.
    Sequence(Vec<Value>),
    /// Keys and their values.
    Mapping(Mapping),
}

impl Value {
    /// A string that did not stand in a document.
    pub fn string(text: impl Into<Secret>) -> Self {
        Self::String(Text { bytes: text.into(), place: None })
    }

    /// The string's text. `None` for all that is no string, or is one of bytes that are not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => text.as_str(),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub fn as_sequence(&self) -> Option<&[Value]> {
        match self {
            Self::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The mapping.
    pub fn as_mapping(&self) -> Option<&Mapping> {
        match self {
            Self::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// What a mapping has for a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_mapping()?.get(key)
    }

    /// Takes what a mapping has for a string key out of it.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        match self {
            Self::Mapping(mapping) => mapping.take(key),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text.as_bytes())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::Sequence(items)
    }
}

impl From<Mapping> for Value {
    fn from(mapping: Mapping) -> Self {
        Self::Mapping(mapping)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean(..)",
            Self::Integer(_) | Self::Unsigned(_) => "Integer(..)",
            Self::Float(_) => "Float(..)",
            Self::String(_) => "String(..)",
            Self::Sequence(_) => "Sequence(..)",
            Self::Mapping(_) => "Mapping(..)",
        })
    }
}

/// A string, and where it stood. Two are equal when their bytes are.
pub struct Text {
    bytes: Secret,
    place: Option<Place>,
}

impl Text {
    pub(super) fn read(bytes: Secret, place: Place) -> Self {
        Self { bytes, place: Some(place) }
    }

    /// The bytes, which `!!binary` lets be anything.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.expose()
    }

    /// The text, if the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes()).ok()
    }

    /// Where it stood. `None` for a string that was built.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Has another text stand in the same place.
    pub fn replace(&mut self, bytes: Secret) {
        self.bytes = bytes;
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

/// Where a string stood in its document. Behind an alias this is the place of the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line of its first character or quote, from 1.
    pub line: u32,
    /// How it was written.
    pub style: Style,
    /// Whether it stood between `[` and `]` or `{` and `}`.
    pub in_flow: bool,
}

/// How a string was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In `'`.
    SingleQuoted,
    /// In `"`.
    DoubleQuoted,
    /// A block after `|`, which ends in a line break unless it is `|-`.
    Literal,
    /// A block after `>`, which ends in a line break unless it is `>-`.
    Folded,
}

/// Keys and their values, in the order of the document.
#[derive(Default, PartialEq)]
pub struct Mapping {
    entries: Vec<(Value, Value)>,
}

impl Mapping {
    pub(super) fn from_entries(entries: Vec<(Value, Value)>) -> Self {
        Self { entries }
    }

    /// Keys and values in the order of the document. A merged mapping's are where it was merged.
    pub fn iter(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The same, with values that can be changed. Keys cannot, because two could become one.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Value, &mut Value)> {
        self.entries.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a string key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(own, _)| own.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Takes the value of a string key out.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        let index = self.entries.iter().position(|(own, _)| own.as_str() == Some(key))?;
        Some(self.entries.remove(index).1)
    }

    /// Puts a value at a string key, in place of one that is there.
    pub fn insert(&mut self, key: &str, value: Value) {
        match self.entries.iter_mut().find(|(own, _)| own.as_str() == Some(key)) {
            Some((_, old)) => *old = value,
            None => self.entries.push((Value::from(key), value)),
        }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mapping(..)")
    }
}
