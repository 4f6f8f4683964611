//! The body of a request: bounded in bytes and time, and all of them together in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use secretary_secret::Secret;
use tokio::time::timeout;

/// Every request has so many bytes, and needs no room from the budget for them. One for fifty secrets fits.
const FREE: usize = 16 * 1024;

/// The most bytes that all bodies together have beyond that, until they are answered.
const BUDGET: usize = 128 << 20;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than one may be.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// It was broken off, or is no HTTP.
    Broken,
    /// All bodies together are more than there may be in memory. Later there may be room.
    Overloaded,
}

/// How long a body may be, how long it may take, and how much memory bodies take that are larger than usual.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    time: Duration,
    taken: AtomicUsize,
}

/// A body, and its share of the budget. That goes back when this is dropped, so it is to be kept as long as anything that
/// was made of the body.
#[derive(Debug)]
pub struct Held<'a> {
    /// The body.
    pub bytes: Secret,
    _share: Share<'a>,
}

/// Memory that was taken from a budget, and goes back to it.
#[derive(Debug)]
struct Share<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    /// For bodies of at most `limit` bytes, each of which may take `time` to arrive.
    pub fn new(limit: usize, time: Duration) -> Self {
        Self { limit, time, taken: AtomicUsize::new(0) }
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`BodyError`].
    pub async fn read(&self, body: Incoming) -> Result<Held<'_>, BodyError> {
        // What is announced as too large is not waited for.
        if body.size_hint().lower() > self.limit as u64 {
            return Err(BodyError::TooLarge);
        }
        timeout(self.time, self.collect(body)).await.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn collect(&self, mut body: Incoming) -> Result<Held<'_>, BodyError> {
        let mut bytes = Secret::default();
        let mut share = Share { budget: self, bytes: 0 };
        while let Some(frame) = body.frame().await {
            // What is broken off is answered, too, though nobody may be there to hear it.
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
            let len = bytes.len() + data.len();
            if len > self.limit {
                return Err(BodyError::TooLarge);
            }
            share.grow_to(len.saturating_sub(FREE))?;
            bytes.extend(&data);
        }
        Ok(Held { bytes, _share: share })
    }
}

impl Share<'_> {
    fn grow_to(&mut self, bytes: usize) -> Result<(), BodyError> {
        let more = bytes.saturating_sub(self.bytes);
        let before = self.budget.taken.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        if before + more > BUDGET && more > 0 { Err(BodyError::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
