//! Numbers of versions, and sets of them that stay small.
//!
//! Versions are mostly numbered one after the other, so a set is kept as runs of numbers: a million versions made
//! by a million puts take eight bytes, and looking one up or adding the next costs as much as among ten.

use std::fmt;
use std::num::NonZeroU32;

use crate::few::Few;

/// The number of a version, 1 to 4,294,967,295. Zero is no version: the protocol uses it for "the active one".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(NonZeroU32);

impl Version {
    /// What a secret's first put makes.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// As on the wire.
    pub fn number(self) -> u32 {
        self.0.get()
    }

    /// The one after it, unless it is the last there can be.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    fn previous(self) -> Option<Self> {
        Self::new(self.number() - 1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers without a gap, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: Version,
    last: Version,
}

/// A set of versions. Most secrets have one run, for which it needs no memory of its own; of many a copy costs as little.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionSet {
    /// Ascending; between two of them at least one number is missing.
    runs: Few<Run>,
}

impl VersionSet {
    /// Whether `version` is in it.
    pub fn contains(&self, version: Version) -> bool {
        self.run_of(version).is_ok()
    }

    /// Adds `version`. `false` when it was there already.
    pub fn insert(&mut self, version: Version) -> bool {
        let Err(place) = self.run_of(version) else { return false };
        let runs = self.runs();
        let joins_left = place > 0 && runs[place - 1].last.next() == Some(version);
        let joins_right = runs.get(place).is_some_and(|run| version.next() == Some(run.first));
        match (joins_left, joins_right) {
            (true, true) => {
                let last = self.runs.remove(place).last;
                self.runs.as_mut_slice()[place - 1].last = last;
            }
            (true, false) => self.runs.as_mut_slice()[place - 1].last = version,
            (false, true) => self.runs.as_mut_slice()[place].first = version,
            (false, false) => self.runs.insert(place, Run { first: version, last: version }),
        }
        true
    }

    /// Takes `version` out. `false` when it was not there.
    pub fn remove(&mut self, version: Version) -> bool {
        let Ok(place) = self.run_of(version) else { return false };
        let run = self.runs()[place];
        let left = version.previous().filter(|last| run.first <= *last);
        let right = version.next().filter(|first| *first <= run.last);
        let left = left.map(|last| Run { first: run.first, last });
        let right = right.map(|first| Run { first, last: run.last });
        match (left, right) {
            (None, None) => _ = self.runs.remove(place),
            (Some(rest), None) | (None, Some(rest)) => self.runs.as_mut_slice()[place] = rest,
            (Some(left), Some(right)) => {
                self.runs.as_mut_slice()[place] = left;
                self.runs.insert(place + 1, right);
            }
        }
        true
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Version> {
        let numbers = |run: &Run| run.first.number()..=run.last.number();
        self.runs().iter().flat_map(numbers).filter_map(Version::new)
    }

    /// The highest.
    pub fn last(&self) -> Option<Version> {
        self.runs().last().map(|run| run.last)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let len = |run: &Run| (run.last.number() - run.first.number()) as usize + 1;
        self.runs().iter().map(len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.runs().is_empty()
    }

    fn runs(&self) -> &[Run] {
        self.runs.as_slice()
    }

    /// Which run has it, or before which one it would have to be.
    fn run_of(&self, version: Version) -> Result<usize, usize> {
        let place = self.runs().partition_point(|run| run.last < version);
        match self.runs().get(place) {
            Some(run) if run.first <= version => Ok(place),
            _ => Err(place),
        }
    }
}

impl From<Version> for VersionSet {
    fn from(version: Version) -> Self {
        Self { runs: Few::One(Run { first: version, last: version }) }
    }
}

impl FromIterator<Version> for VersionSet {
    fn from_iter<I: IntoIterator<Item = Version>>(versions: I) -> Self {
        let mut set = Self::default();
        for version in versions {
            set.insert(version);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn version(number: u32) -> Version {
        Version::new(number).unwrap()
    }

    #[test]
    fn numbers_end_where_32_bits_do() {
        assert_eq!(Version::new(0), None);
        assert_eq!(version(u32::MAX).next(), None);
        assert_eq!(Version::FIRST.next(), Some(version(2)));
        assert_eq!(version(42).to_string(), "42");
    }

    #[test]
    fn a_million_puts_are_one_run() {
        let set: VersionSet = (1..=1_000_000).map(version).collect();
        assert_eq!((set.runs().len(), set.len()), (1, 1_000_000));
        assert_eq!(size_of::<VersionSet>(), 16);
    }

    #[test]
    fn a_copy_stays_as_it_is() {
        let mut set: VersionSet = [1, 3, 5].map(version).into_iter().collect();
        let copy = set.clone();
        assert!(set.insert(version(6)) && set.remove(version(3)));
        assert!(copy.iter().map(Version::number).eq([1, 3, 5]));
        assert!(set.iter().map(Version::number).eq([1, 5, 6]));
    }

    #[test]
    fn both_ends_of_the_numbers_are_numbers_too() {
        let mut set: VersionSet = [u32::MAX, 1, u32::MAX - 1, 2].map(version).into_iter().collect();
        assert_eq!((set.runs().len(), set.last()), (2, Some(version(u32::MAX))));
        assert!(set.remove(version(u32::MAX)) && set.remove(version(1)));
        let left: Vec<u32> = set.iter().map(Version::number).collect();
        assert_eq!(left, [2, u32::MAX - 1]);
    }

    proptest! {
        #[test]
        fn is_a_set(steps in proptest::collection::vec((any::<bool>(), 1_u32..20), 0..100)) {
            let (mut set, mut model) = (VersionSet::default(), BTreeSet::new());
            for (adds, number) in steps {
                let number = version(number);
                let changed = if adds { set.insert(number) } else { set.remove(number) };
                prop_assert_eq!(changed, if adds { model.insert(number) } else { model.remove(&number) });
                prop_assert!(set.iter().eq(model.iter().copied()));
                prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
                prop_assert_eq!(set.last(), model.last().copied());
                prop_assert!((1..20).all(|n| set.contains(version(n)) == model.contains(&version(n))));
                let gaps = set.runs().windows(2).all(|two| two[0].last.number() + 1 < two[1].first.number());
                prop_assert!(gaps);
            }
        }
    }
}
