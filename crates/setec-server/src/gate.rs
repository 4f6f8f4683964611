//! A vault that may still be sealed, because its key-encryption key can't be reached.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use secretary_transport::jitter::jittered;
use tokio::time::sleep;

use crate::audit::Audit;
use crate::seal::header::UnwrapError;
use crate::seal::{KeyEncryption, KeyEncryptionError};
use crate::store::Store;
use crate::tell::Tell;
use crate::vault::{NewNames, UnsealError, Vault};

/// The time until the key is asked for again: at first, and at the most. Of each a random part is waited.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Nothing at first, and then a vault for ever.
pub struct Gate<S>(OnceLock<Vault<S>>);

/// What a vault is opened with.
pub struct Unsealing<S, K> {
    /// What is sealed.
    pub store: Arc<S>,
    /// What unwraps the store's data keys.
    pub wrapping: Arc<K>,
    /// Where its calls are written down.
    pub audit: Arc<Audit>,
    /// Which names new secrets may have.
    pub new_names: NewNames,
}

impl<S: Store> Gate<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(OnceLock::new())
    }

    /// What is behind it, if it is open.
    pub fn vault(&self) -> Option<&Vault<S>> {
        self.0.get()
    }

    /// Opens the vault if its key-encryption key can be reached; if not, that is told.
    ///
    /// # Errors
    ///
    /// What will not pass: another key, a damaged store.
    pub async fn try_open(
        &self,
        unsealing: &Unsealing<S, impl KeyEncryption>,
        tell: &Tell,
    ) -> Result<(), UnsealError> {
        match self.attempt(unsealing).await {
            Err(error) if may_pass(&error) => {
                tell(&format!("the store stays sealed until it is otherwise: {error}"));
                Ok(())
            }
            result => result,
        }
    }

    /// Opens the vault as soon as its key-encryption key can be reached.
    ///
    /// # Errors
    ///
    /// As [`Self::try_open`].
    pub async fn open(
        &self,
        unsealing: &Unsealing<S, impl KeyEncryption>,
        tell: &Tell,
    ) -> Result<(), UnsealError> {
        let mut wait = FIRST_WAIT;
        while self.vault().is_none() {
            sleep(jittered(wait)).await;
            wait = (2 * wait).min(LONGEST_WAIT);
            match self.attempt(unsealing).await {
                Ok(()) => tell("the key-encryption key was reached: the store is open"),
                Err(error) if may_pass(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn attempt(
        &self,
        unsealing: &Unsealing<S, impl KeyEncryption>,
    ) -> Result<(), UnsealError> {
        let Unsealing { store, wrapping, audit, new_names } = unsealing;
        let vault = Vault::open(store.clone(), &**wrapping, audit.clone(), *new_names).await?;
        let _ = self.0.set(vault);
        Ok(())
    }
}

impl<S: Store> Default for Gate<S> {
    fn default() -> Self {
        Self::new()
    }
}

fn may_pass(error: &UnsealError) -> bool {
    let UnsealError::Unwrap(UnwrapError::KeyEncryption(error)) = error else { return false };
    *error == KeyEncryptionError::Unreachable
}
