//! The body of a request: bounded in bytes and time, and all of them together in memory.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use secretary_secret::Secret;
use tokio::time::timeout;

/// Every request has so many bytes, and needs no room from the budget for them. One for fifty secrets fits.
const FREE: usize = 16 * 1024;

/// The most bytes that all bodies together have beyond that, until they are answered.
const BUDGET: usize = 128 << 20;

/// Of a body that has no room so much more is read, for so long, to be thrown away: whoever is still sending when the
/// connection ends mostly never reads why.
const THROWN_AWAY: usize = 64 << 20;
const LINGER: Duration = Duration::from_secs(2);

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
    lingers: bool,
}

/// A body, and its share of the budget. That goes back when this is dropped, so it is to be kept as long as anything that
/// was made of the body.
#[derive(Debug)]
pub struct Held {
    /// The body.
    pub bytes: Secret,
    _share: Share,
}

/// Memory that was taken from a budget, and goes back to it.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// For bodies of at most `limit` bytes, each of which may take `time` to arrive.
    pub fn new(limit: usize, time: Duration) -> Self {
        Self { limit, time, taken: AtomicUsize::new(0), lingers: false }
    }

    /// The same, for clients that send all of a body before they read an answer.
    pub fn lingering(self) -> Self {
        Self { lingers: true, ..self }
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`BodyError`].
    pub async fn read(self: &Arc<Self>, mut body: Incoming) -> Result<Held, BodyError> {
        // What is announced as too large is not kept.
        let read = match body.size_hint().lower() > self.limit as u64 {
            true => Err(BodyError::TooLarge),
            false => self.read_in_time(&mut body).await,
        };
        if self.lingers && matches!(read, Err(BodyError::TooLarge | BodyError::Overloaded)) {
            // In a box, or every request would have room for it.
            let _ = timeout(LINGER, Box::pin(throw_away(body))).await;
        }
        read
    }

    async fn read_in_time(self: &Arc<Self>, body: &mut Incoming) -> Result<Held, BodyError> {
        let mut read = pin!(self.collect(body));
        // Mostly all of it came with the head, and no timer is needed.
        if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(read.as_mut().poll(context))).await
        {
            return read;
        }
        timeout(self.time, read).await.unwrap_or(Err(BodyError::TooSlow))
    }

    /// Room for an answer of so many bytes, until the share is dropped.
    ///
    /// # Errors
    ///
    /// [`BodyError::Overloaded`].
    pub fn take(self: &Arc<Self>, bytes: usize) -> Result<Share, BodyError> {
        let mut share = Share { budget: self.clone(), bytes: 0 };
        share.grow_to(bytes.saturating_sub(FREE))?;
        Ok(share)
    }

    async fn collect(self: &Arc<Self>, body: &mut Incoming) -> Result<Held, BodyError> {
        let mut bytes = Secret::default();
        let mut share = Share { budget: self.clone(), bytes: 0 };
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

async fn throw_away(mut body: Incoming) {
    let mut left = THROWN_AWAY;
    while let Some(Ok(frame)) = body.frame().await {
        let len = frame.data_ref().map_or(0, |data| data.len());
        let Some(rest) = left.checked_sub(len) else { return };
        left = rest;
    }
}

impl Share {
    fn grow_to(&mut self, bytes: usize) -> Result<(), BodyError> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let before = self.budget.taken.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        if before + more > BUDGET { Err(BodyError::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}
