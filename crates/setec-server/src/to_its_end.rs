//! Work that is done to its end, though whoever waits for it may be gone by then.
//!
//! It is done where it is waited for: a task of its own would cost every write an allocation more, and a wake-up of
//! another thread. What is left when nobody waits any more gets a task.

use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Work without what it borrows.
type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work that has ended in a panic, which has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Waits for work. When this is dropped before it is done, a task does the rest; with a runtime that has ended, nobody.
#[must_use = "when it is dropped, the work becomes a task"]
pub(crate) struct ToItsEnd<T: Send + 'static>(Option<Work<T>>);

impl<T: Send + 'static> ToItsEnd<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for ToItsEnd<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.0.as_mut().expect("nobody asks again after the end");
        // What it has changed half is dropped with it, as a task would do.
        let polled = panic::catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(done)) => Ok(done),
            Err(_) => Err(Panicked),
        };
        self.0 = None;
        Poll::Ready(result)
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        let Some(work) = self.0.take() else { return };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::yield_now;

    const STEPS: usize = 5;

    /// Counts its steps, and has something until its end.
    async fn steps(done: Arc<AtomicUsize>, held: Arc<()>) -> usize {
        for _ in 0..STEPS {
            yield_now().await;
            done.fetch_add(1, Ordering::Relaxed);
        }
        drop(held);
        done.load(Ordering::Relaxed)
    }

    /// Polls `work` so often, and answers what came of it.
    async fn polled<F: Future + Unpin>(work: &mut F, times: usize) -> Option<F::Output> {
        for _ in 0..times {
            let polled =
                std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *work).poll(context)));
            if let Poll::Ready(done) = polled.await {
                return Some(done);
            }
        }
        None
    }

    #[tokio::test]
    async fn whenever_it_is_dropped_it_comes_to_its_end() {
        for times in 0..=STEPS {
            let (done, held) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
            let mut work = ToItsEnd::new(steps(done.clone(), held.clone()));
            assert_eq!(polled(&mut work, times).await, None);
            assert_eq!(done.load(Ordering::Relaxed), times.saturating_sub(1));
            drop(work);
            assert_eq!(Arc::strong_count(&held), 2, "what it has it keeps");
            for _ in 0..2 * STEPS {
                yield_now().await;
            }
            assert_eq!((done.load(Ordering::Relaxed), Arc::strong_count(&held)), (STEPS, 1));
        }
    }

    #[tokio::test]
    async fn who_waits_has_the_result() {
        let done = Arc::new(AtomicUsize::new(0));
        assert_eq!(ToItsEnd::new(steps(done, Arc::new(()))).await, Ok(STEPS));
    }

    #[tokio::test]
    async fn a_panic_is_a_result_and_drops_the_work() {
        let held = Arc::new(());
        let kept = held.clone();
        let work = ToItsEnd::new(async move {
            yield_now().await;
            let _kept = kept;
            panic!("on purpose");
        });
        assert_eq!(work.await, Err::<(), _>(Panicked));
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn without_a_runtime_it_is_dropped() {
        let (done, held) = (Arc::new(AtomicUsize::new(0)), Arc::new(()));
        drop(ToItsEnd::new(steps(done.clone(), held.clone())));
        assert_eq!((done.load(Ordering::Relaxed), Arc::strong_count(&held)), (0, 1));
    }
}
