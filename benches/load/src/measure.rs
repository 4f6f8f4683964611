//! Many that work at once, and how long each piece of work takes.

use std::io;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

use crate::daemon::Daemon;

/// Somebody who does the same again and again.
pub trait Worker: Send + 'static {
    /// Does it once more. The number is how often it was done before. Answers why it failed.
    fn work(&mut self, number: usize) -> impl Future<Output = Result<(), String>> + Send;

    /// How long to rest after that.
    fn pause(&self) -> Duration {
        Duration::ZERO
    }
}

/// Somebody who rests a little after each time, so that what is measured is not how much of the machine there is.
pub struct Paced<W>(W);

const PAUSE: Duration = Duration::from_millis(10);

impl<W: Worker> Paced<W> {
    /// All of them so.
    pub fn all(workers: Vec<W>) -> impl Iterator<Item = Self> {
        workers.into_iter().map(Self)
    }
}

impl<W: Worker> Worker for Paced<W> {
    async fn work(&mut self, number: usize) -> Result<(), String> {
        self.0.work(number).await
    }

    fn pause(&self) -> Duration {
        PAUSE
    }
}

/// How long something is measured: after it has gone on for a while, and then for so long.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// What is not counted.
    pub warm_up: Duration,
    /// What is.
    pub measured: Duration,
}

impl Span {
    /// So many seconds, after another one.
    pub fn seconds(seconds: u64) -> Self {
        Self { warm_up: Duration::from_secs(1), measured: Duration::from_secs(seconds) }
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// How long each request took, the shortest first.
    latencies: Vec<Duration>,
    /// Requests that did not answer with the plaintexts, in the measured time and before.
    pub failed: u64,
    /// Why the first of them did not.
    pub why: Option<String>,
    /// How long it was.
    seconds: f64,
    /// What the daemon computed for one request.
    pub cpu: Duration,
    /// The most memory that it had by then, in bytes.
    memory: u64,
}

impl Measured {
    /// Requests that were answered.
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Requests that were answered in one second.
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// The daemon's memory at its peak.
    pub fn mebibytes(&self) -> f64 {
        self.memory as f64 / f64::from(1 << 20)
    }

    /// Tells of the first request that failed, if one did.
    pub fn tell(&self) {
        if let Some(why) = &self.why {
            println!("  {why}");
        }
    }

    /// How long requests took: half of them for 0.5, all but one in a hundred for 0.99.
    pub fn quantile(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
    }
}

/// Has all `workers` work at once, and looks at what they and the `daemon` do in the measured time.
pub async fn measure<W: Worker>(
    daemon: &Daemon,
    workers: impl IntoIterator<Item = W>,
    span: Span,
) -> io::Result<Measured> {
    let start = Instant::now() + span.warm_up;
    let end = start + span.measured;
    let mut working = JoinSet::new();
    for worker in workers {
        working.spawn(work_until(worker, start, end));
    }
    sleep_until(start.into()).await;
    let before = daemon.cpu()?;
    sleep_until(end.into()).await;
    let computed = daemon.cpu()? - before;
    let mut all = Measured { seconds: span.measured.as_secs_f64(), ..Measured::default() };
    for one in working.join_all().await {
        all.latencies.extend(one.latencies);
        all.failed += one.failed;
        all.why = all.why.or(one.why);
    }
    all.latencies.sort_unstable();
    let count = u32::try_from(all.latencies.len()).unwrap_or(u32::MAX).max(1);
    all.cpu = computed / count;
    all.memory = daemon.peak_memory()?;
    Ok(all)
}

async fn work_until(mut worker: impl Worker, start: Instant, end: Instant) -> Measured {
    let mut measured = Measured::default();
    for number in 0.. {
        let begun = Instant::now();
        if begun >= end {
            break;
        }
        match worker.work(number).await {
            Ok(()) if begun >= start => measured.latencies.push(begun.elapsed()),
            Ok(()) => {}
            Err(error) => {
                measured.failed += 1;
                measured.why.get_or_insert(error);
            }
        }
        if !worker.pause().is_zero() {
            sleep(worker.pause()).await;
        }
    }
    measured
}
