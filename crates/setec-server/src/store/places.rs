//! Where a secret's values are.

use crate::few::Few;
use crate::version::Version;

/// Where a backend has a value. In one process there never is a second value in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(pub(super) i64);

/// The places of a secret's versions: of all that there are, and of those that there were, if the backend keeps
/// something of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// Ascending by their versions.
    places: Few<(Version, Place)>,
}

impl Places {
    pub(super) fn of(&self, version: Version) -> Option<Place> {
        let found = self.find(version).ok()?;
        Some(self.places.as_slice()[found].1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Place> {
        self.places.as_slice().iter().map(|(_, place)| *place)
    }

    /// `false` when the version has a place already.
    pub(super) fn insert(&mut self, version: Version, place: Place) -> bool {
        match self.find(version) {
            Ok(_) => false,
            Err(before) => {
                self.places.insert(before, (version, place));
                true
            }
        }
    }

    fn find(&self, version: Version) -> Result<usize, usize> {
        self.places.as_slice().binary_search_by_key(&version, |(version, _)| *version)
    }
}
