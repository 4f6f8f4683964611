//! Values under a data key, and the data key under a key-encryption key.
//!
//! Each value is sealed by XChaCha20-Poly1305 under a random nonce of 24 bytes, so no counter has to outlast a crash.
//! The associated data names the store, the secret and the version: a value that is moved to another place does not
//! open there. What an attacker who can write to the disk is still able to do is to put back what was in the same
//! place before, a whole old store above all; nothing on the same disk can tell.
//!
//! | module | |
//! |---|---|
//! | [`mod@key`] | the data key, sealing, opening |
//! | [`mod@header`] | what a store says of itself: its name and its wrapped data keys |
//! | [`mod@wrap`] | key-encryption keys: the trait, a key file, a NaCl pair |

pub mod header;
pub mod key;
pub mod wrap;

pub use header::{Header, StoreId};
pub use key::{DataKeys, OpenError, Sealed};
pub use wrap::{KeyEncryption, KeyEncryptionError, KeyFile, NaclPair};
