//! What a vault does, written down without stores, keys or records. The tests of the program have it, too.

use std::collections::{BTreeMap, BTreeSet};

use super::random::Random;

/// An operation on one secret.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Put(Vec<u8>),
    Create(u32, Vec<u8>),
    Activate(u32),
    DeleteVersion(u32),
    Delete,
    Get(u32),
    GetIfChanged(u32),
    Info,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Version(u32),
    Value(Vec<u8>, u32),
    Unchanged,
    Info(Vec<u32>, u32),
    NotFound,
    Claimed,
    IsActive,
    Exhausted,
    InvalidVersion,
    ZeroVersion,
}

impl Operation {
    pub(crate) fn random(random: &mut Random) -> Self {
        let last = u32::MAX;
        let version = random.one_of(&[0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 9, last - 1, last]);
        // Few values, and the empty one, so that puts of the same come about.
        let value = random.one_of(&[&b""[..], b"", b"a", b"b", b"longer"]).to_vec();
        match random.below(20) {
            0..5 => Self::Put(value),
            5..7 => Self::Create(version, value),
            7..10 => Self::Activate(version),
            10..13 => Self::DeleteVersion(version),
            13 => Self::Delete,
            14..17 => Self::Get(version),
            17..19 => Self::GetIfChanged(version),
            _ => Self::Info,
        }
    }
}

/// A secret, or that there is none: then `latest` is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Model {
    pub(crate) versions: BTreeMap<u32, Vec<u8>>,
    deleted: BTreeSet<u32>,
    pub(crate) active: u32,
    latest: u32,
}

impl Model {
    pub(crate) fn run(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Put(value) => self.put(value),
            Operation::Create(version, value) => self.create(*version, value),
            Operation::Activate(0) | Operation::DeleteVersion(0) => Answer::ZeroVersion,
            Operation::Activate(version) => self.activate(*version),
            Operation::DeleteVersion(version) => self.delete_version(*version),
            Operation::Delete => {
                *self = Self::default();
                Answer::Done
            }
            Operation::Get(version) => self.get(*version),
            Operation::GetIfChanged(known) => self.get_if_changed(*known),
            Operation::Info => self.info(),
        }
    }

    fn put(&mut self, value: &[u8]) -> Answer {
        if self.versions.get(&self.latest).is_some_and(|latest| latest == value) {
            return Answer::Version(self.latest);
        }
        if self.latest == u32::MAX {
            return Answer::Exhausted;
        }
        self.latest += 1;
        self.versions.insert(self.latest, value.to_vec());
        if self.active == 0 {
            self.active = self.latest;
        }
        Answer::Version(self.latest)
    }

    fn create(&mut self, version: u32, value: &[u8]) -> Answer {
        if version == 0 {
            return Answer::InvalidVersion;
        }
        if self.versions.contains_key(&version) || self.deleted.contains(&version) {
            return Answer::Claimed;
        }
        self.versions.insert(version, value.to_vec());
        self.active = version;
        self.latest = self.latest.max(version);
        Answer::Done
    }

    fn activate(&mut self, version: u32) -> Answer {
        if !self.versions.contains_key(&version) {
            return Answer::NotFound;
        }
        self.active = version;
        Answer::Done
    }

    fn delete_version(&mut self, version: u32) -> Answer {
        if self.active == version {
            return Answer::IsActive;
        }
        if self.versions.remove(&version).is_none() {
            return Answer::NotFound;
        }
        self.deleted.insert(version);
        Answer::Done
    }

    fn get(&self, version: u32) -> Answer {
        let version = if version == 0 { self.active } else { version };
        match self.versions.get(&version) {
            Some(value) => Answer::Value(value.clone(), version),
            None => Answer::NotFound,
        }
    }

    fn get_if_changed(&self, known: u32) -> Answer {
        if self.latest > 0 && known > 0 && known == self.active {
            return Answer::Unchanged;
        }
        self.get(0)
    }

    fn info(&self) -> Answer {
        match self.latest {
            0 => Answer::NotFound,
            _ => Answer::Info(self.versions.keys().copied().collect(), self.active),
        }
    }
}
