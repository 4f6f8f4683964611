//! What is printed, and whether limits are met.

use std::cell::Cell;

/// Whether any limit was missed so far.
#[derive(Debug, Default)]
pub struct Table(Cell<bool>);

impl Table {
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
        self.0.set(self.0.get() || !met);
        println!("  {what:<58} {value:>8.2}{unit}   limit {sign} {limit}{unit}   {word}");
    }

    /// Whether all limits were met.
    pub fn is_met(&self) -> bool {
        !self.0.get()
    }
}
