//! Equal questions to an upstream: those that come while one is on its way are answered with it.
//!
//! How old an answer may be is counted from the moment of asking, because the upstream may have looked at
//! its state right then and been slow to say so. So nobody is answered with what was so more than
//! [`MAX_AGE`] before they came, whether they find the answer or wait for it. Errors are for those who
//! waited for them, never for who comes after.
//!
//! A question is asked by a task of its own: a caller that goes away takes nothing from the others. For the same
//! reason nothing but the question itself ends it, and it has to have a limit of time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::refusal::Refusal;

/// The most time between the asking of a question and the coming of whoever gets the same answer.
pub const MAX_AGE: Duration = Duration::from_secs(2);

/// How long no place is looked for again when there was none: looking takes time for each flight.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// Questions on their way, and answers that may still be used.
pub struct Flights<K, V> {
    table: Mutex<Table<K, V>>,
    max: usize,
}

struct Table<K, V> {
    flights: HashMap<K, Flight<V>>,
    /// When it was last looked for flights that are of no use any more.
    tidied_at: Instant,
}

struct Flight<V> {
    asked_at: Instant,
    landing: Landing<V>,
}

type Landing<V> = watch::Receiver<Option<Result<Arc<V>, Refusal>>>;

/// What came of a question.
#[derive(Debug)]
pub struct Answer<V> {
    /// The answer, or what went wrong.
    pub value: Result<Arc<V>, Refusal>,
    /// How much it cost.
    pub source: Source,
    /// When it was asked for.
    pub asked_at: Instant,
}

/// Where an answer is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The question was asked for this caller.
    Asked,
    /// The question was on its way for another caller.
    Shared,
    /// It was answered already.
    Remembered,
}

impl<K: Eq + Hash, V: Send + Sync + 'static> Flights<K, V> {
    /// None yet, and never more than `max` of them. What comes when there are as many is asked all the same,
    /// but shared with nobody.
    pub fn new(max: usize) -> Self {
        let table = Table { flights: HashMap::new(), tidied_at: Instant::now() };
        Self { table: Mutex::new(table), max }
    }

    /// The answer to `question`, which all that have the same `key` have in common.
    ///
    /// # Errors
    ///
    /// In the answer: what the question failed with, or [`Refusal::Internal`] when it panicked.
    pub async fn ask<F, Fut>(&self, key: K, question: F) -> Answer<V>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, Refusal>> + Send + 'static,
    {
        self.ask_since(None, key, question).await
    }

    /// The same for who must not be answered with what was asked at `since` or before.
    ///
    /// # Errors
    ///
    /// As [`Self::ask`].
    pub async fn ask_since<F, Fut>(&self, since: Option<Instant>, key: K, question: F) -> Answer<V>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, Refusal>> + Send + 'static,
    {
        let (source, asked_at, mut landing) = self.board(since, key, question);
        let value = match landing.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone().expect("it was waited for"),
            // The task is gone without a word.
            Err(_) => Err(Refusal::Internal),
        };
        Answer { value, source, asked_at }
    }

    /// A flight to wait for. It is on its way before the caller waits, and so can't be cancelled with them.
    fn board<F, Fut>(
        &self,
        since: Option<Instant>,
        key: K,
        question: F,
    ) -> (Source, Instant, Landing<V>)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, Refusal>> + Send + 'static,
    {
        let now = Instant::now();
        let mut table = self.table();
        if let Some((source, flight)) = table.find(&key, now)
            && since.is_none_or(|since| flight.asked_at > since)
        {
            return (source, flight.asked_at, flight.landing.clone());
        }
        let (sender, landing) = watch::channel(None);
        table.remember(key, Flight { asked_at: now, landing: landing.clone() }, self.max);
        drop(table);
        let question = question();
        tokio::spawn(async move {
            let answer = question.await.map(Arc::new);
            sender.send_replace(Some(answer));
        });
        (Source::Asked, now, landing)
    }

    /// Nothing that panics is called with the lock in hand; and if, every change to the table is whole in itself.
    fn table(&self) -> MutexGuard<'_, Table<K, V>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Table<K, V> {
    fn find(&self, key: &K, now: Instant) -> Option<(Source, &Flight<V>)> {
        let flight = self.flights.get(key)?;
        Some((flight.source(now)?, flight))
    }

    fn remember(&mut self, key: K, flight: Flight<V>, max: usize) {
        let now = flight.asked_at;
        let pause = if self.flights.len() < max { MAX_AGE } else { FULL_PAUSE };
        if now.saturating_duration_since(self.tidied_at) > pause {
            self.flights.retain(|_, flight| flight.source(now).is_some());
            self.tidied_at = now;
        }
        if self.flights.len() < max || self.flights.contains_key(&key) {
            self.flights.insert(key, flight);
        }
    }
}

impl<V> Flight<V> {
    /// What its answer is to somebody who comes now, if it is of any use to them.
    fn source(&self, now: Instant) -> Option<Source> {
        if now.saturating_duration_since(self.asked_at) > MAX_AGE {
            return None;
        }
        // Nobody is left to answer when the question is answered, or panicked.
        let is_on_its_way = self.landing.has_changed().is_ok();
        match *self.landing.borrow() {
            Some(Ok(_)) => Some(Source::Remembered),
            Some(Err(_)) => None,
            None => is_on_its_way.then_some(Source::Shared),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::task::JoinSet;
    use tokio::time::{sleep, timeout};

    use crate::refusal::Upstream;

    const FAILED: Refusal = Refusal::Unreachable(Upstream::Marathon);

    /// An upstream that answers with the number of the question, after some time.
    struct Scene {
        flights: Arc<Flights<String, u64>>,
        asked: Arc<AtomicU64>,
    }

    impl Scene {
        fn new(max: usize) -> Self {
            Self { flights: Arc::new(Flights::new(max)), asked: Arc::default() }
        }

        async fn ask(&self, key: &str, takes: f64) -> (Source, Result<u64, Refusal>) {
            self.ask_for(key, takes, Ok).await
        }

        async fn ask_for<A>(
            &self,
            key: &str,
            takes: f64,
            answer: A,
        ) -> (Source, Result<u64, Refusal>)
        where
            A: FnOnce(u64) -> Result<u64, Refusal> + Send + 'static,
        {
            let asked = Arc::clone(&self.asked);
            let question = || async move {
                let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
                sleep(Duration::from_secs_f64(takes)).await;
                answer(number)
            };
            let answer = self.flights.ask(key.to_string(), question).await;
            (answer.source, answer.value.map(|value| *value))
        }

        fn asked(&self) -> u64 {
            self.asked.load(Ordering::Relaxed)
        }

        fn remembered(&self) -> usize {
            self.flights.table().flights.len()
        }
    }

    async fn seconds(seconds: f64) {
        sleep(Duration::from_secs_f64(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_callers_make_one_question() {
        let scene = Arc::new(Scene::new(10));
        let mut callers = JoinSet::new();
        for _ in 0..1000 {
            let scene = Arc::clone(&scene);
            callers.spawn(async move { scene.ask("a", 1.0).await });
        }
        let answers = callers.join_all().await;
        assert_eq!(scene.asked(), 1);
        assert!(answers.iter().all(|(_, value)| *value == Ok(1)));
        let count = |wanted| answers.iter().filter(|(source, _)| *source == wanted).count();
        assert_eq!((count(Source::Asked), count(Source::Shared)), (1, 999));
    }

    #[tokio::test(start_paused = true)]
    async fn other_questions_are_asked_at_the_same_time() {
        let scene = Scene::new(10);
        let started = Instant::now();
        let (a, b) = tokio::join!(scene.ask("a", 1.0), scene.ask("b", 1.0));
        assert_eq!((a, b), ((Source::Asked, Ok(1)), (Source::Asked, Ok(2))));
        assert_eq!(started.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_age_of_an_answer_is_counted_from_the_question() {
        let scene = Scene::new(10);
        assert_eq!(scene.ask("a", 1.5).await, (Source::Asked, Ok(1)));
        seconds(0.5).await;
        assert_eq!(scene.ask("a", 1.5).await, (Source::Remembered, Ok(1)));
        seconds(0.001).await;
        assert_eq!(scene.ask("a", 1.5).await, (Source::Asked, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_takes_long_is_not_waited_for_by_those_who_come_late() {
        let scene = Scene::new(10);
        let late = async {
            seconds(1.9).await;
            let shared = scene.ask("a", 1.0);
            let asked = async {
                seconds(0.2).await;
                scene.ask("a", 1.0).await
            };
            tokio::join!(shared, asked)
        };
        let (first, (shared, asked)) = tokio::join!(scene.ask("a", 10.0), late);
        assert_eq!(first, (Source::Asked, Ok(1)));
        assert_eq!(shared, (Source::Shared, Ok(1)));
        assert_eq!(asked, (Source::Asked, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_for_those_who_waited_and_for_nobody_else() {
        let scene = Scene::new(10);
        let fail = |_| Err(FAILED);
        let (first, second) =
            tokio::join!(scene.ask_for("a", 0.1, fail), scene.ask_for("a", 0.1, fail));
        assert_eq!((first, second), ((Source::Asked, Err(FAILED)), (Source::Shared, Err(FAILED))));
        assert_eq!(scene.ask("a", 0.1).await, (Source::Asked, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_takes_nothing_from_the_others() {
        let scene = Scene::new(10);
        let first = timeout(Duration::from_millis(500), scene.ask("a", 1.0));
        let (first, second) = tokio::join!(first, scene.ask("a", 1.0));
        assert!(first.is_err(), "the first has gone");
        assert_eq!(second, (Source::Shared, Ok(1)));
        // With nobody waiting, the answer is there for the next one all the same.
        assert!(timeout(Duration::from_millis(500), scene.ask("b", 1.0)).await.is_err());
        seconds(0.6).await;
        assert_eq!(scene.ask("b", 1.0).await, (Source::Remembered, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_refusal_and_the_next_question_is_asked() {
        let scene = Scene::new(10);
        let bug = |_| -> Result<u64, Refusal> { panic!("on purpose") };
        let both = async { tokio::join!(scene.ask_for("a", 0.1, bug), scene.ask("a", 0.1)) };
        let (first, second) = timeout(Duration::from_secs(60), both).await.expect("nobody hangs");
        assert_eq!(first, (Source::Asked, Err(Refusal::Internal)));
        assert_eq!(second, (Source::Shared, Err(Refusal::Internal)));
        assert_eq!(scene.ask("a", 0.1).await, (Source::Asked, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_place_it_is_asked_and_not_remembered() {
        let scene = Scene::new(2);
        for (key, number) in [("a", 1), ("b", 2), ("c", 3), ("c", 4)] {
            assert_eq!(scene.ask(key, 0.0).await, (Source::Asked, Ok(number)), "{key}");
            assert!(scene.remembered() <= 2);
        }
        assert_eq!(scene.ask("a", 0.0).await, (Source::Remembered, Ok(1)));
        seconds(2.1).await;
        assert_eq!(scene.ask("c", 0.0).await, (Source::Asked, Ok(5)));
        assert_eq!(scene.ask("c", 0.0).await, (Source::Remembered, Ok(5)));
        assert_eq!(scene.remembered(), 1, "what is too old has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_used_again_for_its_own_key_even_when_all_are_taken() {
        let scene = Scene::new(1);
        assert_eq!(scene.ask_for("a", 0.0, |_| Err(FAILED)).await, (Source::Asked, Err(FAILED)));
        assert_eq!(scene.ask("a", 0.0).await, (Source::Asked, Ok(2)));
        assert_eq!(scene.ask("a", 0.0).await, (Source::Remembered, Ok(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_keys_never_take_more_than_their_places() {
        let scene = Scene::new(100);
        for number in 0..10_000 {
            scene.ask(&number.to_string(), 0.001).await.1.expect("an answer");
            assert!(scene.remembered() <= 100, "{number}");
        }
    }
}
