//! Who writes: a thread of its own, or who is alone.
//!
//! Everything that waits goes into one transaction, and then each caller gets its own answer. Who is alone writes in
//! place: going to another thread and back takes a good part of what the disk does.

use std::sync::{Mutex, MutexGuard};

use super::super::{Outcome, StoreError};
use super::queue::{Job, Next, Queue};
use super::writer::{Work, Writer};

/// What the thread and its users have in their hands.
pub(super) struct Shared {
    pub(super) queue: Queue,
    /// Whoever has it writes. It is taken before the lock of the queue.
    writer: Mutex<Writer>,
}

impl Shared {
    pub(super) fn new(writer: Writer) -> Self {
        Self { queue: Queue::default(), writer: Mutex::new(writer) }
    }

    /// Writes until the queue is closed.
    pub(super) fn run(&self) {
        let _abandoning = Abandoning(self);
        loop {
            self.queue.wait();
            // Who has panicked with it may have left it between the file and the index.
            let Ok(mut writer) = self.writer.lock() else { return };
            match self.queue.next() {
                Some(Next::Write(jobs)) => write(&mut writer, jobs),
                Some(Next::BringIn) => writer.bring_in_log(),
                Some(Next::End) => return,
                None => {}
            }
        }
    }

    /// The right to write in place, if nobody else writes, or has just written with others.
    pub(super) fn try_alone(&self) -> Option<Alone<'_>> {
        let writer = self.writer.try_lock().ok()?;
        let is_alone = writer.was_alone() && self.queue.is_empty();
        is_alone.then_some(Alone { queue: &self.queue, writer })
    }
}

/// Writes all of them, and brings in the log while nobody waits for an answer.
fn write(writer: &mut Writer, jobs: Vec<Job>) {
    let (batch, waiting): (Vec<Work>, Vec<_>) =
        jobs.into_iter().map(|job| (job.work, job.done)).unzip();
    let outcomes = writer.commit(&batch);
    for (number, (work, done)) in batch.into_iter().zip(waiting).enumerate() {
        let outcome = outcomes.as_ref().map(|outcomes| outcomes[number]);
        // Who has stopped waiting does not want to know.
        let _ = done.send((outcome.map_err(StoreError::clone), work));
    }
    writer.bring_in_log();
}

/// However the thread ends, nobody waits for it any more.
struct Abandoning<'a>(&'a Shared);

impl Drop for Abandoning<'_> {
    fn drop(&mut self) {
        self.0.queue.abandon();
    }
}

/// The right to write in place.
pub(super) struct Alone<'a> {
    queue: &'a Queue,
    writer: MutexGuard<'a, Writer>,
}

impl Alone<'_> {
    pub(super) fn commit(mut self, work: &Work) -> Result<Outcome, StoreError> {
        let outcomes = self.writer.commit(std::slice::from_ref(work));
        if self.writer.has_log() {
            self.queue.bring_in();
        }
        outcomes.map(|outcomes| outcomes[0])
    }
}
