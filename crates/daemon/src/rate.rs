//! How often an app may ask, so that one that asks all the time leaves something for the others.
//!
//! Each app has a bucket of tokens that fills evenly. It is kept as the one moment at which it will be full again: who
//! takes tokens moves that moment on by the time that it takes to fill them in, and it can't be further away
//! than it takes to fill the whole bucket. A full bucket is like one that was never used, and so is forgotten.
//!
//! Whose bucket it is has to be known by then: were it what a caller says of itself, anybody could empty it.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::refusal::Refusal;

/// The buckets that are not full.
pub struct Rates {
    buckets: Mutex<Buckets>,
    /// How long one token takes. It is rounded up, or a little more than the rate would get through.
    interval: Duration,
    burst: u32,
    max_apps: usize,
}

#[derive(Default)]
struct Buckets {
    full_at: HashMap<Arc<str>, Instant>,
    /// The same in the order in which they will be full.
    order: BTreeSet<(Instant, Arc<str>)>,
    /// The latest moment that somebody came. Who comes second may have looked at the clock first, and would
    /// take a bucket for full that is only so by then.
    latest: Option<Instant>,
}

impl Rates {
    /// `per_second` tokens in the long run and at most `burst` at once, for each of `max_apps` at a time.
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32, max_apps: usize) -> Self {
        let interval = Duration::from_nanos(1_000_000_000_u64.div_ceil(per_second.get().into()));
        Self { buckets: Mutex::default(), interval, burst: burst.get(), max_apps }
    }

    /// Takes `count` tokens of the app `who`, or none.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooOften`] with the time to wait until there are as many, if nobody else takes them;
    /// [`Refusal::TooMany`] when a full bucket has fewer; [`Refusal::Overloaded`] when the buckets of too many
    /// apps are being filled.
    pub fn take(&self, who: &str, count: u32, now: Instant) -> Result<(), Refusal> {
        if count > self.burst {
            return Err(Refusal::TooMany);
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = buckets.advance(now);
        let known = buckets.full_at.get(who).copied();
        let full_at = known.unwrap_or(now) + self.interval * count;
        let limit = now + self.interval * self.burst;
        if full_at > limit {
            return Err(Refusal::TooOften(full_at - limit));
        }
        if known.is_none() && buckets.full_at.len() >= self.max_apps {
            return Err(Refusal::Overloaded);
        }
        buckets.put(who, full_at);
        Ok(())
    }
}

impl Buckets {
    /// Forgets the buckets that are full by `now`, or by the latest moment if that is later, and answers with it.
    fn advance(&mut self, now: Instant) -> Instant {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        while self.order.first().is_some_and(|(full_at, _)| *full_at <= now) {
            let (_, who) = self.order.pop_first().expect("there is a first");
            self.full_at.remove(&who);
        }
        now
    }

    fn put(&mut self, who: &str, full_at: Instant) {
        let who = match self.full_at.remove_entry(who) {
            Some((who, before)) => self.order.take(&(before, who)).expect("it is in both").1,
            None => Arc::from(who),
        };
        self.full_at.insert(Arc::clone(&who), full_at);
        self.order.insert((full_at, who));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn rates(per_second: u32, burst: u32, max_apps: usize) -> Rates {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        Rates::new(number(per_second), number(burst), max_apps)
    }

    fn apps(rates: &Rates) -> usize {
        let buckets = rates.buckets.lock().expect("nobody panicked");
        assert_eq!(buckets.full_at.len(), buckets.order.len());
        buckets.full_at.len()
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_burst_and_then_one_by_one() {
        let (rates, start) = (rates(10, 5, 10), Instant::now());
        for _ in 0..5 {
            assert_eq!(rates.take("/a", 1, start), Ok(()));
        }
        let wait = |wait| Err(Refusal::TooOften(wait * MILLISECOND));
        assert_eq!(rates.take("/a", 1, start), wait(100));
        assert_eq!(rates.take("/a", 3, start + 50 * MILLISECOND), wait(250));
        assert_eq!(rates.take("/a", 1, start + 99 * MILLISECOND), wait(1));
        assert_eq!(rates.take("/a", 1, start + 100 * MILLISECOND), Ok(()));
        assert_eq!(rates.take("/a", 1, start + 100 * MILLISECOND), wait(100));
        assert_eq!(rates.take("/a", 5, start + 600 * MILLISECOND), Ok(()));
    }

    #[test]
    fn an_app_takes_nothing_from_another() {
        let (rates, start) = (rates(1, 1, 10), Instant::now());
        assert_eq!(rates.take("/a", 1, start), Ok(()));
        assert_eq!(rates.take("/a", 1, start), Err(Refusal::TooOften(Duration::from_secs(1))));
        assert_eq!(rates.take("/b", 1, start), Ok(()));
    }

    #[test]
    fn what_no_bucket_ever_has_is_not_to_be_waited_for() {
        let (rates, start) = (rates(1, 5, 10), Instant::now());
        assert_eq!(rates.take("/a", 6, start), Err(Refusal::TooMany));
        assert_eq!(rates.take("/a", 5, start), Ok(()));
    }

    #[test]
    fn full_buckets_are_forgotten_and_no_others() {
        let (rates, start) = (rates(1, 5, 2), Instant::now());
        assert_eq!(rates.take("/a", 1, start), Ok(()));
        assert_eq!(rates.take("/b", 2, start), Ok(()));
        assert_eq!(rates.take("/c", 1, start), Err(Refusal::Overloaded));
        assert_eq!(rates.take("/a", 1, start), Ok(()), "it has a place");
        assert_eq!(rates.take("/c", 1, start + 1999 * MILLISECOND), Err(Refusal::Overloaded));
        assert_eq!(rates.take("/c", 1, start + 2000 * MILLISECOND), Ok(()));
        assert_eq!(apps(&rates), 1);
    }

    #[test]
    fn who_looked_at_the_clock_earlier_gets_no_more() {
        let (rates, start) = (rates(10, 5, 2), Instant::now());
        assert_eq!(rates.take("/a", 5, start), Ok(()));
        assert_eq!(rates.take("/a", 5, start + 500 * MILLISECOND), Ok(()));
        assert_eq!(rates.take("/b", 1, start + 1000 * MILLISECOND), Ok(()), "`/a` is forgotten");
        assert_eq!(rates.take("/a", 5, start), Ok(()));
        let wait = Err(Refusal::TooOften(500 * MILLISECOND));
        assert_eq!(rates.take("/a", 5, start + 1000 * MILLISECOND), wait);
    }

    #[test]
    fn ten_thousand_apps_never_take_more_than_their_places() {
        let (rates, start) = (rates(1000, 10, 100), Instant::now());
        for number in 0..10_000 {
            let now = start + Duration::from_micros(number);
            let _ = rates.take(&format!("/{number}"), 1, now);
            assert!(apps(&rates) <= 100);
        }
    }

    proptest! {
        #[test]
        fn in_no_stretch_of_time_more_is_admitted_than_the_burst_and_the_rate(
            per_second in prop_oneof![1..10u32, 1..2000u32, Just(u32::MAX)],
            burst in 1..50u32,
            steps in vec((0..20_000u64, 0..60u32), 1..100),
        ) {
            let (rates, start) = (rates(per_second, burst, 1), Instant::now());
            let mut now = Duration::ZERO;
            let mut admitted: Vec<(Duration, u32)> = Vec::new();
            for (passing, count) in steps {
                now += Duration::from_micros(passing);
                match rates.take("/a", count, start + now) {
                    Ok(()) => admitted.push((now, count)),
                    Err(Refusal::TooOften(wait)) => {
                        // A nanosecond less than told is too early, and as told is enough.
                        let early = rates.take("/a", count, start + now + wait - Duration::from_nanos(1));
                        prop_assert_eq!(early, Err(Refusal::TooOften(Duration::from_nanos(1))));
                        now += wait;
                        prop_assert_eq!(rates.take("/a", count, start + now), Ok(()));
                        admitted.push((now, count));
                    }
                    Err(other) => prop_assert!(count > burst && other == Refusal::TooMany),
                }
            }
            for (first, (from, _)) in admitted.iter().enumerate() {
                let mut sum = 0;
                for (to, count) in &admitted[first..] {
                    sum += u128::from(*count) * 1_000_000_000;
                    let filled = (*to - *from).as_nanos() * u128::from(per_second);
                    prop_assert!(sum <= u128::from(burst) * 1_000_000_000 + filled);
                }
            }
        }
    }
}
