//! The operations: the one place that has both a store and its data keys.
//!
//! Each operation has the same five steps, in this order, and what setec's protocol lets a caller see depends on it:
//!
//! 1. what is refused before anybody decides, and leaves no line in the audit log: a missing name, and version 0 in
//!    [`Vault::create_version`];
//! 2. the decision by the caller's rules;
//! 3. what is refused whoever asks: names of the server's own, and version 0 elsewhere;
//! 4. what the rules of [`record`](crate::record) make of it;
//! 5. the line in the audit log, and only then the value, or the effect.
//!
//! Two operations place it otherwise. [`Vault::list`] asks nobody up front and leaves out what the caller may not see.
//! [`Vault::get_if_changed`] leaves no line when the answer is "as you know it".
//!
//! A write has its line and its effect while no other write of that secret has either, so that the lines about a
//! secret are in the order of their effects.

mod read;
mod write;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use secretary_secret::Secret;
use secretary_setec_api::Action;
use secretary_setec_api::name::{NameError, RESERVED};
use tokio::sync::{Mutex, MutexGuard};

use crate::audit::{Audit, Entry, Unwritten};
use crate::caller::Caller;
use crate::record::{Record, RuleError};
use crate::seal::header::UnwrapError;
use crate::seal::{DataKeys, Header, KeyEncryption, OpenError};
use crate::store::{Store, StoreError};
use crate::version::{Version, VersionSet};

/// How often a write is computed anew because another process has changed the secret in between. Those of this
/// process wait for one another.
const TRIES: usize = 16;

/// In how many queues writers of a secret wait. Two secrets in one queue only wait for each other in vain.
const QUEUES: usize = 1024;

/// Why an operation failed. What a caller may be told of it is decided elsewhere.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The caller may not do that.
    #[error("the caller may not do that")]
    Denied,
    /// The call can't be written down.
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    /// A new secret was to have a name that is not taken.
    #[error(transparent)]
    Name(#[from] NameError),
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
    /// The call ended in a panic, which has been told.
    #[error("the call ended by a bug")]
    Bug,
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
    pub name: Box<str>,
    record: Record,
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

/// Which names new secrets may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewNames {
    /// Those that [`secretary_setec_api::name::check_new`] takes.
    #[default]
    Printable,
    /// Any, as in setec.
    Any,
}

/// A store that can be read and written, by who may.
pub struct Vault<S> {
    store: Arc<S>,
    keys: DataKeys,
    audit: Arc<Audit>,
    new_names: NewNames,
    queues: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl<S: Store> Vault<S> {
    /// Unwraps the store's data keys. A new store gets one.
    ///
    /// # Errors
    ///
    /// [`UnsealError`]. When the key-encryption key can't be reached it can be tried again later.
    pub async fn open(
        store: Arc<S>,
        wrapping: &impl KeyEncryption,
        audit: Arc<Audit>,
        new_names: NewNames,
    ) -> Result<Self, UnsealError> {
        let keys = loop {
            if let Some(header) = store.header().await? {
                break header.unwrap(wrapping).await?;
            }
            let header = Header::generate(wrapping).await?;
            // On a conflict another process has just made one, which then is everybody's.
            let _ = store.replace_header(None, &header).await?;
        };
        let queues = std::iter::repeat_with(Mutex::default).take(QUEUES).collect();
        Ok(Self { store, keys, audit, new_names, queues, hasher: RandomState::new() })
    }

    /// The entry of a call whose caller may make it. One who may not has a line, and is told so even if that
    /// can't be written.
    async fn decide<'a>(
        &self,
        caller: &'a Caller,
        action: Action,
        name: &'a str,
        version: u32,
    ) -> Result<Entry<'a>, VaultError> {
        let entry = Entry::new(caller, action, name, version);
        if caller.may(action, name) {
            return Ok(entry);
        }
        let _ = self.audit.write(&entry.denied()).await;
        Err(VaultError::Denied)
    }

    /// Writes the line of a call that is refused all the same.
    async fn refuse<T>(&self, entry: Entry<'_>, error: VaultError) -> Result<T, VaultError> {
        self.audit.write(&entry.with(error.label())).await?;
        Err(error)
    }

    async fn value(&self, name: &str, version: Version) -> Result<Option<Value>, VaultError> {
        let Some(sealed) = self.store.value(name, version).await? else { return Ok(None) };
        Ok(Some(Value { secret: self.keys.open(name, version, &sealed)?, version }))
    }

    /// The right to write a secret. Without it, of many that write the same one all but one would compute
    /// in vain each time, and a few never come to an end. It is a lock that is held while others run, on purpose:
    /// who waits for it is first come, first served, and no reader does.
    async fn turn(&self, name: &str) -> MutexGuard<'_, ()> {
        let queue = self.hasher.hash_one(name) as usize % QUEUES;
        self.queues[queue].lock().await
    }
}

impl VaultError {
    /// What the audit log has in a word.
    fn label(&self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Rule(RuleError::NotFound) => "not_found",
            Self::Rule(RuleError::Claimed) => "claimed",
            Self::Rule(RuleError::IsActive) => "is_active",
            Self::Rule(RuleError::Exhausted) => "exhausted",
            Self::InvalidVersion | Self::ZeroVersion => "zero_version",
            Self::EmptyName | Self::ReservedName | Self::Name(_) => "name",
            Self::Open(_) => "damaged",
            Self::Store(_) | Self::Random | Self::Contended | Self::Bug | Self::Unwritten(_) => {
                "error"
            }
        }
    }
}

impl<S> fmt::Debug for Vault<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("keys", &self.keys).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
