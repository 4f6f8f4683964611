//! Each sentence of the rules, and any sequence of writes against a model that has nothing clever in it.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn v(number: u32) -> Version {
    Version::new(number).unwrap()
}

fn sealed() -> Sealed {
    Sealed::from(b"sealed".as_slice())
}

/// A secret that tests do things to, by the rules alone.
#[derive(Default)]
struct Secret(Option<Record>);

impl Secret {
    fn record(&self) -> Option<&Record> {
        self.0.as_ref()
    }

    fn apply(&mut self, change: &Change) {
        self.0 = apply(self.0.take(), change);
    }

    fn put(&mut self) -> Result<(u32, Standing), RuleError> {
        let addition = put(self.record())?;
        self.apply(&addition.with(sealed()));
        Ok((addition.version().number(), addition.standing()))
    }

    fn create(&mut self, version: u32) -> Result<(), RuleError> {
        let addition = create_version(self.record(), v(version))?;
        assert_eq!((addition.version(), addition.standing()), (v(version), Standing::Active));
        self.apply(&addition.with(sealed()));
        Ok(())
    }

    fn activate(&mut self, version: u32) -> Result<bool, RuleError> {
        let change = activate(self.record(), v(version))?;
        if let Some(change) = &change {
            self.apply(change);
        }
        Ok(change.is_some())
    }

    fn delete_version(&mut self, version: u32) -> Result<(), RuleError> {
        let change = delete_version(self.record(), v(version))?;
        self.apply(&change);
        Ok(())
    }

    fn delete(&mut self) -> bool {
        let change = delete(self.record());
        if let Some(change) = &change {
            self.apply(change);
        }
        change.is_some()
    }

    /// Versions, active, latest.
    fn state(&self) -> (Vec<u32>, u32, u32) {
        let record = self.record().unwrap();
        let versions = record.present().iter().map(Version::number).collect();
        (versions, record.active().number(), record.latest().number())
    }
}

fn with_puts(count: u32) -> Secret {
    let mut secret = Secret::default();
    (0..count).for_each(|_| _ = secret.put().unwrap());
    secret
}

#[test]
fn the_first_put_makes_version_1_and_activates_it() {
    let mut secret = Secret::default();
    assert_eq!(secret.put(), Ok((1, Standing::Active)));
    assert_eq!(secret.state(), (vec![1], 1, 1));
}

#[test]
fn another_put_makes_the_next_version_and_activates_nothing() {
    let mut secret = with_puts(1);
    assert_eq!(secret.put(), Ok((2, Standing::Inactive)));
    assert_eq!(secret.state(), (vec![1, 2], 1, 2));
}

#[test]
fn ten_puts_are_ten_versions_of_which_the_first_is_active() {
    assert_eq!(with_puts(10).state(), ((1..=10).collect(), 1, 10));
}

#[test]
fn a_put_is_compared_with_the_latest_version_and_not_with_the_active_one() {
    let secret = with_puts(3);
    assert_eq!(secret.record().unwrap().comparable(), Some(v(3)));
}

#[test]
fn a_put_is_compared_with_the_highest_version_and_not_with_the_newest() {
    let mut secret = Secret::default();
    secret.create(10).unwrap();
    secret.create(4).unwrap();
    assert_eq!(secret.record().unwrap().comparable(), Some(v(10)));
    assert_eq!(secret.put(), Ok((11, Standing::Inactive)));
}

/// Otherwise an empty value would be taken for the deleted one, and its put answered with a dead number.
#[test]
fn after_the_latest_was_deleted_a_put_is_compared_with_nothing() {
    let mut secret = with_puts(3);
    secret.delete_version(3).unwrap();
    assert_eq!(secret.record().unwrap().comparable(), None);
    assert_eq!(secret.put(), Ok((4, Standing::Inactive)));
}

/// Otherwise the number would wrap to 0, which nobody can ask for.
#[test]
fn behind_the_last_number_nothing_is_put() {
    let mut secret = Secret::default();
    secret.create(u32::MAX - 1).unwrap();
    assert_eq!(secret.put(), Ok((u32::MAX, Standing::Inactive)));
    assert_eq!(secret.put(), Err(RuleError::Exhausted));
    secret.delete_version(u32::MAX).unwrap();
    assert_eq!(secret.put(), Err(RuleError::Exhausted));
    assert_eq!(secret.state(), (vec![u32::MAX - 1], u32::MAX - 1, u32::MAX));
}

#[test]
fn a_version_of_a_new_secret_has_any_number_and_is_active() {
    for number in [1, 100, 4_070_908_800, u32::MAX] {
        let mut secret = Secret::default();
        secret.create(number).unwrap();
        assert_eq!(secret.state(), (vec![number], number, number));
    }
}

#[test]
fn a_created_version_is_activated_and_the_latest_is_the_highest() {
    let mut secret = with_puts(1);
    secret.create(50).unwrap();
    assert_eq!(secret.state(), (vec![1, 50], 50, 50));
    secret.create(7).unwrap();
    assert_eq!(secret.state(), (vec![1, 7, 50], 7, 50));
}

#[test]
fn a_number_that_is_there_is_claimed_and_nothing_changes() {
    let mut secret = with_puts(2);
    assert_eq!(secret.create(2), Err(RuleError::Claimed));
    assert_eq!(secret.state(), (vec![1, 2], 1, 2));
}

#[test]
fn numbers_are_not_used_again_after_they_were_deleted() {
    let mut secret = Secret::default();
    assert_eq!(secret.put(), Ok((1, Standing::Active)));
    secret.create(100).unwrap();
    secret.create(10).unwrap();
    assert_eq!(secret.put(), Ok((101, Standing::Inactive)));
    secret.delete_version(101).unwrap();
    secret.delete_version(100).unwrap();
    assert_eq!(secret.create(100), Err(RuleError::Claimed));
    assert_eq!(secret.put(), Ok((102, Standing::Inactive)));
    assert_eq!(secret.state(), (vec![1, 10, 102], 10, 102));
}

#[test]
fn only_what_is_there_is_activated() {
    assert_eq!(Secret::default().activate(1), Err(RuleError::NotFound));
    let mut secret = with_puts(3);
    assert_eq!(secret.activate(4), Err(RuleError::NotFound));
    assert_eq!(secret.activate(3), Ok(true));
    secret.delete_version(2).unwrap();
    assert_eq!(secret.activate(2), Err(RuleError::NotFound));
    assert_eq!(secret.state(), (vec![1, 3], 3, 3));
}

#[test]
fn activating_the_active_version_changes_nothing() {
    assert_eq!(with_puts(2).activate(1), Ok(false));
}

#[test]
fn a_version_is_deleted_if_it_is_there_and_not_active() {
    assert_eq!(Secret::default().delete_version(1), Err(RuleError::NotFound));
    let mut secret = with_puts(3);
    assert_eq!(secret.delete_version(1), Err(RuleError::IsActive));
    assert_eq!(secret.delete_version(4), Err(RuleError::NotFound));
    secret.delete_version(3).unwrap();
    assert_eq!(secret.delete_version(3), Err(RuleError::NotFound));
    assert_eq!(secret.state(), (vec![1, 2], 1, 3));
    assert!(secret.record().unwrap().deleted().contains(v(3)));
}

#[test]
fn deleting_a_secret_forgets_its_numbers() {
    let mut secret = with_puts(3);
    secret.delete_version(2).unwrap();
    assert!(secret.delete());
    assert!(!secret.delete());
    assert_eq!(secret.create(2), Ok(()));
    assert!(secret.delete());
    assert_eq!(secret.put(), Ok((1, Standing::Active)));
}

#[test]
fn the_active_version_is_only_of_interest_when_another_one_is_known() {
    let secret = with_puts(2);
    let record = secret.record().unwrap();
    assert_eq!(record.active_unless(v(1)), None);
    assert_eq!(record.active_unless(v(2)), Some(v(1)));
    assert_eq!(record.active_unless(v(99)), Some(v(1)));
}

#[test]
fn a_stored_record_that_contradicts_itself_is_none() {
    let set = |numbers: &[u32]| numbers.iter().copied().map(v).collect::<VersionSet>();
    let restore = |present: &[u32], deleted: &[u32], active, latest| {
        Record::restore(set(present), set(deleted), v(active), v(latest)).is_some()
    };
    assert!(restore(&[1, 3], &[2], 1, 3));
    assert!(restore(&[1], &[], 1, 9));
    assert!(!restore(&[1, 3], &[2], 2, 3));
    assert!(!restore(&[1, 3], &[3], 1, 3));
    assert!(!restore(&[1, 3], &[], 1, 2));
    assert!(!restore(&[1], &[4], 1, 3));
    assert!(!restore(&[], &[], 1, 1));
}

/// A secret as one would write it down on paper.
#[derive(Debug, Default, PartialEq, Eq)]
struct Model {
    versions: BTreeMap<u32, ()>,
    deleted: BTreeSet<u32>,
    active: u32,
    latest: u32,
}

#[derive(Clone, Debug)]
enum Step {
    Put,
    Create(u32),
    Activate(u32),
    DeleteVersion(u32),
    Delete,
}

impl Model {
    fn exists(&self) -> bool {
        self.latest > 0
    }

    fn step(&mut self, step: &Step) -> Result<u32, RuleError> {
        match *step {
            Step::Put => {
                self.latest = self.latest.checked_add(1).ok_or(RuleError::Exhausted)?;
                self.versions.insert(self.latest, ());
                if self.active == 0 {
                    self.active = self.latest;
                }
            }
            Step::Create(number) => {
                if self.versions.contains_key(&number) || self.deleted.contains(&number) {
                    return Err(RuleError::Claimed);
                }
                self.versions.insert(number, ());
                self.active = number;
                self.latest = self.latest.max(number);
            }
            Step::Activate(number) => {
                self.versions.get(&number).ok_or(RuleError::NotFound)?;
                self.active = number;
            }
            Step::DeleteVersion(number) => {
                if self.exists() && self.active == number {
                    return Err(RuleError::IsActive);
                }
                self.versions.remove(&number).ok_or(RuleError::NotFound)?;
                self.deleted.insert(number);
            }
            Step::Delete => *self = Self::default(),
        }
        Ok(self.latest)
    }
}

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![8 => 1_u32..8, 1 => u32::MAX - 2..=u32::MAX];
    prop_oneof![
        4 => Just(Step::Put),
        2 => number.clone().prop_map(Step::Create),
        3 => number.clone().prop_map(Step::Activate),
        3 => number.prop_map(Step::DeleteVersion),
        1 => Just(Step::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn does_as_the_model_does(steps in proptest::collection::vec(step(), 0..60)) {
        let (mut secret, mut model) = (Secret::default(), Model::default());
        for step in &steps {
            let done = match *step {
                Step::Put => secret.put().map(drop),
                Step::Create(number) => secret.create(number),
                Step::Activate(number) => secret.activate(number).map(drop),
                Step::DeleteVersion(number) => secret.delete_version(number),
                Step::Delete => { secret.delete(); Ok(()) }
            };
            prop_assert_eq!(done, model.step(step).map(drop));
            prop_assert_eq!(secret.record().is_some(), model.exists());
            if let Some(record) = secret.record() {
                prop_assert!(record.present().iter().map(Version::number).eq(model.versions.keys().copied()));
                prop_assert!(record.deleted().iter().map(Version::number).eq(model.deleted.iter().copied()));
                prop_assert_eq!(record.active().number(), model.active);
                prop_assert_eq!(record.latest().number(), model.latest);
                let (present, deleted) = (record.present().clone(), record.deleted().clone());
                let restored = Record::restore(present, deleted, record.active(), record.latest());
                prop_assert_eq!(restored.as_ref(), Some(record));
            }
        }
    }
}
