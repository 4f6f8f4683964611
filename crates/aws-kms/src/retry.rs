//! Again, with full jitter, until a deadline.
//!
//! The AWS SDK retries, too, but forgets at a timeout why it did; here the last reason is told. The
//! waits are those of "Exponential Backoff And Jitter" with full jitter: evenly random between nothing
//! and a bound that doubles up to a fiftieth of all the time there is, so that some hundred attempts
//! fit into it. KMS counts requests by the second, and waits of minutes would help nobody.
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>

use std::time::Duration;

use secretary_transport::jitter::jittered;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::error::{Cause, Error};

/// The bound of the first wait.
const FIRST_WAIT: Duration = Duration::from_millis(25);

/// How often is tried what may be over soon, and may be not.
const FEW: u32 = 3;

/// The time by which everything has to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    end: Instant,
    timeout: Duration,
}

impl Deadline {
    /// The time from now on.
    pub(crate) fn after(timeout: Duration) -> Self {
        Self { end: Instant::now() + timeout, timeout }
    }

    /// What `work` answers, or how long it could have taken.
    pub(crate) async fn bound<T>(&self, work: impl Future<Output = T>) -> Result<T, Duration> {
        timeout_at(self.end, work).await.map_err(|_| self.timeout)
    }

    /// What `attempt` answers, made again as long as that can help.
    pub(crate) async fn retried<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut last: Option<Error> = None;
        for number in 1.. {
            // `timeout_at` would begin an attempt even then, and there may be many that wait.
            if Instant::now() >= self.end {
                if last.is_none() {
                    return Err(Cause::NotAsked(self.timeout).into());
                }
                break;
            }
            let error = match timeout_at(self.end, attempt()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => break,
            };
            match error.cause.persistence() {
                Persistence::Lasts => return Err(error),
                Persistence::Unknown if number >= FEW => return Err(error),
                Persistence::Unknown | Persistence::Passes => {}
            }
            last = Some(error);
            let wake = Instant::now() + jittered(self.bound_of_wait(number));
            if wake >= self.end {
                break;
            }
            sleep_until(wake).await;
        }
        let (last, key) = last.map_or((None, None), |last| (Some(last.cause), last.key));
        Err(Error { cause: Cause::Late { timeout: self.timeout, last: last.map(Box::new) }, key })
    }

    fn bound_of_wait(&self, attempt: u32) -> Duration {
        let doubled = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(16));
        doubled.min(self.timeout / 50).max(Duration::from_millis(1))
    }
}

enum Persistence {
    /// It will be the same however often it is tried.
    Lasts,
    /// It may be over with the next attempt.
    Unknown,
    /// It will be over.
    Passes,
}

impl Cause {
    fn persistence(&self) -> Persistence {
        match self {
            Self::Throttled | Self::ServerFault(_) => Persistence::Passes,
            Self::Unreachable(_) | Self::Broken(_) | Self::Unreadable(_) | Self::ClockSkew(_) => {
                Persistence::Unknown
            }
            _ => Persistence::Lasts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// How many attempts are made, and what comes of them, when each fails with `cause`.
    async fn tried(cause: Cause) -> (u32, Error) {
        let count = Cell::new(0);
        let deadline = Deadline::after(Duration::from_secs(10));
        let attempt = async || {
            count.set(count.get() + 1);
            Err::<(), _>(Error::from(cause.clone()))
        };
        let error = deadline.retried(attempt).await.expect_err("it always fails");
        (count.get(), error)
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_is_tried_once_and_what_may_pass_a_few_times() {
        assert_eq!(tried(Cause::AccessDenied).await, (1, Cause::AccessDenied.into()));
        assert_eq!(tried(Cause::Broken("x")).await, (3, Cause::Broken("x").into()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_until_the_deadline_and_then_named() {
        let started = Instant::now();
        let (attempts, error) = tried(Cause::Throttled).await;
        assert!(started.elapsed() <= Duration::from_secs(10));
        // Waits of 100 ms on average, once they have grown.
        assert!((50..250).contains(&attempts), "{attempts} attempts");
        let last = Some(Box::new(Cause::Throttled));
        assert_eq!(error.cause, Cause::Late { timeout: Duration::from_secs(10), last });
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_hangs_ends_with_the_deadline() {
        let deadline = Deadline::after(Duration::from_secs(3));
        let hanging = async || std::future::pending::<Result<(), Error>>().await;
        let error = deadline.retried(hanging).await.expect_err("too late");
        assert_eq!(error.cause, Cause::Late { timeout: Duration::from_secs(3), last: None });
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_after_the_deadline() {
        let deadline = Deadline::after(Duration::ZERO);
        let never = async || -> Result<(), Error> { panic!("it is asked") };
        let error = deadline.retried(never).await.expect_err("too late");
        assert_eq!(error.cause, Cause::NotAsked(Duration::ZERO));
    }

    #[test]
    fn waits_double_up_to_a_fiftieth_of_the_time_and_are_spread_evenly() {
        let deadline =
            |seconds| Deadline { end: Instant::now(), timeout: Duration::from_secs(seconds) };
        let bounds = [1, 2, 3, 4, 5, 100].map(|n| deadline(10).bound_of_wait(n).as_millis());
        assert_eq!(bounds, [25, 50, 100, 200, 200, 200]);
        let waits: Vec<_> = (0..1000).map(|_| jittered(Duration::from_secs(1))).collect();
        let mean = waits.iter().sum::<Duration>() / 1000;
        assert!((400..600).contains(&mean.as_millis()), "{mean:?}");
        assert!(waits.iter().min().expect("some") < &Duration::from_millis(100));
    }
}
