//! The body of a request: bounded in bytes and time, and all of them together in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// How long a client may take to send a body. It has at most a mebibyte.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Every request has so many bytes, and needs no room from the budget for them. One for fifty secrets fits.
const FREE: usize = 16 * 1024;

/// The most bytes that all bodies together have beyond that, until they are answered.
const BUDGET: usize = 128 << 20;

/// How much memory bodies take that are larger than usual.
#[derive(Default)]
pub(super) struct Budget(AtomicUsize);

/// A body, and its share of the budget. That goes back when this is dropped, so it is to be kept as long as anything that
/// was made of the body.
pub(super) struct Held<'a> {
    pub(super) bytes: Vec<u8>,
    _share: Share<'a>,
}

/// Memory that was taken from a budget, and goes back to it.
struct Share<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Budget {
    /// Reads `body`, which has at most `limit` bytes.
    pub(super) async fn read(&self, body: Incoming, limit: usize) -> Result<Held<'_>, Refusal> {
        // What is announced as too large is not waited for.
        if body.size_hint().lower() > limit as u64 {
            return Err(Refusal::TooLarge);
        }
        timeout(BODY_TIMEOUT, self.collect(body, limit)).await.unwrap_or(Err(Refusal::TooSlow))
    }

    async fn collect(&self, mut body: Incoming, limit: usize) -> Result<Held<'_>, Refusal> {
        let mut bytes = Vec::new();
        let mut share = Share { budget: self, bytes: 0 };
        while let Some(frame) = body.frame().await {
            // What is broken off is answered, too, though nobody may be there to hear it.
            let Ok(data) = frame.map_err(|_| Refusal::Form)?.into_data() else { continue };
            if bytes.len() + data.len() > limit {
                return Err(Refusal::TooLarge);
            }
            share.grow_to((bytes.len() + data.len()).saturating_sub(FREE))?;
            bytes.extend_from_slice(&data);
        }
        Ok(Held { bytes, _share: share })
    }
}

impl Share<'_> {
    fn grow_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.saturating_sub(self.bytes);
        let before = self.budget.0.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
        if before + more > BUDGET && more > 0 { Err(Refusal::Overloaded) } else { Ok(()) }
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
