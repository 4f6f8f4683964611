//! How long to wait before something is tried again.

use std::time::Duration;

/// Evenly between nothing and `bound`. Without random bytes there is no jitter.
pub fn jittered(bound: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    bound.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
