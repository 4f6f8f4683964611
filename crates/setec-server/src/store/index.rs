//! All records, in memory, and where their values are. The backends of one process have it in common: it answers reads,
//! and says whether a change still fits. Only what is durable comes in.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::Found;
use super::places::{Place, Places};
use crate::record::{self, Change, Record, Revision};
use crate::version::Version;

/// A secret's number inside a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SecretId(pub(super) i64);

/// A secret as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: SecretId,
    pub(super) record: Record,
    pub(super) places: Places,
}

/// A change that is durable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done<'a> {
    pub(super) name: &'a str,
    /// The secret's number, which a new one gets with it.
    pub(super) id: SecretId,
    pub(super) change: &'a Change,
    /// Where the value of a new version is.
    pub(super) place: Option<Place>,
}

#[derive(Debug)]
struct Entry {
    stored: Stored,
    revision: Revision,
}

#[derive(Debug, Default)]
struct Entries {
    by_name: BTreeMap<Box<str>, Entry>,
    /// Counts changes. Revisions live as long as an operation, so they are no business of the disk.
    revisions: u64,
}

/// Records by name.
#[derive(Debug, Default)]
pub(super) struct Index(RwLock<Entries>);

impl Index {
    /// Of secrets as they were stored, in any order and each with a name of its own. All of them at once take a third
    /// less memory than one after the other.
    pub(super) fn of(secrets: impl Iterator<Item = (Box<str>, Stored)>) -> Self {
        let revision = Revision::new(1);
        let entry = |(name, stored)| (name, Entry { stored, revision });
        let by_name = secrets.map(entry).collect();
        Self(RwLock::new(Entries { by_name, revisions: revision.number() }))
    }

    pub(super) fn names(&self) -> Vec<Box<str>> {
        self.read().by_name.keys().cloned().collect()
    }

    pub(super) fn find(&self, name: &str) -> Found {
        match self.read().by_name.get(name) {
            Some(entry) => {
                Found { record: Some(entry.stored.record.clone()), revision: entry.revision }
            }
            None => Found { record: None, revision: Revision::ABSENT },
        }
    }

    /// Where the value of a version is, if there is one.
    pub(super) fn place(&self, name: &str, version: Version) -> Option<Place> {
        let entries = self.read();
        let stored = &entries.by_name.get(name)?.stored;
        let is_present = stored.record.present().contains(version);
        is_present.then(|| stored.places.of(version)).flatten()
    }

    /// Where everything is that is stored of a secret's versions.
    pub(super) fn places(&self, name: &str) -> Vec<Place> {
        let entries = self.read();
        let entry = entries.by_name.get(name);
        entry.map_or_else(Vec::new, |entry| entry.stored.places.iter().collect())
    }

    /// The secret's number and revision.
    pub(super) fn revision(&self, name: &str) -> (Option<SecretId>, Revision) {
        match self.read().by_name.get(name) {
            Some(entry) => (Some(entry.stored.id), entry.revision),
            None => (None, Revision::ABSENT),
        }
    }

    /// Shows changes to readers, all at once. Each is of another secret.
    pub(super) fn apply<'a>(&self, changes: impl IntoIterator<Item = Done<'a>>) {
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        changes.into_iter().for_each(|done| entries.apply(done));
    }

    /// Whether both have the same secrets, numbers, places and records.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let (own, other) = (self.read(), other.read());
        own.by_name.len() == other.by_name.len()
            && own
                .by_name
                .iter()
                .zip(&other.by_name)
                .all(|((name, own), (its, other))| name == its && own.stored == other.stored)
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn apply(&mut self, Done { name, id, change, place }: Done<'_>) {
        self.revisions += 1;
        // Moved out and in again, because of a second owner's list of numbers there would be a copy.
        let before = self.by_name.remove_entry(name);
        let (name, record, mut places) = match before {
            Some((name, entry)) => (name, Some(entry.stored.record), entry.stored.places),
            None => (name.into(), None, Places::default()),
        };
        let Some(record) = record::apply(record, change) else { return };
        if let (Change::Add(addition, _), Some(place)) = (change, place) {
            places.insert(addition.version(), place);
        }
        let (stored, revision) = (Stored { id, record, places }, Revision::new(self.revisions));
        self.by_name.insert(name, Entry { stored, revision });
    }
}
