//! The JSON of setec's API, and nothing else: no file, socket or clock.
//!
//! | module | what it knows |
//! |---|---|
//! | [`path`] | the eight calls, and the right that each needs |
//! | [`header`] | what a request has to say before anything of it is read |
//! | [`request`] | what is asked |
//! | [`response`] | what is answered |
//! | [`refusal`] | why not, with its HTTP status |
//! | [`rule`] | what a tailnet's policy says that somebody may do |
//! | [`name`] | which names are reserved, and which are not taken for new secrets |
//! | `json` | JSON as Go's `encoding/json` reads and writes it |
//!
//! setec is a Go program, and so are its clients. What one of them sends is read here as setec reads it, to the
//! byte: `tests/vectors/decoded.json` has what setec's own types were recorded to make of inputs of every kind.
//!
//! ```
//! use secretary_setec_api::{Path, Request};
//!
//! let path = Path::parse("/api/put").expect("one of the eight");
//! let request = Request::decode(path, br#"{"name":"prod/db","Value":"aHVudGVyMg=="} and more"#)?;
//! let Request::Put(put) = request else { unreachable!() };
//! assert_eq!((put.name.as_str(), put.value.expose()), ("prod/db", b"hunter2".as_slice()));
//! # Ok::<(), secretary_setec_api::Malformed>(())
//! ```
//!
//! Values are [`Secret`](secretary_secret::Secret)s, and a request or an answer that has one is encoded into one.

pub mod header;
mod json;
pub mod name;
pub mod path;
pub mod refusal;
pub mod request;
pub mod response;
pub mod rule;

pub use json::Malformed;
pub use path::{Action, Path};
pub use refusal::Refusal;
pub use request::Request;
pub use response::{SecretInfo, SecretValue};

/// The version of a request that asks for none in particular. No secret has a version of this number.
pub const NO_VERSION: u32 = 0;
