//! Telling whoever runs the server what they have to know.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells a sentence. None of them has a secret in it, or a word of another system's.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// The time between two sentences about what anybody can cause.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells a sentence a second, so that nobody can fill a disk with them.
pub(crate) struct Seldom {
    tell: Tell,
    last: Mutex<Option<Instant>>,
    left_out: AtomicU64,
}

impl Seldom {
    pub(crate) fn new(tell: Tell) -> Self {
        Self { tell, last: Mutex::default(), left_out: AtomicU64::new(0) }
    }

    /// Tells it, unless there was one just now; then it is counted.
    pub(crate) fn tell(&self, sentence: impl FnOnce() -> String) {
        if !self.may() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        }
        match self.left_out.swap(0, Ordering::Relaxed) {
            0 => (self.tell)(&sentence()),
            others => (self.tell)(&format!("{} ({others} others before it)", sentence())),
        }
    }

    fn may(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| last.elapsed() >= PAUSE);
        if may {
            *last = Some(Instant::now());
        }
        may
    }
}
