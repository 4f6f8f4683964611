//! The fastest of many rounds.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The shortest time `work` takes in so many rounds.
pub fn fastest(rounds: usize, mut work: impl FnMut() -> u64) -> Duration {
    (0..rounds.max(10)).map(|_| once(&mut work).0).min().unwrap_or_default()
}

/// The shortest time of each of `works`, which take turns so that all see the same machine.
///
/// # Panics
///
/// When one does not answer `expected`: then it did not do the work.
pub fn in_turns<const N: usize>(
    rounds: usize,
    mut works: [&mut dyn FnMut() -> u64; N],
    expected: u64,
) -> [Duration; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..rounds {
        for (work, best) in works.iter_mut().zip(&mut best) {
            let (time, answer) = once(work);
            assert_eq!(answer, expected, "not all tokens were opened");
            *best = time.min(*best);
        }
    }
    best
}

fn once(mut work: impl FnMut() -> u64) -> (Duration, u64) {
    let start = Instant::now();
    let answer = black_box(work());
    (start.elapsed(), answer)
}
