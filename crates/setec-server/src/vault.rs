//! The operations: the one place that has both a store and its data keys.
//!
//! Each operation has the same four steps, in this order, and what setec's protocol lets a caller see depends on it:
//!
//! 1. what is refused before anybody decides, and leaves no line in an audit log: `nameable`, and version 0 in
//!    [`Vault::create_version`];
//! 2. the decision, which belongs where `// Decided here.` stands;
//! 3. what is refused whoever asks: `writable`, and version 0 elsewhere;
//! 4. the effect, by the rules of [`record`].
//!
//! A `decide` that is added takes the caller, the action, the name and the version as asked for, writes the audit line,
//! and fails before anything is read. Two operations place it otherwise. [`Vault::list`] asks nobody up front and
//! leaves out what the caller may not see. [`Vault::get_if_changed`] decides after the lookup, so that an answer of "as
//! you know it" leaves no line; but a caller who may not ask has to be told so before the lookup.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use secretary_secret::Secret;
use tokio::sync::{Mutex, MutexGuard};

use crate::record::{self, Change, Record, RuleError};
use crate::seal::header::UnwrapError;
use crate::seal::{DataKeys, Header, KeyEncryption, OpenError, Sealed};
use crate::store::{Found, Outcome, Store, StoreError};
use crate::version::{Version, VersionSet};

/// Names that begin so are the server's own. They can be read if an import brought them, and not be written.
pub const RESERVED: &str = "_internal/";

/// How often a write is computed anew because another process has changed the secret in between. Those of this
/// process wait for one another.
const TRIES: usize = 16;

/// In how many queues writers of a secret wait. Two secrets in one queue only wait for each other in vain.
const QUEUES: usize = 1024;

/// Why an operation failed. What a caller may be told of it is decided elsewhere.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The rules say no.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A version with number 0 was to be created.
    #[error("version 0 can't be created")]
    InvalidVersion,
    /// Version 0 was to be activated or deleted.
    #[error("there is no version 0")]
    ZeroVersion,
    /// A secret without a name was to be written.
    #[error("a secret has to have a name")]
    EmptyName,
    /// A name of the server's own was to be written.
    #[error("names that begin with {RESERVED} can't be written")]
    ReservedName,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the store has is not what was sealed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The system gave no random bytes.
    #[error("the system has no random bytes to give")]
    Random,
    /// Another process changed the secret each time.
    #[error("another server changes this secret too often")]
    Contended,
}

/// Why a vault can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data keys can't be had.
    #[error(transparent)]
    Unwrap(#[from] UnwrapError),
}

/// A value, and which version it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Value {
    /// The value.
    pub secret: Secret,
    /// Its version.
    pub version: Version,
}

/// What can be said of a secret without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: Arc<str>,
    record: Arc<Record>,
}

impl Info {
    /// The versions there are.
    pub fn versions(&self) -> &VersionSet {
        self.record.present()
    }

    /// The one for callers who ask for none.
    pub fn active(&self) -> Version {
        self.record.active()
    }
}

/// A store that can be read and written.
pub struct Vault<S> {
    store: S,
    keys: DataKeys,
    queues: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl<S: Store> Vault<S> {
    /// Unwraps the store's data keys. A new store gets one.
    ///
    /// # Errors
    ///
    /// [`UnsealError`]. When the key-encryption key can't be reached it can be tried again later.
    pub async fn open(store: S, wrapping: &impl KeyEncryption) -> Result<Self, UnsealError> {
        let keys = loop {
            if let Some(header) = store.header().await? {
                break header.unwrap(wrapping).await?;
            }
            let header = Header::generate(wrapping).await?;
            // On a conflict another process has just made one, which then is everybody's.
            let _ = store.replace_header(None, &header).await?;
        };
        let queues = std::iter::repeat_with(Mutex::default).take(QUEUES).collect();
        Ok(Self { store, keys, queues, hasher: RandomState::new() })
    }

    /// All secrets that `may_see` does not leave out, in the order of their names' bytes.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`].
    pub async fn list(
        &self,
        may_see: impl Fn(&str) -> bool + Send + Sync,
    ) -> Result<Vec<Info>, VaultError> {
        let mut list = Vec::new();
        for name in self.store.names().await?.into_iter().filter(|name| may_see(name)) {
            // One that was deleted meanwhile is left out.
            if let Some(record) = self.store.record(&name).await?.record {
                list.push(Info { name, record });
            }
        }
        Ok(list)
    }

    /// What can be said of a secret.
    ///
    /// # Errors
    ///
    /// [`RuleError::NotFound`], [`VaultError::Store`].
    pub async fn info(&self, name: &str) -> Result<Info, VaultError> {
        // Decided here.
        let record = self.store.record(name).await?.record.ok_or(RuleError::NotFound)?;
        Ok(Info { name: name.into(), record })
    }

    /// The value of a version, or of the active one for 0.
    ///
    /// # Errors
    ///
    /// [`RuleError::NotFound`], [`VaultError::Store`], [`VaultError::Open`].
    pub async fn get(&self, name: &str, version: u32) -> Result<Value, VaultError> {
        // Decided here.
        let found = match Version::new(version) {
            Some(version) => self.value(name, version).await?,
            None => self.value_of(name, |record| Some(record.active())).await?,
        };
        Ok(found.ok_or(RuleError::NotFound)?)
    }

    /// The active version's value. `None` when the active version is the one `known`, which need not exist. For 0
    /// always a value.
    ///
    /// # Errors
    ///
    /// [`RuleError::NotFound`], [`VaultError::Store`], [`VaultError::Open`].
    pub async fn get_if_changed(
        &self,
        name: &str,
        known: u32,
    ) -> Result<Option<Value>, VaultError> {
        let Some(known) = Version::new(known) else { return self.get(name, 0).await.map(Some) };
        // Decided here that the caller may not ask.
        let value = self.value_of(name, |record| record.active_unless(known)).await?;
        // Decided here that it may, if there is a value.
        Ok(value)
    }

    /// Stores a value as the next version, and answers its number; or the latest version's number, if that has the same
    /// value. The first version of a secret is active, the others are not.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::Exhausted`].
    pub async fn put(&self, name: &str, value: &Secret) -> Result<Version, VaultError> {
        nameable(name)?;
        // Decided here.
        writable(name)?;
        let _turn = self.turn(name).await;
        for _ in 0..TRIES {
            let Found { record, revision } = self.store.record(name).await?;
            if let Some(latest) = self.latest_if_equal(name, record.as_deref(), value).await? {
                return Ok(latest);
            }
            let addition = record::put(record.as_deref())?;
            // A record with a second owner would be copied to be changed.
            drop(record);
            let sealed = self.seal(name, addition.version(), value)?;
            if self.store.commit(name, addition.with(sealed), revision).await? == Outcome::Committed
            {
                return Ok(addition.version());
            }
        }
        Err(VaultError::Contended)
    }

    /// Stores a value under a number of the caller's choice, and activates it.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::Claimed`].
    pub async fn create_version(
        &self,
        name: &str,
        version: u32,
        value: &Secret,
    ) -> Result<(), VaultError> {
        nameable(name)?;
        let version = Version::new(version).ok_or(VaultError::InvalidVersion)?;
        // Decided here.
        writable(name)?;
        self.write(name, |record| {
            let addition = record::create_version(record, version)?;
            Ok(Some(addition.with(self.seal(name, version, value)?)))
        })
        .await
    }

    /// Makes a version the active one.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::NotFound`].
    pub async fn activate(&self, name: &str, version: u32) -> Result<(), VaultError> {
        nameable(name)?;
        // Decided here.
        writable(name)?;
        let version = Version::new(version).ok_or(VaultError::ZeroVersion)?;
        self.write(name, |record| Ok(record::activate(record, version)?)).await
    }

    /// Deletes a version that is not active. Its number is not used again as long as the secret is there.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::NotFound`] and [`RuleError::IsActive`].
    pub async fn delete_version(&self, name: &str, version: u32) -> Result<(), VaultError> {
        // Decided here.
        writable(name)?;
        let version = Version::new(version).ok_or(VaultError::ZeroVersion)?;
        self.write(name, |record| Ok(Some(record::delete_version(record, version)?))).await
    }

    /// Deletes a secret, its numbers included. Deleting what is not there is no error.
    ///
    /// # Errors
    ///
    /// [`VaultError`].
    pub async fn delete(&self, name: &str) -> Result<(), VaultError> {
        // Decided here.
        writable(name)?;
        self.write(name, |record| Ok(record::delete(record))).await
    }

    /// The value of the version that `choose` finds in the record. `None` when it finds none.
    async fn value_of(
        &self,
        name: &str,
        choose: impl Fn(&Record) -> Option<Version>,
    ) -> Result<Option<Value>, VaultError> {
        for _ in 0..TRIES {
            let record = self.store.record(name).await?.record.ok_or(RuleError::NotFound)?;
            let Some(version) = choose(&record) else { return Ok(None) };
            if let Some(value) = self.value(name, version).await? {
                return Ok(Some(value));
            }
            // It was active, and by now is deleted, so that another one is active.
        }
        Err(VaultError::Contended)
    }

    async fn value(&self, name: &str, version: Version) -> Result<Option<Value>, VaultError> {
        let Some(sealed) = self.store.value(name, version).await? else { return Ok(None) };
        Ok(Some(Value { secret: self.keys.open(name, version, &sealed)?, version }))
    }

    /// The latest version, if its value is there and is `value`.
    async fn latest_if_equal(
        &self,
        name: &str,
        record: Option<&Record>,
        value: &Secret,
    ) -> Result<Option<Version>, VaultError> {
        let Some(latest) = record.and_then(Record::comparable) else { return Ok(None) };
        let stored = self.value(name, latest).await?;
        Ok(stored.filter(|stored| stored.secret == *value).map(|_| latest))
    }

    fn seal(&self, name: &str, version: Version, value: &Secret) -> Result<Sealed, VaultError> {
        self.keys.seal(name, version, value).map_err(|_| VaultError::Random)
    }

    /// Has `plan` compute a change of the record, until the record is still the same when the change is committed; or
    /// does nothing if that is what it says.
    async fn write(
        &self,
        name: &str,
        plan: impl Fn(Option<&Record>) -> Result<Option<Change>, VaultError> + Send,
    ) -> Result<(), VaultError> {
        let _turn = self.turn(name).await;
        for _ in 0..TRIES {
            let Found { record, revision } = self.store.record(name).await?;
            let Some(change) = plan(record.as_deref())? else { return Ok(()) };
            drop(record);
            if self.store.commit(name, change, revision).await? == Outcome::Committed {
                return Ok(());
            }
        }
        Err(VaultError::Contended)
    }

    /// The right to write a secret. Without it, of many that write the same one all but one would compute
    /// in vain each time, and a few never come to an end. It is a lock that is held while others run, on purpose:
    /// who waits for it is first come, first served, and no reader does.
    async fn turn(&self, name: &str) -> MutexGuard<'_, ()> {
        let queue = self.hasher.hash_one(name) as usize % QUEUES;
        self.queues[queue].lock().await
    }
}

impl<S> fmt::Debug for Vault<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Whether there is a name at all. It is asked before anybody decides.
fn nameable(name: &str) -> Result<(), VaultError> {
    if name.is_empty() { Err(VaultError::EmptyName) } else { Ok(()) }
}

/// Whether the name is one for callers to write. It is asked when a caller has been let through.
fn writable(name: &str) -> Result<(), VaultError> {
    if name.starts_with(RESERVED) { Err(VaultError::ReservedName) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
