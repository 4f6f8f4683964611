//! The document as it is meant: aliases are what they name, and merged mappings are one.

use std::collections::{HashMap, HashSet};

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use secretary_secret::Secret;

use super::nodes::{Kind, Nodes, Scalar, Tag};
use super::resolve::{Resolved, resolve_tagged};
use super::{DEEPEST, MOST_TEXT, MOST_VALUES, Mapping, Text, Value, YamlError};

/// Go's decoder wants padding and does not look at bits behind the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// The document's value, null if there is no document.
pub(super) fn document(nodes: &Nodes) -> Result<Value, YamlError> {
    let Some(root) = nodes.root else { return Ok(Value::Null) };
    // The document itself is the first that yaml.v2 counts.
    let mut decoder = Decoder { counted: 1, ..Decoder::new(nodes) };
    decoder.value(root)
}

struct Decoder<'a> {
    nodes: &'a Nodes,
    /// The aliases that are being followed.
    following: HashSet<usize>,
    depth: usize,
    counted: usize,
    counted_in_aliases: usize,
    text: usize,
}

impl<'a> Decoder<'a> {
    fn new(nodes: &'a Nodes) -> Self {
        let following = HashSet::new();
        Self { nodes, following, depth: 0, counted: 0, counted_in_aliases: 0, text: 0 }
    }

    fn value(&mut self, index: usize) -> Result<Value, YamlError> {
        self.count(index)?;
        match &self.nodes.node(index).kind {
            Kind::Alias(target) => self.follow(index, |decoder| decoder.value(*target)),
            Kind::Scalar(scalar) => self.scalar(scalar, index),
            Kind::Sequence(items) => self
                .deeper(index, |decoder| {
                    items.iter().map(|item| decoder.value(*item)).collect::<Result<Vec<_>, _>>()
                })
                .map(Value::Sequence),
            Kind::Mapping(_) => {
                let mut entries = Entries::default();
                self.entries(index, &mut entries)?;
                Ok(Value::Mapping(Mapping::from_entries(entries.list)))
            }
        }
    }

    /// Counts as yaml.v2 does against documents that are small and mean much, and then as we do.
    fn count(&mut self, index: usize) -> Result<(), YamlError> {
        self.counted += 1;
        if !self.following.is_empty() {
            self.counted_in_aliases += 1;
        }
        let ratio = self.counted_in_aliases as f64 / self.counted as f64;
        if self.counted_in_aliases > 100
            && self.counted > 1000
            && ratio > allowed_ratio(self.counted)
        {
            return Err(self.error("document contains excessive aliasing", index));
        }
        if self.counted > MOST_VALUES {
            return Err(self.error("the document has more than 500000 values", index));
        }
        Ok(())
    }

    fn error(&self, problem: &'static str, index: usize) -> YamlError {
        YamlError::at(problem, self.nodes.node(index).line)
    }

    fn follow<T>(
        &mut self,
        alias: usize,
        read: impl FnOnce(&mut Self) -> Result<T, YamlError>,
    ) -> Result<T, YamlError> {
        if !self.following.insert(alias) {
            return Err(self.error("anchor value contains itself", alias));
        }
        let result = read(self);
        self.following.remove(&alias);
        result
    }

    fn deeper<T>(
        &mut self,
        index: usize,
        read: impl FnOnce(&mut Self) -> Result<T, YamlError>,
    ) -> Result<T, YamlError> {
        if self.depth == DEEPEST {
            return Err(self.error("exceeded max depth of 100", index));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn scalar(&mut self, scalar: &Scalar, index: usize) -> Result<Value, YamlError> {
        let text = std::str::from_utf8(scalar.text.expose()).expect("the parser makes strings");
        let resolved = match (scalar.tag, scalar.implicit) {
            (Tag::None, false) => Resolved::String,
            (tag, _) => resolve_tagged(tag, text).map_err(|problem| self.error(problem, index))?,
        };
        Ok(match resolved {
            Resolved::Null => Value::Null,
            Resolved::Boolean(value) => Value::Boolean(value),
            Resolved::Integer(number) => Value::Integer(number),
            Resolved::Unsigned(number) => Value::Unsigned(number),
            Resolved::Float(number) => Value::Float(number),
            Resolved::Timestamp | Resolved::String => {
                self.text += text.len();
                if self.text > MOST_TEXT {
                    return Err(self.error("the document has more than 16 MiB of text", index));
                }
                let bytes = match scalar.tag {
                    Tag::Binary => decode_binary(text).ok_or_else(|| {
                        self.error("!!binary value contains invalid base64 data", index)
                    })?,
                    _ => Secret::from(text.as_bytes()),
                };
                Value::String(Text::read(bytes, scalar.place))
            }
        })
    }

    /// Puts a mapping's entries to those that are there.
    fn entries(&mut self, index: usize, into: &mut Entries) -> Result<(), YamlError> {
        let Kind::Mapping(children) = &self.nodes.node(index).kind else {
            unreachable!("asked of mappings alone");
        };
        self.deeper(index, |decoder| {
            children.chunks_exact(2).try_for_each(|pair| decoder.entry(pair[0], pair[1], into))
        })
    }

    fn entry(&mut self, key: usize, value: usize, into: &mut Entries) -> Result<(), YamlError> {
        if self.is_merge(key) {
            return self.merge(value, into);
        }
        let own = match self.value(key)? {
            Value::Mapping(_) => {
                return Err(self.error("invalid map key: map[interface {}]interface {}", key));
            }
            Value::Sequence(_) => return Err(self.error("invalid map key: []interface {}", key)),
            scalar => scalar,
        };
        let value = self.value(value)?;
        into.set(own, value);
        Ok(())
    }

    fn is_merge(&self, key: usize) -> bool {
        match &self.nodes.node(key).kind {
            Kind::Scalar(scalar) => {
                scalar.text.expose() == b"<<" && (scalar.implicit || scalar.tag == Tag::Merge)
            }
            _ => false,
        }
    }

    /// Merges a mapping, or several of which the first has precedence. What stands before `<<` is
    /// overwritten, which other libraries do not do.
    fn merge(&mut self, index: usize, into: &mut Entries) -> Result<(), YamlError> {
        match &self.nodes.node(index).kind {
            Kind::Sequence(items) => {
                items.iter().rev().try_for_each(|item| self.merge_one(*item, into))
            }
            _ => self.merge_one(index, into),
        }
    }

    fn merge_one(&mut self, index: usize, into: &mut Entries) -> Result<(), YamlError> {
        let problem = "map merge requires map or sequence of maps as the value";
        let node = &self.nodes.node(index).kind;
        match node {
            Kind::Mapping(_) => {
                self.count(index)?;
                self.entries(index, into)
            }
            Kind::Alias(target) if matches!(self.nodes.node(*target).kind, Kind::Mapping(_)) => {
                self.count(index)?;
                self.follow(index, |decoder| {
                    decoder.count(*target)?;
                    decoder.entries(*target, into)
                })
            }
            _ => Err(self.error(problem, index)),
        }
    }
}

/// How much of a document aliases may make, by its size, in yaml.v2: from 99 % down to 10 %.
fn allowed_ratio(counted: usize) -> f64 {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;
    match counted {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((counted - LOW) as f64 / (HIGH - LOW) as f64),
    }
}

fn decode_binary(text: &str) -> Option<Secret> {
    let mut encoded = Secret::with_capacity(text.len());
    text.split(['\r', '\n']).for_each(|line| encoded.extend(line.as_bytes()));
    let mut bytes = Secret::default();
    bytes.resize(base64::decoded_len_estimate(encoded.len()));
    let len = BASE64.decode_slice(encoded.expose(), bytes.expose_mut()).ok()?;
    bytes.resize(len);
    Some(bytes)
}

/// Entries in the order of the document, each key once.
#[derive(Default)]
struct Entries {
    list: Vec<(Value, Value)>,
    known: HashMap<Identity, usize>,
}

impl Entries {
    /// The last value of a key counts, at the place of the first.
    fn set(&mut self, key: Value, value: Value) {
        // A Go map takes a NaN for a new key each time and never finds one again.
        let Some(identity) = Identity::of(&key) else {
            self.list.push((key, Value::Null));
            return;
        };
        match self.known.get(&identity) {
            Some(index) => self.list[*index] = (key, value),
            None => {
                self.known.insert(identity, self.list.len());
                self.list.push((key, value));
            }
        }
    }
}

/// What makes two keys the same in Go: the type and the value. Keys are not replaced by plaintext.
#[derive(PartialEq, Eq, Hash)]
enum Identity {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(u64),
    String(Vec<u8>),
}

impl Identity {
    fn of(key: &Value) -> Option<Self> {
        Some(match key {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(number) => Self::Integer(*number),
            Value::Unsigned(number) => Self::Unsigned(*number),
            // Both zeros are one key.
            Value::Float(number) if *number == 0.0 => Self::Float(0),
            Value::Float(number) if number.is_nan() => return None,
            Value::Float(number) => Self::Float(number.to_bits()),
            Value::String(text) => Self::String(text.bytes().to_vec()),
            Value::Sequence(_) | Value::Mapping(_) => return None,
        })
    }
}
