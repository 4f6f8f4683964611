//! What waits for the thread that writes: lines up to a limit, and who asks something else of it.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::answer::Done;
use super::batch::{Batch, Promise, bytes};
use super::chain::AuditError;
use super::entry::Draft;
use super::file::OpenError;
use super::line::Head;
use super::log::Reopened;

/// How many lines wait at the most.
pub const MAX_WAITING: usize = 4096;

/// How many bytes they have together at the most.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// What is asked of the thread beside lines, and who waits for it.
pub(super) enum Question {
    /// To go on in a new file.
    Reopen(SyncSender<Result<Reopened, OpenError>>),
    /// Whether the file has a line of this number, and which hash.
    Find(u64, SyncSender<Result<Option<Head>, OpenError>>),
}

/// What the thread does next.
pub(super) enum Next {
    /// Writes these, and answers.
    Write(Batch),
    /// Does this, and answers.
    Answer(Question),
    /// Syncs lines that were only written.
    Sync,
    /// Writes that it is the end.
    Stop,
}

/// What both sides have in their hands. Neither panics with a lock.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    ready: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// What is written first, and so on; none is empty.
    batches: VecDeque<Batch>,
    /// An empty one.
    spare: Batch,
    /// How many lines there are in all batches, and bytes.
    lines: usize,
    bytes: usize,
    questions: VecDeque<Question>,
    /// When lines that were reported as written have to be synced. `None` when there is none that was not.
    due: Option<Instant>,
    is_closed: bool,
    /// The thread waits, and nobody has called it yet.
    is_asleep: bool,
}

impl Queue {
    /// Has a line wait, unless too much does.
    pub(super) fn push(
        &self,
        draft: &Draft,
        promise: Promise,
        done: Done,
    ) -> Result<(), (Done, AuditError)> {
        let mut waiting = self.lock();
        let bytes = waiting.bytes + bytes(draft);
        if waiting.is_closed {
            return Err((done, AuditError::Closed));
        }
        if waiting.lines >= MAX_WAITING || bytes > MAX_WAITING_BYTES {
            return Err((done, AuditError::Full));
        }
        waiting.bytes = bytes;
        waiting.lines += 1;
        // Under the lock, so that times are in the order of the lines.
        waiting.last_batch(draft).push(draft, promise, done);
        self.call(waiting);
        Ok(())
    }

    /// Has something else be done, before the lines that wait.
    pub(super) fn ask(&self, question: Question) -> Result<(), OpenError> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(OpenError::Closed);
        }
        waiting.questions.push_back(question);
        self.call(waiting);
        Ok(())
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        self.call(waiting);
    }

    /// Wakes the thread if it waits. It looks at everything before it does so again.
    fn call(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let is_asleep = mem::take(&mut waiting.is_asleep);
        drop(waiting);
        // Each is a system call, whether anybody waits or not.
        if is_asleep {
            self.ready.notify_one();
        }
    }

    /// How many lines wait.
    pub(super) fn len(&self) -> usize {
        self.lock().lines
    }

    /// Waits for something to do.
    pub(super) fn wait(&self) {
        let mut waiting = self.lock();
        while !waiting.has_next() {
            waiting.is_asleep = true;
            let time = waiting.due.map(|due| due.saturating_duration_since(Instant::now()));
            waiting = match time {
                None => self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let waited = self.ready.wait_timeout(waiting, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            waiting.is_asleep = false;
        }
    }

    /// What is to be done.
    pub(super) fn next(&self) -> Option<Next> {
        self.lock().next()
    }

    /// The time of a line that goes before all that come later. `None` when something is to be done before.
    pub(super) fn time_of_next(&self) -> Option<Result<SystemTime, AuditError>> {
        let waiting = self.lock();
        match (waiting.is_closed, waiting.has_next()) {
            (true, _) => Some(Err(AuditError::Closed)),
            (false, true) => None,
            (false, false) => Some(Ok(SystemTime::now())),
        }
    }

    /// Has a sync come `lag` after the first line that was written without one.
    pub(super) fn owe_sync(&self, lag: Duration) {
        let mut waiting = self.lock();
        if waiting.due.is_none() {
            waiting.due = Some(Instant::now() + lag);
            self.call(waiting);
        }
    }

    /// Whether a sync has to come now, whatever else there is.
    pub(super) fn is_sync_due(&self) -> bool {
        self.lock().is_sync_due()
    }

    /// There was a sync, or there will be none. Whether it was owed.
    pub(super) fn take_sync(&self) -> bool {
        self.lock().due.take().is_some()
    }

    /// Everything that waits, when nobody does anything any more. Who has asked is told by its end of
    /// the channel being gone.
    pub(super) fn abandon(&self) -> VecDeque<Batch> {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.questions.clear();
        (waiting.lines, waiting.bytes) = (0, 0);
        mem::take(&mut waiting.batches)
    }

    /// Takes the memory of a batch that was answered.
    pub(super) fn reuse(&self, mut batch: Batch) {
        batch.clear();
        self.lock().spare = batch;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self) -> Option<Next> {
        if let Some(question) = self.questions.pop_front() {
            return Some(Next::Answer(question));
        }
        if let Some(batch) = self.batches.pop_front() {
            self.lines -= batch.len();
            self.bytes -= batch.bytes;
            return Some(Next::Write(batch));
        }
        if self.is_closed {
            return Some(Next::Stop);
        }
        self.is_sync_due().then_some(Next::Sync)
    }

    fn has_next(&self) -> bool {
        let is_asked = !self.questions.is_empty() || !self.batches.is_empty();
        is_asked || self.is_closed || self.is_sync_due()
    }

    fn is_sync_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }

    /// The batch that a line goes to.
    fn last_batch(&mut self, draft: &Draft) -> &mut Batch {
        if !self.batches.back().is_some_and(|last| last.has_room_for(draft)) {
            self.batches.push_back(mem::take(&mut self.spare));
        }
        self.batches.back_mut().expect("there is one now")
    }
}

impl fmt::Debug for Queue {
    /// Without the lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::MAX_BATCH;
    use super::*;
    use serde_json::json;
    use std::sync::mpsc::sync_channel;

    /// With so many bytes of members, 6 at least.
    fn draft(bytes: usize) -> Draft {
        let draft = Draft::new("test", &json!({"a": "x".repeat(bytes - 6)})).unwrap();
        assert_eq!(draft.len(), bytes);
        draft
    }

    fn push(queue: &Queue, bytes: usize) -> Result<(), AuditError> {
        let draft = draft(bytes);
        let pushed = queue.push(&draft, Promise::Durable, Done::Call(Box::new(|_| ())));
        pushed.map_err(|(_, error)| error)
    }

    #[test]
    fn takes_as_many_lines_as_it_says() {
        let queue = Queue::default();
        (0..MAX_WAITING).for_each(|_| push(&queue, 10).unwrap());
        assert!(matches!(push(&queue, 10), Err(AuditError::Full)));
        assert!(matches!(queue.next(), Some(Next::Write(_))));
        push(&queue, 10).unwrap();
    }

    #[test]
    fn takes_as_many_bytes_as_it_says_and_hands_them_out_in_batches() {
        let queue = Queue::default();
        let line = 64 * 1024 - 512;
        let count = MAX_WAITING_BYTES / (64 * 1024);
        (0..count).for_each(|_| push(&queue, line).unwrap());
        assert!(matches!(push(&queue, 6), Err(AuditError::Full)));
        let mut handed = 0;
        while queue.len() > 0 {
            let Some(Next::Write(batch)) = queue.next() else { panic!("lines are left") };
            assert_eq!(batch.len(), MAX_BATCH / (64 * 1024));
            handed += batch.len();
        }
        assert_eq!(handed, count);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn a_new_file_comes_before_the_lines_and_the_end_after_them() {
        let queue = Queue::default();
        push(&queue, 6).unwrap();
        let (sender, receiver) = sync_channel(1);
        queue.ask(Question::Reopen(sender)).unwrap();
        queue.close();
        assert!(matches!(push(&queue, 6), Err(AuditError::Closed)));
        assert!(matches!(queue.next(), Some(Next::Answer(_))));
        assert!(receiver.recv().is_err());
        assert!(matches!(queue.next(), Some(Next::Write(batch)) if batch.len() == 1));
        assert!(matches!(queue.next(), Some(Next::Stop)));
    }
    #[test]
    fn a_sync_that_is_due_comes_when_nothing_else_is_to_be_done() {
        let queue = Queue::default();
        queue.owe_sync(Duration::ZERO);
        push(&queue, 6).unwrap();
        assert!(matches!(queue.next(), Some(Next::Write(_))) && queue.is_sync_due());
        assert!(matches!(queue.next(), Some(Next::Sync)));
        assert!(queue.take_sync() && !queue.take_sync());
        assert!(queue.next().is_none());
        let (lag, began) = (Duration::from_millis(20), Instant::now());
        queue.owe_sync(lag);
        queue.owe_sync(Duration::ZERO);
        queue.wait();
        assert!(began.elapsed() >= lag);
    }

    #[test]
    fn a_line_goes_first_only_when_nothing_else_is_to_be_done() {
        let queue = Queue::default();
        assert!(matches!(queue.time_of_next(), Some(Ok(_))));
        push(&queue, 6).unwrap();
        assert!(queue.time_of_next().is_none());
        queue.next();
        queue.owe_sync(Duration::ZERO);
        assert!(queue.time_of_next().is_none());
        queue.take_sync();
        assert!(matches!(queue.time_of_next(), Some(Ok(_))));
        queue.close();
        assert!(matches!(queue.time_of_next(), Some(Err(AuditError::Closed))));
    }
}
