//! The connections that there are: at most so many, of which one without a request makes place for a new one.
//!
//! Otherwise whoever makes as many connections as there may be, and says nothing on them, would keep everybody else
//! out. Who has just connected is the last to go.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

use crate::patience::Patience;

/// How many connections are looked at for one that can go. With a request on all of them none is found, and each look
/// takes time from the others.
const LOOKS: usize = 64;

/// How long one that goes may take to be gone. It may have to wait for its turn on a thread.
const GOING: Duration = Duration::from_millis(50);

/// All connections of a listener.
pub(crate) struct Crowd {
    max: usize,
    places: Arc<Semaphore>,
    tasks: JoinSet<()>,
    /// The oldest first, but for those that were looked at and had a request. Some have ended.
    guests: VecDeque<(AbortHandle, Patience)>,
}

impl Crowd {
    /// None yet, and at most so many.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(max));
        Self { max, places, tasks: JoinSet::new(), guests: VecDeque::new() }
    }

    /// A place for one more, if there is one, or there is a connection that can go.
    pub(crate) async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        if !self.send_one_away() {
            return None;
        }
        timeout(GOING, self.places.clone().acquire_owned()).await.ok()?.ok()
    }

    /// Serves one more, with what is its own for as long as it lasts.
    pub(crate) fn spawn(
        &mut self,
        patience: Patience,
        kept: impl Send + 'static,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.tasks.spawn(async move {
            let _kept = kept;
            connection.await;
        });
        if self.guests.len() >= 2 * self.max {
            self.guests.retain(|(task, _)| !task.is_finished());
        }
        self.guests.push_back((task, patience));
    }

    /// Waits until one of them has ended, if there is one.
    pub(crate) async fn one_ended(&mut self) -> Option<()> {
        self.tasks.join_next().await.map(|_| ())
    }

    fn send_one_away(&mut self) -> bool {
        for _ in 0..LOOKS.min(self.guests.len()) {
            let Some((task, patience)) = self.guests.pop_front() else { break };
            if patience.is_for_request() {
                self.guests.push_back((task, patience));
            } else if !task.is_finished() {
                task.abort();
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts those that are there.
    struct Present(Arc<AtomicUsize>);

    impl Drop for Present {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    struct Scene {
        crowd: Crowd,
        present: Arc<AtomicUsize>,
    }

    impl Scene {
        fn new(max: usize) -> Self {
            Self { crowd: Crowd::new(max), present: Arc::default() }
        }

        /// One that never ends by itself, if there is a place.
        async fn comes(&mut self) -> Option<Patience> {
            let place = self.crowd.place().await?;
            self.present.fetch_add(1, Ordering::Relaxed);
            let (patience, present) = (Patience::begin(), Present(self.present.clone()));
            self.crowd.spawn(patience.clone(), (place, present), pending());
            Some(patience)
        }

        fn present(&self) -> usize {
            self.present.load(Ordering::Relaxed)
        }

        /// Whether that of this patience is there.
        fn has(&self, patience: &Patience) -> bool {
            let mut guests = self.crowd.guests.iter();
            guests.any(|(task, other)| other.is(patience) && !task.is_finished())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_without_a_request_goes() {
        let mut scene = Scene::new(3);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(scene.comes().await.expect("a place"));
        }
        all[0].has_request();
        let new = scene.comes().await.expect("a place");
        assert_eq!(scene.present(), 3);
        let here: Vec<_> = all.iter().map(|patience| scene.has(patience)).collect();
        assert_eq!((here, scene.has(&new)), (vec![true, false, true], true));
        // An answer ends what kept it.
        all[0].is_idle();
        for _ in 0..3 {
            scene.comes().await.expect("a place");
        }
        assert_eq!(scene.present(), 3);
        assert!(!scene.has(&all[0]) && !scene.has(&all[2]) && !scene.has(&new));
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_request_on_each_there_is_no_place() {
        let mut scene = Scene::new(200);
        for _ in 0..200 {
            scene.comes().await.expect("a place").has_request();
        }
        for _ in 0..10 {
            assert!(scene.comes().await.is_none());
        }
        assert_eq!(scene.present(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_have_ended_take_neither_place_nor_memory() {
        let mut scene = Scene::new(10);
        for _ in 0..1000 {
            let place = scene.crowd.place().await.expect("a place");
            scene.crowd.spawn(Patience::begin(), place, async {});
            scene.crowd.one_ended().await.expect("there was one");
        }
        assert!(scene.crowd.guests.len() <= 20);
    }
}
