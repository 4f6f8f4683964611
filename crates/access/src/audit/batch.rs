//! Lines that are written at once.

use std::panic::{self, AssertUnwindSafe};
use std::time::SystemTime;

use super::answer::{Done, Outcome};
use super::chain::{AuditError, Entry};
use super::entry::Draft;

/// The most bytes that are written at once. What a crash leaves half done is in as many at the end.
pub(super) const MAX_BATCH: usize = 1 << 20;

/// How many bytes of a batch's memory are kept for the next.
pub(super) const KEPT: usize = 128 << 10;

/// How far a line has to be when it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// In the file, as everybody sees it who reads it.
    Written,
    /// On the disk.
    Durable,
}

/// Lines that are written at once. Their bytes are in one piece of memory, which serves again.
#[derive(Default)]
pub(super) struct Batch {
    /// What the drafts have, one behind the other.
    text: Vec<u8>,
    lines: Vec<Line>,
    /// What all of them count for.
    pub(super) bytes: usize,
}

/// A line that waits.
struct Line {
    time: SystemTime,
    /// How many bytes of the text it has.
    len: usize,
    promise: Promise,
    /// `None` when it is answered.
    done: Option<Done>,
}

impl Batch {
    pub(super) fn push(&mut self, draft: &Draft, promise: Promise, done: Done) {
        let rest = draft.rest();
        self.text.extend(rest);
        let line = Line { time: SystemTime::now(), len: rest.len(), promise, done: Some(done) };
        self.lines.push(line);
        self.bytes += bytes(draft);
    }

    pub(super) fn has_room_for(&self, draft: &Draft) -> bool {
        self.bytes + bytes(draft) <= MAX_BATCH
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut text = &self.text[..];
        self.lines.iter().map(move |line| {
            let rest = text.split_off(..line.len).expect("each line has its bytes");
            Entry { time: line.time, rest }
        })
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether a line waits for this.
    pub(super) fn has(&self, promise: Promise) -> bool {
        self.lines.iter().any(|line| line.promise == promise)
    }

    /// Answers the lines that wait for this. `outcome` is of the line with that place.
    pub(super) fn answer(&mut self, promise: Promise, outcome: impl Fn(usize) -> Outcome) {
        for (place, line) in self.lines.iter_mut().enumerate() {
            if line.promise == promise {
                line.answer(outcome(place));
            }
        }
    }

    /// Answers all of them.
    pub(super) fn fail(&mut self, error: &AuditError) {
        self.lines.iter_mut().for_each(|line| line.answer(Err(error.clone())));
    }

    /// Nothing but memory. What one large batch has taken is not kept.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.lines.clear();
        self.lines.shrink_to(KEPT / 512);
        self.bytes = 0;
    }
}

impl Line {
    /// Who panics here must not keep the others from their answers.
    fn answer(&mut self, outcome: Outcome) {
        let Some(done) = self.done.take() else { return };
        let _ = panic::catch_unwind(AssertUnwindSafe(|| done.tell(outcome)));
    }
}

/// More than the line will have in the file, or has here.
pub(super) fn bytes(draft: &Draft) -> usize {
    draft.len() + 512
}
