//! Requests that are neither old nor were here before.
//!
//! A request says by itself when it was made and which one it is, and both are sealed, so that nobody but its
//! maker can change them. An id is remembered as long as a copy of the request would not be refused for its age
//! alone, and never for less: when there is no place for another, the next request is refused.
//!
//! The clock may be set back. Then requests whose ids are forgotten would be young again; so no request is
//! taken that was made before one that is forgotten. As long as the clock goes forward those are too old
//! anyway. When it was ahead and is put right, requests are refused until it has passed the youngest that was
//! forgotten: some minutes if nobody else's clock was ahead, too, else as long as it was ahead, or until a restart.
//!
//! What a process remembers ends with it: after a restart, and by another daemon, a copy is taken once more if it is
//! younger than [`WINDOW`]. Only the holder of the deploy key can read the answer.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::refusal::Refusal;

/// How old a request may be, and how far ahead of the clock.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// As many ids as are remembered if nobody says otherwise: those of 3,300 requests in each second, in at most
/// 90 MiB.
pub const MAX_IDS: usize = 1_000_000;

/// As many ids are forgotten at once, or a request would have to wait while a million of them go.
const FORGET_AT_ONCE: usize = 64;

/// The start of an id's SHA-256, so that nobody can choose one that is like somebody else's.
type Fingerprint = [u8; 16];

/// The ids of the requests that were admitted.
pub struct Freshness {
    ids: Mutex<Ids>,
    max: usize,
}

struct Ids {
    known: HashSet<Fingerprint>,
    /// The same by the second that they were made in.
    by_second: BTreeMap<i64, Vec<Fingerprint>>,
    /// No request that was made in this second or before is taken, since its id may be forgotten.
    forgotten: i64,
}

impl Freshness {
    /// Nothing is known yet, and at most `max` ids will be at a time.
    pub fn new(max: usize) -> Self {
        let ids = Ids { known: HashSet::new(), by_second: BTreeMap::new(), forgotten: i64::MIN };
        Self { ids: Mutex::new(ids), max }
    }

    /// Whether [`Self::admit`] would take the request as far as its age and its id go. Remembers nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal::Stale`] or [`Refusal::Replayed`].
    pub fn check(&self, id: &[u8; 32], made_at: i64, now: SystemTime) -> Result<(), Refusal> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.check(&fingerprint(id), made_at, unix_seconds(now))
    }

    /// Takes the request with this `id`, made at `made_at`, in seconds since the Unix epoch, this one time.
    ///
    /// # Errors
    ///
    /// [`Refusal::Stale`] when it was made too long before or after `now`, [`Refusal::Replayed`] when it was
    /// admitted before, [`Refusal::Overloaded`] when no more ids can be remembered.
    pub fn admit(&self, id: &[u8; 32], made_at: i64, now: SystemTime) -> Result<(), Refusal> {
        let fingerprint = fingerprint(id);
        let now = unix_seconds(now);
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.forget(now);
        ids.check(&fingerprint, made_at, now)?;
        if ids.known.len() >= self.max {
            return Err(Refusal::Overloaded);
        }
        ids.known.insert(fingerprint);
        ids.by_second.entry(made_at).or_default().push(fingerprint);
        Ok(())
    }
}

impl Ids {
    fn check(&self, fingerprint: &Fingerprint, made_at: i64, now: i64) -> Result<(), Refusal> {
        if now.abs_diff(made_at) > WINDOW.as_secs() || made_at <= self.forgotten {
            return Err(Refusal::Stale);
        }
        if self.known.contains(fingerprint) { Err(Refusal::Replayed) } else { Ok(()) }
    }

    /// Forgets some of the ids whose requests are too old by now, the oldest first.
    fn forget(&mut self, now: i64) {
        for _ in 0..FORGET_AT_ONCE {
            let Some(mut oldest) = self.by_second.first_entry() else { return };
            let made_at = *oldest.key();
            if made_at >= now || made_at.abs_diff(now) <= WINDOW.as_secs() {
                return;
            }
            self.forgotten = self.forgotten.max(made_at);
            match oldest.get_mut().pop() {
                Some(fingerprint) => self.known.remove(&fingerprint),
                None => oldest.remove().is_empty(),
            };
        }
    }
}

fn fingerprint(id: &[u8; 32]) -> Fingerprint {
    let hash = <[u8; 32]>::from(Sha256::digest(id));
    *hash.first_chunk().expect("32 bytes have 16 at their start")
}

/// Whole seconds, as those of a request are. Before the epoch a clock is so wrong that by how much does not count.
fn unix_seconds(time: SystemTime) -> i64 {
    let elapsed = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const NOW: i64 = 1_700_000_000;

    fn at(seconds: i64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.try_into().expect("not before 1970"))
    }

    fn id(number: usize) -> [u8; 32] {
        let mut id = [0; 32];
        id[24..].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn five_minutes_each_way_and_not_a_second_more() {
        let freshness = Freshness::new(100);
        for (number, seconds) in [-301, 301, i64::MIN, i64::MAX, -NOW].into_iter().enumerate() {
            let made_at = NOW.saturating_add(seconds);
            assert_eq!(freshness.admit(&id(number), made_at, at(NOW)), Err(Refusal::Stale));
            assert_eq!(freshness.admit(&id(number), NOW, at(NOW)), Ok(()), "it was not remembered");
        }
        for (number, seconds) in [-300, 300, 0].into_iter().enumerate() {
            assert_eq!(freshness.admit(&id(10 + number), NOW + seconds, at(NOW)), Ok(()));
        }
    }

    #[test]
    fn the_same_id_is_a_replay_whatever_time_it_says() {
        let freshness = Freshness::new(100);
        assert_eq!(freshness.admit(&id(1), NOW, at(NOW)), Ok(()));
        for made_at in [NOW, NOW + 1, NOW - 1] {
            assert_eq!(freshness.admit(&id(1), made_at, at(NOW)), Err(Refusal::Replayed));
        }
        assert_eq!(freshness.admit(&id(1), NOW, at(NOW + 300)), Err(Refusal::Replayed));
        assert_eq!(freshness.admit(&id(1), NOW, at(NOW + 301)), Err(Refusal::Stale));
    }

    #[test]
    fn a_clock_that_is_put_right_brings_nothing_back() {
        let freshness = Freshness::new(100);
        assert_eq!(freshness.admit(&id(1), NOW, at(NOW)), Ok(()));
        assert_eq!(freshness.admit(&id(2), NOW + 3601, at(NOW + 3600)), Ok(()));
        assert_eq!(freshness.admit(&id(1), NOW, at(NOW + 1)), Err(Refusal::Stale));
        assert_eq!(freshness.admit(&id(3), NOW, at(NOW + 1)), Err(Refusal::Stale));
        assert_eq!(freshness.admit(&id(3), NOW + 1, at(NOW + 1)), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_fits_when_there_is_a_place() {
        let freshness = Freshness::new(1000);
        for number in 0..1000 {
            assert_eq!(freshness.admit(&id(number), NOW, at(NOW)), Ok(()));
        }
        for now in [NOW, NOW + 300] {
            assert_eq!(freshness.admit(&id(1000), now, at(now)), Err(Refusal::Overloaded));
            assert_eq!(freshness.admit(&id(999), NOW, at(now)), Err(Refusal::Replayed));
        }
        for number in 1000..3000 {
            assert_eq!(
                freshness.admit(&id(number), NOW + 301, at(NOW + 301)),
                if number < 2000 { Ok(()) } else { Err(Refusal::Overloaded) }
            );
        }
        let ids = freshness.ids.lock().expect("nobody panicked");
        assert_eq!((ids.known.len(), ids.by_second.len()), (1000, 1));
    }

    /// All that was ever admitted, looked through each time.
    #[derive(Default)]
    struct Model {
        admitted: Vec<(usize, i64)>,
        max: usize,
    }

    impl Model {
        fn admit(&mut self, number: usize, made_at: i64, now: i64) -> Result<(), Refusal> {
            if (now - made_at).abs() > 300 {
                return Err(Refusal::Stale);
            }
            if self.admitted.contains(&(number, made_at)) {
                return Err(Refusal::Replayed);
            }
            if self.admitted.iter().filter(|(_, made_at)| made_at + 300 >= now).count() >= self.max
            {
                return Err(Refusal::Overloaded);
            }
            self.admitted.push((number, made_at));
            Ok(())
        }
    }

    /// Requests and when they were made, and a schedule: seconds that pass, and which request comes then.
    fn schedule(
        passing: std::ops::Range<i64>,
    ) -> impl Strategy<Value = (Vec<i64>, Vec<(i64, usize)>)> {
        (vec(0..2000i64, 30), vec((passing, 0..30usize), 1..300))
    }

    proptest! {
        #[test]
        fn while_the_clock_goes_forward_it_is_as_if_nothing_was_forgotten(
            (made_at, steps) in schedule(0..40),
            max in 1..12usize,
        ) {
            let freshness = Freshness::new(max);
            let mut model = Model { max, ..Model::default() };
            let mut now = NOW;
            for (passing, number) in steps {
                now += passing;
                let made_at = NOW + made_at[number];
                let expected = model.admit(number, made_at, now);
                let checked = freshness.check(&id(number), made_at, at(now));
                prop_assert_eq!(checked.err(), expected.err().filter(|&why| why != Refusal::Overloaded));
                prop_assert_eq!(freshness.admit(&id(number), made_at, at(now)), expected);
                prop_assert!(freshness.ids.lock().expect("nobody panicked").known.len() <= max);
            }
        }

        #[test]
        fn wherever_the_clock_goes_nothing_is_admitted_twice(
            (made_at, steps) in schedule(-600..600),
        ) {
            let freshness = Freshness::new(1000);
            let mut admitted = HashSet::new();
            let mut now = NOW;
            for (passing, number) in steps {
                now += passing;
                if freshness.admit(&id(number), NOW + made_at[number], at(now)).is_ok() {
                    prop_assert!(admitted.insert(number), "{number} came again at {now}");
                }
            }
        }
    }
}
