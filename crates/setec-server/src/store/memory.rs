//! A store that is gone with its process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::index::{Done, Index, SecretId};
use super::places::Place;
use super::{Found, Note, Outcome, Store, StoreError};
use crate::record::{Change, Revision};
use crate::seal::{Header, Sealed};
use crate::version::Version;

/// For tests, and for trying things out. It keeps nothing.
#[derive(Debug, Default)]
pub struct MemoryStore {
    index: Index,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    header: Option<Header>,
    values: HashMap<Place, Sealed>,
    /// By the numbers of their lines.
    notes: BTreeMap<u64, Note>,
    last_id: i64,
    last_place: i64,
}

impl MemoryStore {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    async fn names(&self) -> Result<Vec<Box<str>>, StoreError> {
        Ok(self.index.names())
    }

    async fn record(&self, name: &str) -> Result<Found, StoreError> {
        Ok(self.index.find(name))
    }

    async fn value(&self, name: &str, version: Version) -> Result<Option<Sealed>, StoreError> {
        let Some(place) = self.index.place(name, version) else { return Ok(None) };
        Ok(self.contents().values.get(&place).cloned())
    }

    async fn commit(
        &self,
        name: &str,
        change: Change,
        expected: Revision,
        note: Option<Note>,
    ) -> Result<Outcome, StoreError> {
        let mut contents = self.contents();
        let (id, revision) = self.index.revision(name);
        if revision != expected {
            return Ok(Outcome::Conflict);
        }
        let id = id.unwrap_or_else(|| contents.next_id());
        let place = contents.apply(&self.index, name, &change);
        if let Some(note) = note {
            contents.note(note);
        }
        self.index.apply([Done { name, id, change: &change, place }]);
        Ok(Outcome::Committed)
    }

    async fn notes(&self) -> Result<Vec<Note>, StoreError> {
        Ok(self.contents().notes.values().cloned().collect())
    }

    async fn forget_notes(&self, through: u64) -> Result<(), StoreError> {
        self.contents().forget_notes(through);
        Ok(())
    }

    async fn header(&self) -> Result<Option<Header>, StoreError> {
        Ok(self.contents().header.clone())
    }

    async fn replace_header(
        &self,
        expected: Option<&Header>,
        header: &Header,
    ) -> Result<Outcome, StoreError> {
        let mut contents = self.contents();
        if contents.header.as_ref() != expected {
            return Ok(Outcome::Conflict);
        }
        contents.header = Some(header.clone());
        Ok(Outcome::Committed)
    }
}

impl Contents {
    fn note(&mut self, note: Note) {
        self.forget_notes(note.synced);
        if note.is_needed() {
            self.notes.insert(note.line.seq, Note { synced: 0, ..note });
        }
    }

    fn forget_notes(&mut self, through: u64) {
        self.notes.retain(|seq, _| *seq > through);
    }

    fn next_id(&mut self) -> SecretId {
        self.last_id += 1;
        SecretId(self.last_id)
    }

    /// Answers where a new value is.
    fn apply(&mut self, index: &Index, name: &str, change: &Change) -> Option<Place> {
        match change {
            Change::Add(_, sealed) => {
                self.last_place += 1;
                let place = Place(self.last_place);
                self.values.insert(place, sealed.clone());
                return Some(place);
            }
            Change::Activate(_) => {}
            Change::DeleteVersion(version) => {
                index.place(name, *version).map(|place| self.values.remove(&place));
            }
            Change::Delete => {
                for place in index.places(name) {
                    self.values.remove(&place);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::suite::{Bench, stamp};
    use super::*;

    #[derive(Default)]
    struct Memory;

    impl Bench for Memory {
        type Store = MemoryStore;
        const LASTS: bool = false;

        fn open(&self) -> MemoryStore {
            MemoryStore::default()
        }
    }

    stamp!(Memory);
}
