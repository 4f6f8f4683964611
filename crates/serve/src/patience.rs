//! How long a connection may take for what it is at.
//!
//! hyper limits the time of a request's head, but not of a connection that waits for one longer than a head may take. So the
//! deadline is kept here: it moves when the first byte of a head arrives, when the head is complete, and when the
//! answer is made.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

/// Until the head of a request is complete, from its first byte; and until TLS is agreed upon.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Until there is an answer, from the end of the head. Everything on the way together has to have shorter limits.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Until the answer is taken and another request begins. Load balancers keep connections for a minute.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// The deadline of one connection, which several parts of it move.
#[derive(Clone)]
pub struct Patience(Arc<Shared>);

struct Shared {
    start: Instant,
    /// Milliseconds from the start.
    deadline: AtomicU64,
    idle: AtomicBool,
    /// Whether there is a whole request without an answer.
    has_request: AtomicBool,
}

impl Patience {
    /// A connection that has just been made.
    pub(crate) fn begin() -> Self {
        let patience = Self(Arc::new(Shared {
            start: Instant::now(),
            deadline: AtomicU64::new(0),
            idle: AtomicBool::new(true),
            has_request: AtomicBool::new(false),
        }));
        patience.wait_for(HEAD_TIMEOUT);
        patience
    }

    fn wait_for(&self, time: Duration) {
        let deadline = self.0.start.elapsed() + time;
        let deadline = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        self.0.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Nothing is under way.
    pub(crate) fn is_idle(&self) {
        self.0.idle.store(true, Ordering::Relaxed);
        self.0.has_request.store(false, Ordering::Relaxed);
        self.wait_for(IDLE_TIMEOUT);
    }

    /// The head of a request is complete.
    pub(crate) fn has_head(&self) {
        self.0.idle.store(false, Ordering::Relaxed);
        self.wait_for(ANSWER_TIMEOUT);
    }

    /// Its body, too, so that the client is not who is waited for.
    pub fn has_request(&self) {
        self.0.has_request.store(true, Ordering::Relaxed);
    }

    /// Whether an answer is being made.
    pub(crate) fn is_for_request(&self) -> bool {
        self.0.has_request.load(Ordering::Relaxed)
    }

    /// Whether both are of one connection.
    #[cfg(test)]
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A part of a head is there.
    pub(crate) fn received(&self) {
        if self.0.idle.swap(false, Ordering::Relaxed) {
            self.wait_for(HEAD_TIMEOUT);
        }
    }

    fn deadline(&self) -> Instant {
        self.0.start + Duration::from_millis(self.0.deadline.load(Ordering::Relaxed))
    }

    /// Waits until the deadline is over, wherever it has moved meanwhile. What moves it is polled with this, so nobody has
    /// to be told when it is sooner; and when it is later, the timer stays as it is, or every request would set it twice.
    pub(crate) async fn is_over(&self) {
        let mut rings = self.deadline();
        let mut alarm = pin!(sleep_until(rings));
        poll_fn(|context| {
            loop {
                let deadline = self.deadline();
                if deadline < rings {
                    rings = deadline;
                    alarm.as_mut().reset(rings);
                }
                ready!(alarm.as_mut().poll(context));
                if deadline == rings {
                    return Poll::Ready(());
                }
                rings = deadline;
                alarm.as_mut().reset(rings);
            }
        })
        .await;
    }
}

/// A stream of which the first byte was read before, and that tells when something arrives.
pub(crate) struct Watched<S> {
    stream: S,
    first: Option<u8>,
    patience: Patience,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S, first: u8, patience: Patience) -> Self {
        Self { stream, first: Some(first), patience }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            // Mostly the rest came with it. If not, there is something to read all the same.
            let rest = Pin::new(&mut self.stream).poll_read(context, buffer);
            return if rest.is_pending() { Poll::Ready(Ok(())) } else { rest };
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.patience.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
