//! What waits for the thread that writes.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::super::{Outcome, StoreError};
use super::writer::Work;

/// How many changes share a transaction at the most, so that no caller waits for too many others.
const MAX_BATCH: usize = 256;

/// And how many bytes of values.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// What came of a job, and the job, for whoever made it to drop: memory that another thread frees costs both of them.
pub(super) type Answer = (Result<Outcome, StoreError>, Work);

/// Something to write, and who waits for it.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) done: oneshot::Sender<Answer>,
}

/// What the thread does next.
pub(super) enum Next {
    /// Writes these, and answers.
    Write(Vec<Job>),
    /// Brings SQLite's log into the database.
    BringIn,
    /// Ends.
    End,
}

/// What both sides have in their hands. Neither panics with the lock.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    has_log: bool,
    is_closed: bool,
}

impl Queue {
    /// Has a job wait, unless nobody comes for it.
    pub(super) fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(StoreError::Closed);
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.ready.notify_one();
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().jobs.is_empty()
    }

    /// Has SQLite's log be brought in.
    pub(super) fn bring_in(&self) {
        self.lock().has_log = true;
        self.ready.notify_one();
    }

    /// Takes no more jobs. Those that wait are done.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.ready.notify_one();
    }

    /// Takes no more jobs, and drops those that wait, for which that is an answer.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        let jobs = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        drop(jobs);
    }

    /// Returns when there is something to do.
    pub(super) fn wait(&self) {
        let is_idle = |it: &mut Waiting| it.jobs.is_empty() && !it.has_log && !it.is_closed;
        drop(self.ready.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner));
    }

    /// What there is to do. `None` when somebody else has done it.
    pub(super) fn next(&self) -> Option<Next> {
        let mut waiting = self.lock();
        // Before jobs: of those there may be no end.
        if std::mem::take(&mut waiting.has_log) {
            return Some(Next::BringIn);
        }
        if !waiting.jobs.is_empty() {
            return Some(Next::Write(waiting.batch()));
        }
        waiting.is_closed.then_some(Next::End)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// As many jobs as go together, at least one.
    fn batch(&mut self) -> Vec<Job> {
        let mut bytes = 0;
        let fits = |job: &&Job| {
            bytes += job.work.bytes();
            bytes <= MAX_BATCH_BYTES
        };
        let count = self.jobs.iter().take(MAX_BATCH).take_while(fits).count();
        self.jobs.drain(..count.max(1)).collect()
    }
}
