//! All records, in memory. The backends of one process have it in common: it answers reads, and says whether a
//! change still fits. Only what is durable comes in.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::Found;
use crate::record::{self, Change, Record, Revision};
use crate::version::Version;

/// A secret's number inside a backend. A name that is deleted and made again gets another one, so that a value's
/// place, number and version, never has a second value as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SecretId(pub(super) i64);

#[derive(Debug)]
struct Entry {
    id: SecretId,
    record: Arc<Record>,
    revision: Revision,
}

#[derive(Debug, Default)]
struct Entries {
    by_name: BTreeMap<Arc<str>, Entry>,
    /// Counts changes. Revisions live as long as an operation, so they are no business of the disk.
    revisions: u64,
}

/// Records by name.
#[derive(Debug, Default)]
pub(super) struct Index(RwLock<Entries>);

impl Index {
    /// Takes a secret in as it was stored.
    pub(super) fn load(&mut self, name: String, id: SecretId, record: Record) {
        let entries = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let revision = entries.next_revision();
        entries.by_name.insert(name.into(), Entry { id, record: Arc::new(record), revision });
    }

    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.read().by_name.keys().cloned().collect()
    }

    pub(super) fn find(&self, name: &str) -> Found {
        match self.read().by_name.get(name) {
            Some(entry) => {
                Found { record: Some(Arc::clone(&entry.record)), revision: entry.revision }
            }
            None => Found { record: None, revision: Revision::ABSENT },
        }
    }

    /// Where the value of a version is, if there is one.
    pub(super) fn place(&self, name: &str, version: Version) -> Option<(SecretId, Version)> {
        let entries = self.read();
        let entry = entries.by_name.get(name)?;
        entry.record.present().contains(version).then_some((entry.id, version))
    }

    /// The secret's number and revision.
    pub(super) fn revision(&self, name: &str) -> (Option<SecretId>, Revision) {
        match self.read().by_name.get(name) {
            Some(entry) => (Some(entry.id), entry.revision),
            None => (None, Revision::ABSENT),
        }
    }

    /// Shows `changes` to readers, all at once. Each is of another secret, the number of which a new one gets.
    pub(super) fn apply<'a>(
        &self,
        changes: impl IntoIterator<Item = (&'a str, SecretId, &'a Change)>,
    ) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (name, id, change) in changes {
            entries.apply(name, id, change);
        }
    }

    /// Whether both have the same secrets, numbers and records.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let (own, other) = (self.read(), other.read());
        own.by_name.len() == other.by_name.len()
            && own.by_name.iter().zip(&other.by_name).all(|((name, own), (its, other))| {
                name == its && own.id == other.id && own.record == other.record
            })
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn apply(&mut self, name: &str, id: SecretId, change: &Change) {
        let revision = self.next_revision();
        // The record is moved out and in again, because one with a second owner would be copied to be changed.
        let before = self.by_name.remove_entry(name);
        let (name, mut record) = match before {
            Some((name, entry)) => (name, Some(entry.record)),
            None => (Arc::from(name), None),
        };
        record::apply(&mut record, change);
        if let Some(record) = record {
            self.by_name.insert(name, Entry { id, record, revision });
        }
    }

    fn next_revision(&mut self) -> Revision {
        self.revisions += 1;
        Revision::new(self.revisions)
    }
}
