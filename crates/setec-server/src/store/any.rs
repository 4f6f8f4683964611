//! A store of either kind, for a program that is told which one when it starts. The code of a server is in it once so.

use super::{Found, MemoryStore, Note, Outcome, SqliteStore, Store, StoreError};
use crate::record::{Change, Revision};
use crate::seal::{Header, Sealed};
use crate::version::Version;

/// One of the stores that there are.
pub enum AnyStore {
    /// For trying things out.
    Memory(MemoryStore),
    /// For one machine.
    Sqlite(SqliteStore),
}

/// Does the same with each of them.
macro_rules! each {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            AnyStore::Memory($store) => $call,
            AnyStore::Sqlite($store) => $call,
        }
    };
}

impl Store for AnyStore {
    async fn names(&self) -> Result<Vec<Box<str>>, StoreError> {
        each!(self, store => store.names().await)
    }

    async fn record(&self, name: &str) -> Result<Found, StoreError> {
        each!(self, store => store.record(name).await)
    }

    async fn value(&self, name: &str, version: Version) -> Result<Option<Sealed>, StoreError> {
        each!(self, store => store.value(name, version).await)
    }

    async fn commit(
        &self,
        name: &str,
        change: Change,
        expected: Revision,
        note: Option<Note>,
    ) -> Result<Outcome, StoreError> {
        each!(self, store => store.commit(name, change, expected, note).await)
    }

    async fn notes(&self) -> Result<Vec<Note>, StoreError> {
        each!(self, store => store.notes().await)
    }

    async fn forget_notes(&self, through: u64) -> Result<(), StoreError> {
        each!(self, store => store.forget_notes(through).await)
    }

    async fn header(&self) -> Result<Option<Header>, StoreError> {
        each!(self, store => store.header().await)
    }

    async fn replace_header(
        &self,
        expected: Option<&Header>,
        header: &Header,
    ) -> Result<Outcome, StoreError> {
        each!(self, store => store.replace_header(expected, header).await)
    }
}
