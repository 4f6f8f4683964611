//! Signals that wait.

use nix::sys::signal::{SigSet, Signal};

/// What people and supervisors end a program with.
pub const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Calls `work`; of `signals` those that come meanwhile take effect after it.
pub fn deferred<T>(signals: &[Signal], work: impl FnOnce() -> T) -> T {
    let mut waiting = SigSet::empty();
    signals.iter().for_each(|signal| waiting.add(*signal));
    // Without it the work is done all the same.
    let before = waiting.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
    let result = work();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    result
}
