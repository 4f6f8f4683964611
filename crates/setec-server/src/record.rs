//! The rules of versions, as functions on plain values.
//!
//! A [`Record`] is what is known of a secret without its values. Each write is a function from the record, or from
//! there being none, to what is to be changed; nothing here stores, seals or waits. A [`Store`](crate::store::Store)
//! carries a [`Change`] out if the record still has the [`Revision`] the change was computed from.
//!
//! Where setec's program does what nobody can want, we do otherwise: a put after the latest version was deleted makes
//! a new version even for an empty value, and a put after version 4,294,967,295 is refused instead of making version 0.

use crate::seal::Sealed;
use crate::version::{Version, VersionSet};

/// A secret without its values, of which a copy costs next to nothing. The active version is always one of those present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    present: VersionSet,
    deleted: VersionSet,
    active: Version,
    latest: Version,
}

/// Why a rule says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// No such secret, or no such version of it.
    #[error("no such secret, or no such version")]
    NotFound,
    /// The version exists, or existed: its number is never used again.
    #[error("the version is there already, or was before it was deleted")]
    Claimed,
    /// The active version can't be deleted by itself.
    #[error("the version is active, and can't be deleted by itself")]
    IsActive,
    /// Behind version 4,294,967,295 there is no number.
    #[error("the secret has used the last version number there is")]
    Exhausted,
}

/// A version to be added. Only the rules make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addition {
    version: Version,
    standing: Standing,
}

/// What a new version is after it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What callers get who ask for no version.
    Active,
    /// There for those who ask for it by its number.
    Inactive,
}

impl Addition {
    /// Its number, which its value is sealed with.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether it becomes the active one.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// With its value it is a change.
    pub fn with(self, sealed: Sealed) -> Change {
        Change::Add(self, sealed)
    }
}

/// A write, as a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A new version, and a new secret if there was none.
    Add(Addition, Sealed),
    /// This version is the active one from now on.
    Activate(Version),
    /// This version is gone, and its number remembered.
    DeleteVersion(Version),
    /// Everything about the secret is gone.
    Delete,
}

/// What a change was computed from. Each change of a secret gives its record another revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// That there is no such secret.
    pub const ABSENT: Self = Self(0);

    /// For backends, which count or take what their database counts. Zero is [`Revision::ABSENT`].
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number it was made of.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// A put of a value that is not the one of [`Record::comparable`]: the next version, inactive unless it is the first.
///
/// # Errors
///
/// [`RuleError::Exhausted`].
pub fn put(record: Option<&Record>) -> Result<Addition, RuleError> {
    let Some(record) = record else {
        return Ok(Addition { version: Version::FIRST, standing: Standing::Active });
    };
    let version = record.latest.next().ok_or(RuleError::Exhausted)?;
    Ok(Addition { version, standing: Standing::Inactive })
}

/// A version with a number of the caller's choice, lower than others or not, which becomes the active one.
///
/// # Errors
///
/// [`RuleError::Claimed`].
pub fn create_version(record: Option<&Record>, version: Version) -> Result<Addition, RuleError> {
    let is_claimed =
        |record: &Record| record.present.contains(version) || record.deleted.contains(version);
    if record.is_some_and(is_claimed) {
        return Err(RuleError::Claimed);
    }
    Ok(Addition { version, standing: Standing::Active })
}

/// Another active version. `None` when it is that already.
///
/// # Errors
///
/// [`RuleError::NotFound`].
pub fn activate(record: Option<&Record>, version: Version) -> Result<Option<Change>, RuleError> {
    let record = record.filter(|record| record.present.contains(version));
    let record = record.ok_or(RuleError::NotFound)?;
    Ok((record.active != version).then_some(Change::Activate(version)))
}

/// One version less. The latest number stays what it is.
///
/// # Errors
///
/// [`RuleError::NotFound`], [`RuleError::IsActive`].
pub fn delete_version(record: Option<&Record>, version: Version) -> Result<Change, RuleError> {
    let record = record.ok_or(RuleError::NotFound)?;
    if record.active == version {
        return Err(RuleError::IsActive);
    }
    if !record.present.contains(version) {
        return Err(RuleError::NotFound);
    }
    Ok(Change::DeleteVersion(version))
}

/// No secret. `None` when there was none.
pub fn delete(record: Option<&Record>) -> Option<Change> {
    record.map(|_| Change::Delete)
}

/// What `change` makes of a record. All backends use it, so that none has rules of its own.
pub fn apply(record: Option<Record>, change: &Change) -> Option<Record> {
    match (change, record) {
        (Change::Add(addition, _), None) => Some(Record::first(addition.version)),
        (Change::Delete, _) | (_, None) => None,
        (change, Some(mut record)) => {
            record.apply(change);
            Some(record)
        }
    }
}

impl Record {
    /// A secret with one version.
    pub fn first(version: Version) -> Self {
        let present = VersionSet::from(version);
        Self { present, deleted: VersionSet::default(), active: version, latest: version }
    }

    /// A record as a backend stored it. `None` when it is none: the active version is not present, one is both
    /// present and deleted, or one is higher than the latest.
    pub fn restore(
        present: VersionSet,
        deleted: VersionSet,
        active: Version,
        latest: Version,
    ) -> Option<Self> {
        let highest = present.last().max(deleted.last());
        let is_one = present.contains(active)
            && highest <= Some(latest)
            && !deleted.iter().any(|version| present.contains(version));
        is_one.then_some(Self { present, deleted, active, latest })
    }

    /// The versions there are.
    pub fn present(&self) -> &VersionSet {
        &self.present
    }

    /// The versions there were.
    pub fn deleted(&self) -> &VersionSet {
        &self.deleted
    }

    /// The version for callers who ask for none.
    pub fn active(&self) -> Version {
        self.active
    }

    /// The highest number ever used.
    pub fn latest(&self) -> Version {
        self.latest
    }

    /// The version a put has to be compared with: the latest, if it was not deleted. When the values are equal the
    /// put is done, with the latest number for an answer.
    pub fn comparable(&self) -> Option<Version> {
        Some(self.latest).filter(|latest| self.present.contains(*latest))
    }

    /// The active version, unless that is the one the caller knows already, be it there or not.
    pub fn active_unless(&self, known: Version) -> Option<Version> {
        Some(self.active).filter(|active| *active != known)
    }

    fn apply(&mut self, change: &Change) {
        match *change {
            Change::Add(Addition { version, standing }, _) => {
                self.present.insert(version);
                self.latest = self.latest.max(version);
                if standing == Standing::Active {
                    self.active = version;
                }
            }
            Change::Activate(version) => self.active = version,
            Change::DeleteVersion(version) => {
                self.present.remove(version);
                self.deleted.insert(version);
            }
            Change::Delete => {}
        }
    }
}

#[cfg(test)]
mod tests;
