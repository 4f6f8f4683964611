//! JSON as Go's `encoding/json` reads it into a struct, and writes it.
//!
//! serde_json can't stand in for it: it refuses what is no UTF-8, and surrogates without their other half, which Go
//! replaces; it minds the case of names; and it copies what it unescapes to memory that is not wiped.
//!
//! As Go does, this goes over a text twice. The first time (`scan`) only the grammar counts; then the members that are
//! wanted are taken out (`value`), and the bytes that some hold (`bytes`).

mod bytes;
mod scan;
mod value;
mod write;

pub(crate) use bytes::Bytes;
pub(crate) use value::Value;
pub(crate) use write::{Member, object};

/// The text is not what it should be. What is wrong with it is not said: it would be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the JSON is not what it should be")]
pub struct Malformed;
