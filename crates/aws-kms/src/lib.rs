//! Data keys from AWS KMS: made (`GenerateDataKey`), wrapped (`Encrypt`) and unwrapped (`Decrypt`).
//!
//! | module | what it knows |
//! |---|---|
//! | [`settings`] | what a caller can set |
//! | [`service`] | data keys of tokens: made and unwrapped, many at once |
//! | [`wrapping`] | a data key that its owner has made: wrapped and unwrapped |
//! | [`error`] | what can go wrong, in words of ours |
//! | `classify` | errors of the AWS SDK as those words |
//! | `connect` | region, credentials and client, by the rules of all AWS programs |
//! | `credentials` | which source they came from |
//! | `http` | proxies, trusted certificates, a limit on answers |
//! | `retry` | again, with full jitter, until a deadline |
//!
//! It reads no variable of its own; the AWS SDK reads those that all AWS programs read. Nothing that
//! AWS, a proxy or a metadata service answers is repeated in an error, except ARNs of keys, names of
//! errors and numbers.
//!
//! The data keys that arrive are wiped on drop. The body of the HTTP answer they came in is ordinary
//! memory of the HTTP library, and is not.

mod classify;
mod connect;
mod credentials;
mod http;
mod retry;

pub mod error;
pub mod service;
pub mod settings;
pub mod wrapping;

pub use error::{Cause, Error};
pub use secretary_transport::Obstacle;
pub use service::Kms;
pub use settings::{AccessKey, Context, KeyId, Settings};
