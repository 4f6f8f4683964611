//! What became of a line, for who waits for it: a call, or an [`Answer`], which is a future of no runtime in particular.
//!
//! An answer's one piece of memory is made, and most often freed, by who waits. The thread that writes frees nothing for
//! a line: giving memory back that another thread has asked for makes both of them wait for the allocator.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::chain::AuditError;
use super::line::Head;

/// What became of a line.
pub(super) type Outcome = Result<Head, AuditError>;

/// Ready when a line is as far as was promised, or has failed; with [`AuditError::Closed`] when nobody writes any more.
/// It may be dropped before, and the line is written all the same.
#[must_use = "a line is not written before this is ready"]
pub struct Answer(State);

enum State {
    Ready(Option<Outcome>),
    Waiting(Arc<Mutex<Slot>>),
}

/// Where the answer is left.
enum Slot {
    Empty(Option<Waker>),
    Full(Outcome),
    Taken,
}

impl Answer {
    /// It is known already.
    pub(super) fn ready(outcome: Outcome) -> Self {
        Self(State::Ready(Some(outcome)))
    }

    /// One that waits, and how to answer it.
    pub(super) fn waiting() -> (Teller, Self) {
        let slot = Arc::new(Mutex::new(Slot::Empty(None)));
        (Teller(Some(Arc::clone(&slot))), Self(State::Waiting(slot)))
    }
}

impl Future for Answer {
    type Output = Outcome;

    /// # Panics
    ///
    /// After it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let slot = match &mut self.0 {
            State::Ready(outcome) => {
                return Poll::Ready(outcome.take().expect("it is asked for once"));
            }
            State::Waiting(slot) => &mut *slot.lock().unwrap_or_else(PoisonError::into_inner),
        };
        match slot {
            Slot::Empty(Some(waker)) if waker.will_wake(context.waker()) => return Poll::Pending,
            Slot::Empty(waker) => {
                *waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            _ => {}
        }
        match mem::replace(slot, Slot::Taken) {
            Slot::Full(outcome) => Poll::Ready(outcome),
            _ => panic!("it is asked for once"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

/// Has to answer, and does so when it is dropped.
pub(super) struct Teller(Option<Arc<Mutex<Slot>>>);

impl Teller {
    pub(super) fn tell(mut self, outcome: Outcome) {
        self.fill(outcome);
    }

    fn fill(&mut self, outcome: Outcome) {
        let Some(slot) = self.0.take() else { return };
        let before = {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            mem::replace(&mut *slot, Slot::Full(outcome))
        };
        // Whoever is woken is to be the last to have the memory.
        drop(slot);
        if let Slot::Empty(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.fill(Err(AuditError::Closed));
    }
}

/// Who is told when a line is as far as it was promised to be, or failed.
pub(super) enum Done {
    /// Is called.
    Call(Box<dyn FnOnce(Outcome) + Send>),
    /// Waits.
    Tell(Teller),
}

impl Done {
    pub(super) fn tell(self, outcome: Outcome) {
        match self {
            Self::Call(done) => done(outcome),
            Self::Tell(teller) => teller.tell(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(answer: &mut Answer, woken: &Arc<Woken>) -> Poll<Outcome> {
        let waker = Waker::from(Arc::clone(woken));
        Pin::new(answer).poll(&mut Context::from_waker(&waker))
    }

    fn times(woken: &Woken) -> usize {
        woken.0.load(Ordering::Relaxed)
    }

    #[test]
    fn who_waits_is_woken_once_and_has_the_answer() {
        let [first, second] = [(); 2].map(|()| Arc::new(Woken::default()));
        let (teller, mut answer) = Answer::waiting();
        assert!(poll(&mut answer, &first).is_pending());
        assert!(poll(&mut answer, &first).is_pending());
        // Who asks last is who waits.
        assert!(poll(&mut answer, &second).is_pending());
        teller.tell(Ok(Head::START));
        assert_eq!((times(&first), times(&second)), (0, 1));
        assert!(matches!(poll(&mut answer, &second), Poll::Ready(Ok(Head::START))));
    }

    #[test]
    fn what_is_known_is_answered_at_once() {
        let woken = Arc::new(Woken::default());
        let mut answer = Answer::ready(Ok(Head::START));
        assert!(matches!(poll(&mut answer, &woken), Poll::Ready(Ok(_))));
        let (teller, mut answer) = Answer::waiting();
        teller.tell(Err(AuditError::Full));
        assert!(matches!(poll(&mut answer, &woken), Poll::Ready(Err(AuditError::Full))));
        assert_eq!(times(&woken), 0);
    }

    #[test]
    fn nobody_waits_for_a_line_that_is_dropped() {
        let woken = Arc::new(Woken::default());
        let (teller, mut answer) = Answer::waiting();
        assert!(poll(&mut answer, &woken).is_pending());
        drop(teller);
        assert_eq!(times(&woken), 1);
        assert!(matches!(poll(&mut answer, &woken), Poll::Ready(Err(AuditError::Closed))));
    }

    #[test]
    fn who_does_not_wait_any_more_is_no_error() {
        let (teller, answer) = Answer::waiting();
        drop(answer);
        teller.tell(Ok(Head::START));
    }
}
