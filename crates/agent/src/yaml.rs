//! YAML as an agent reads and writes it.
//!
//! The agents use gopkg.in/yaml.v2 (2.4.0), a port of libyaml that takes plain scalars by the rules of
//! YAML 1.1. What it reads decides which strings are secrets, and what it writes is what a check gets,
//! so this module does as it does, where it is odd too:
//!
//! | module | what it does |
//! |---|---|
//! | `source` | bytes to characters, in the pieces that yaml.v2 reads |
//! | `dialect` | where yaml.v2 and the libyaml of today part |
//! | `nodes` | the first document as it is written: anchors, aliases, tags |
//! | `resolve`, `number`, `timestamp` | what a scalar stands for |
//! | `decode` | the document as it is meant: aliases and merges carried out |
//! | [`value`] | that tree |
//! | `order` | the order of keys |
//! | `emit`, `scalar` | the tree as text |
//!
//! Nothing here opens a file or knows what a secret is. Texts and trees may hold plaintext, so they are
//! wiped, errors repeat nothing of them, and nothing prints them. The tokenizer's own buffers are the
//! exception: it is a library, and what it had read is not wiped. So only configurations go through it,
//! as they stand in their files, and what was put into a tree is written without it.

mod decode;
mod dialect;
mod emit;
mod error;
mod nodes;
mod number;
mod order;
mod resolve;
mod scalar;
mod source;
mod timestamp;
pub mod value;

pub use emit::emit;
pub use error::YamlError;
pub use value::{Mapping, Place, Style, Text, Value};

/// The longest text that is read, in bytes. Agents have no such limit; their own files have some kilobytes.
pub const LONGEST_TEXT: usize = 4 * 1024 * 1024;

/// How deep a document may be. Agents refuse 10000, which nobody writes.
pub const DEEPEST: usize = 100;

/// How many scalars, sequences and mappings a document may have, each as often as aliases repeat it.
pub const MOST_VALUES: usize = 500_000;

/// How many bytes of text all strings may have together, each as often as aliases repeat it.
pub const MOST_TEXT: usize = 16 * 1024 * 1024;

/// The first document of a text.
#[derive(Debug)]
pub struct Document {
    /// What it holds. A text without a document is null.
    pub root: Value,
}

impl Document {
    /// Reads the first document of `text` and nothing behind it, as an agent does.
    ///
    /// # Errors
    ///
    /// What an agent would answer, in its words but without the values that some of them repeat; and a
    /// limit of ours that is reached.
    pub fn parse(text: &[u8]) -> Result<Self, YamlError> {
        let nodes = dialect::read(text)?;
        Ok(Self { root: decode::document(&nodes)? })
    }
}
