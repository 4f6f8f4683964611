//! The `ENC[NACL,...]` and `ENC[KMS,...]` token format, as the Go program `secretary` defined it, and `ENC[SETEC,...]`.
//!
//! | module | what it knows |
//! |---|---|
//! | [`mod@scan`] | where the tokens are in a text |
//! | [`text`] | a text with its tokens, and with other things in their places |
//! | [`token`] | what one token says before it is opened |
//! | [`key`] | roles, public and private keys, their text forms |
//! | [`nacl`] | the NaCl box: one key agreement, then any number of tokens |
//! | [`kms`] | a data key, and the same as a key service wrapped it |
//! | [`gob`] | the body of a KMS token: wrapped data key, nonce and sealed message |
//! | [`mod@reference`] | the body of a SETEC token: the name of a secret that a server has |
//! | [`opener`] | opening all tokens of a text, or none |
//!
//! This crate is synchronous and touches no file, socket or clock; the one thing it asks of the
//! system is random bytes for keys and nonces.

mod base64;
mod pem;

pub mod gob;
pub mod key;
pub mod kms;
pub mod nacl;
pub mod opener;
pub mod reference;
pub mod scan;
pub mod text;
pub mod token;

pub use key::{Half, KeyError, PublicKey, Role, SecretKey};
pub use kms::{DataKey, WrappedKey};
pub use nacl::{NaclBox, WeakKey};
pub use opener::{Failed, OpenError, Opened, Opener, Opening};
pub use reference::{Reference, ReferenceError, References};
pub use scan::{Piece, scan};
pub use text::{Collector, Text};
pub use token::{Damage, Kind, Token};
