//! A data key that its owner has made, wrapped by the key of KMS itself (`Encrypt`) and unwrapped (`Decrypt`).
//!
//! Beside the context in the settings such a key is bound to what the caller adds: a copy of what was wrapped is of no
//! use in another place. `Decrypt` names the key, so that nothing another key has wrapped is taken.
//!
//! Whoever keeps a key in this way asks seldom, and does well to connect anew each time: credentials that have expired
//! meanwhile are fetched again. The time in the settings is for connecting and asking together.

use std::collections::HashMap;

use aws_sdk_kms::primitives::Blob;
use secretary_envelope::kms::{DATA_KEY, WrongLength};
use secretary_secret::Secret;

use crate::classify::of_call;
use crate::error::{Cause, Error};
use crate::service::Kms;

/// A pair of the encryption context.
pub type Pair<'a> = (&'a str, &'a str);

impl Kms {
    /// Wraps a data key of 32 bytes, bound to `pair`.
    ///
    /// # Errors
    ///
    /// When it has another length, no key is set, or AWS KMS does not do it.
    pub async fn wrap(&self, key: &Secret, pair: Pair<'_>) -> Result<Vec<u8>, Error> {
        check(key)?;
        self.deadline().retried(|| self.wrap_one(key, pair)).await
    }

    /// Unwraps what [`Kms::wrap`] made, with the same key, context and `pair`.
    ///
    /// # Errors
    ///
    /// When it is anything else, or AWS KMS does not do it.
    pub async fn unwrap(&self, wrapped: &[u8], pair: Pair<'_>) -> Result<Secret, Error> {
        self.deadline().retried(|| self.unwrap_bound(wrapped, pair)).await
    }

    async fn wrap_one(&self, key: &Secret, pair: Pair<'_>) -> Result<Vec<u8>, Error> {
        let call = self
            .client()
            .encrypt()
            .set_key_id(self.key_id())
            // The SDK's copy is wiped by nobody, nor is what it makes of it on the way to the socket.
            .plaintext(Blob::new(key.expose()))
            .set_encryption_context(Some(self.bound(pair)));
        let answer = call.send().await.map_err(|error| of_call(&error))?;
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        if wrapped.is_empty() { Err(Cause::Unreadable(200).into()) } else { Ok(wrapped) }
    }

    async fn unwrap_bound(&self, wrapped: &[u8], pair: Pair<'_>) -> Result<Secret, Error> {
        let call = self
            .client()
            .decrypt()
            .set_key_id(self.key_id())
            .ciphertext_blob(Blob::new(wrapped))
            .set_encryption_context(Some(self.bound(pair)));
        let answer = call.send().await.map_err(|error| of_call(&error))?;
        // First, so that it is wiped whatever its length.
        let key = answer.plaintext.map(|plaintext| Secret::from(plaintext.into_inner()));
        let key = key.ok_or(Cause::Unreadable(200))?;
        check(&key)?;
        Ok(key)
    }

    /// The context in the settings, and the pair, which wins.
    fn bound(&self, (name, value): Pair<'_>) -> HashMap<String, String> {
        let mut pairs = self.context().unwrap_or_default();
        pairs.insert(name.to_string(), value.to_string());
        pairs
    }
}

fn check(key: &Secret) -> Result<(), Cause> {
    if key.len() == DATA_KEY { Ok(()) } else { Err(WrongLength(key.len()).into()) }
}
