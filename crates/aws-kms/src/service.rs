//! Data keys of tokens, many at once.

use std::collections::HashMap;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use futures_util::StreamExt;
use futures_util::stream;
use secretary_envelope::kms::DATA_KEY;
use secretary_envelope::{DataKey, WrappedKey};
use secretary_secret::Secret;

use crate::classify::of_call;
use crate::connect::{Connection, connect};
use crate::error::{Cause, Error};
use crate::retry::Deadline;
use crate::settings::Settings;

/// How many calls are under way at once. More would not make a start faster, but fill the quota of
/// requests a second that an account has.
pub const CONCURRENCY: usize = 16;

/// AWS KMS, with region and credentials found.
#[derive(Debug)]
pub struct Kms {
    connection: Connection,
    settings: Settings,
    deadline: Deadline,
}

impl Kms {
    /// Finds region and credentials. The time in `settings` starts here.
    ///
    /// # Errors
    ///
    /// When there is no region, there are no credentials, or they could not be fetched in time.
    pub async fn connect(settings: Settings) -> Result<Self, Cause> {
        let deadline = Deadline::after(settings.timeout);
        let connection = deadline.bound(connect(&settings)).await.map_err(Cause::LateSource)??;
        Ok(Self { connection, settings, deadline })
    }

    /// The region that is asked.
    pub fn region(&self) -> &str {
        &self.connection.region
    }

    /// Which source the credentials came from, in words.
    pub fn credentials(&self) -> &str {
        &self.connection.credentials.words
    }

    /// Whether a profile had a part in that.
    pub fn used_a_profile(&self) -> bool {
        self.connection.credentials.is_of_profile
    }

    /// Where requests went, as `https://host`, if there was one.
    pub fn endpoint(&self) -> Option<String> {
        self.connection.endpoint.seen()
    }

    /// What it was connected with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes `count` data keys, by `GenerateDataKey`.
    ///
    /// # Errors
    ///
    /// The first that occurs.
    pub async fn generate(&self, count: usize) -> Result<Vec<(DataKey, WrappedKey)>, Error> {
        let calls = stream::iter(0..count)
            .map(|_| self.deadline.retried(|| self.generate_one()))
            .buffer_unordered(CONCURRENCY);
        let mut keys = Vec::with_capacity(count);
        let mut calls = std::pin::pin!(calls);
        while let Some(key) = calls.next().await {
            keys.push(key?);
        }
        Ok(keys)
    }

    /// Unwraps `keys`, by `Decrypt`, in their order. Asks for equal ones as often as they are there.
    pub async fn unwrap_all(&self, keys: &[WrappedKey]) -> Vec<Result<DataKey, Error>> {
        self.unwrap_all_by(self.deadline, keys).await
    }

    /// The same for who stays connected: the time in the settings starts here.
    pub async fn unwrap_all_anew(&self, keys: &[WrappedKey]) -> Vec<Result<DataKey, Error>> {
        self.unwrap_all_by(Deadline::after(self.settings.timeout), keys).await
    }

    async fn unwrap_all_by(
        &self,
        deadline: Deadline,
        keys: &[WrappedKey],
    ) -> Vec<Result<DataKey, Error>> {
        // In the order in which they come: one that is throttled must not keep others waiting. Keys are
        // copied because a server runs this on any of its threads, and the compiler does not see that
        // borrowed ones would do.
        let mut results: Vec<_> = stream::iter(keys.iter().cloned().enumerate())
            .map(|(number, key)| async move { (number, self.unwrap_by(deadline, key).await) })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        results.sort_unstable_by_key(|(number, _)| *number);
        results.into_iter().map(|(_, result)| result).collect()
    }

    async fn unwrap_by(&self, deadline: Deadline, key: WrappedKey) -> Result<DataKey, Error> {
        deadline.retried(|| self.unwrap_one(&key)).await
    }

    async fn generate_one(&self) -> Result<(DataKey, WrappedKey), Error> {
        let call = self
            .connection
            .client
            .generate_data_key()
            .set_key_id(self.key_id())
            .number_of_bytes(DATA_KEY as i32)
            .set_encryption_context(self.context());
        let answer = call.send().await.map_err(|error| of_call(&error))?;
        // First, so that it is wiped in any case.
        let key = data_key(answer.plaintext)?;
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        let wrapped = WrappedKey::new(&wrapped).map_err(|_| Cause::Unreadable(200))?;
        Ok((key, wrapped))
    }

    async fn unwrap_one(&self, key: &WrappedKey) -> Result<DataKey, Error> {
        let call = self
            .connection
            .client
            .decrypt()
            .ciphertext_blob(Blob::new(key.as_bytes()))
            .set_key_id(self.key_id())
            .set_encryption_context(self.context());
        let answer = call.send().await.map_err(|error| of_call(&error))?;
        data_key(answer.plaintext)
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn client(&self) -> &Client {
        &self.connection.client
    }

    pub(crate) fn key_id(&self) -> Option<String> {
        self.settings.key.as_ref().map(|key| key.as_str().to_string())
    }

    pub(crate) fn context(&self) -> Option<HashMap<String, String>> {
        let pairs = self.settings.context.iter();
        let pairs = pairs.map(|(key, value)| (key.to_string(), value.to_string()));
        (!self.settings.context.is_empty()).then(|| pairs.collect())
    }
}

/// Takes the plaintext over, so that it is wiped whatever its length.
fn data_key(plaintext: Option<Blob>) -> Result<DataKey, Error> {
    match plaintext {
        Some(plaintext) => {
            let key = DataKey::new(&Secret::from(plaintext.into_inner()));
            Ok(key.map_err(Cause::from)?)
        }
        None => Err(Cause::Unreadable(200).into()),
    }
}
