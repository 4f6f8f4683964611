//! What is printed: figures, and whether limits are met.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Whether any limit was missed so far.
#[derive(Debug, Default)]
pub struct Table(AtomicBool);

impl Table {
    /// What follows is about this.
    pub fn title(&self, what: &str) {
        println!("{what}");
    }

    /// A figure without a limit.
    pub fn show(&self, what: &str, value: f64, unit: &str) {
        println!("  {what:<50} {value:>10.2}{unit}");
    }

    /// A figure that may not be larger.
    pub fn at_most(&self, what: &str, value: f64, limit: f64, unit: &str) {
        self.verdict(what, value, "<=", limit, unit, value <= limit);
    }

    /// A figure that may not be smaller.
    pub fn at_least(&self, what: &str, value: f64, limit: f64, unit: &str) {
        self.verdict(what, value, ">=", limit, unit, value >= limit);
    }

    fn verdict(&self, what: &str, value: f64, sign: &str, limit: f64, unit: &str, met: bool) {
        let word = if met { "ok" } else { "MISSED" };
        if !met {
            self.0.store(true, Ordering::Relaxed);
        }
        println!("  {what:<50} {value:>10.2}{unit}   limit {sign} {limit}{unit}   {word}");
    }

    /// Whether all limits were met.
    pub fn is_met(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }
}

/// `one` as so many times `other`.
pub fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// Milliseconds, as they are printed.
pub fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Microseconds, as they are printed.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
