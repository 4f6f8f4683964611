//! What begins and ends, and is counted by it, also when it is cancelled.

use std::time::Instant;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use crate::refusal::Refusal;

/// The outcome of what nobody waited for to its end.
pub(super) const ABANDONED: &str = "abandoned";

pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];
pub(super) type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// Something that takes time, counted and measured when it is dropped.
#[must_use = "it is over when this is dropped"]
pub struct Timed<const N: usize> {
    counters: Counters<N>,
    seconds: Histogram,
    /// The first is the outcome.
    labels: Labels<N>,
    success: &'static str,
    started: Instant,
    _present: Present,
}

impl<const N: usize> Timed<N> {
    /// It begins. `labels` are its own but for the value of the first, and `success` is what that is if it ends well.
    pub(super) fn begin(
        present: Present,
        counters: &Counters<N>,
        seconds: Histogram,
        labels: Labels<N>,
        success: &'static str,
    ) -> Self {
        let counters = counters.clone();
        Self { counters, seconds, labels, success, started: Instant::now(), _present: present }
    }

    /// It is over. Without this it was abandoned.
    pub fn end<T>(mut self, outcome: &Result<T, Refusal>) {
        self.labels[0].1 = outcome.as_ref().map_or_else(Refusal::label, |_| self.success);
    }
}

impl<const N: usize> Drop for Timed<N> {
    fn drop(&mut self) {
        self.counters.get_or_create(&self.labels).inc();
        self.seconds.observe(self.started.elapsed().as_secs_f64());
    }
}

/// One of the number that a gauge shows, until it is dropped.
#[must_use = "it is gone when this is dropped"]
pub struct Present(Gauge);

impl Present {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}
