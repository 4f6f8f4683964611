//! What waits for the thread that writes: lines up to a limit, and who asks for a new file.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::chain::{AuditError, Entry};
use super::file::OpenError;
use super::line::Head;
use super::log::Reopened;

/// How many lines wait at the most.
pub const MAX_WAITING: usize = 4096;

/// How many bytes they have together at the most.
pub const MAX_WAITING_BYTES: usize = 16 << 20;

/// The most bytes that are written at once. What a crash leaves half done is in as many at the end.
pub(super) const MAX_BATCH: usize = 1 << 20;

/// What is called when a line is durable or failed.
pub(super) type Done = Box<dyn FnOnce(Result<Head, AuditError>) + Send>;

/// Who waits for a new file.
pub(super) type Reopening = SyncSender<Result<Reopened, OpenError>>;

/// A line that waits.
pub(super) struct Line {
    time: SystemTime,
    event: String,
    members: Vec<u8>,
    pub(super) done: Done,
}

impl Line {
    pub(super) fn entry(&self) -> Entry<'_> {
        Entry { time: self.time, event: &self.event, members: &self.members }
    }

    /// More than it has in the file, or here.
    fn bytes(&self) -> usize {
        self.members.len() + 512
    }
}

/// What the thread does next.
pub(super) enum Next {
    /// Writes these, and answers.
    Write(Vec<Line>),
    /// Opens the file anew, and answers.
    Reopen(Reopening),
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
    lines: VecDeque<Line>,
    bytes: usize,
    reopenings: VecDeque<Reopening>,
    is_closed: bool,
}

impl Queue {
    /// Has a line wait, unless too much does.
    pub(super) fn push(
        &self,
        event: &str,
        members: Vec<u8>,
        done: Done,
    ) -> Result<(), (Done, AuditError)> {
        let event = event.to_string();
        let mut waiting = self.lock();
        // Under the lock, so that times are in the order of the lines.
        let line = Line { time: SystemTime::now(), event, members, done };
        let bytes = waiting.bytes + line.bytes();
        if waiting.is_closed {
            return Err((line.done, AuditError::Closed));
        }
        if waiting.lines.len() >= MAX_WAITING || bytes > MAX_WAITING_BYTES {
            return Err((line.done, AuditError::Full));
        }
        waiting.bytes = bytes;
        waiting.lines.push_back(line);
        drop(waiting);
        self.ready.notify_one();
        Ok(())
    }

    /// Has a new file be opened, before the lines that wait.
    pub(super) fn push_reopening(&self, reopening: Reopening) -> Result<(), OpenError> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(OpenError::Closed);
        }
        waiting.reopenings.push_back(reopening);
        drop(waiting);
        self.ready.notify_one();
        Ok(())
    }

    /// Lets nothing more in.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.ready.notify_one();
    }

    /// How many lines wait.
    pub(super) fn len(&self) -> usize {
        self.lock().lines.len()
    }

    /// Waits for something to do.
    pub(super) fn next(&self) -> Next {
        let mut waiting = self.lock();
        loop {
            if let Some(reopening) = waiting.reopenings.pop_front() {
                return Next::Reopen(reopening);
            }
            if !waiting.lines.is_empty() {
                return Next::Write(waiting.batch());
            }
            if waiting.is_closed {
                return Next::Stop;
            }
            waiting = self.ready.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Everything that waits, when nobody does anything any more. Who waits for a new file is told by its
    /// end of the channel being gone.
    pub(super) fn abandon(&self) -> VecDeque<Line> {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.reopenings.clear();
        std::mem::take(&mut waiting.lines)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// As many lines as are written at once, one at least.
    fn batch(&mut self) -> Vec<Line> {
        let mut bytes = 0;
        let fits = |line: &Line| {
            bytes += line.bytes();
            bytes <= MAX_BATCH
        };
        let count = self.lines.iter().map(fits).take_while(|fits| *fits).count().max(1);
        let batch: Vec<Line> = self.lines.drain(..count).collect();
        self.bytes -= batch.iter().map(Line::bytes).sum::<usize>();
        batch
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
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn push(queue: &Queue, bytes: usize) -> Result<(), AuditError> {
        queue.push("test", vec![b'x'; bytes], Box::new(|_| ())).map_err(|(_, error)| error)
    }

    #[test]
    fn takes_as_many_lines_as_it_says() {
        let queue = Queue::default();
        (0..MAX_WAITING).for_each(|_| push(&queue, 10).unwrap());
        assert!(matches!(push(&queue, 10), Err(AuditError::Full)));
        assert!(matches!(queue.next(), Next::Write(_)));
        push(&queue, 10).unwrap();
    }

    #[test]
    fn takes_as_many_bytes_as_it_says_and_hands_them_out_in_batches() {
        let queue = Queue::default();
        let line = 64 * 1024 - 512;
        let count = MAX_WAITING_BYTES / (64 * 1024);
        (0..count).for_each(|_| push(&queue, line).unwrap());
        assert!(matches!(push(&queue, 1), Err(AuditError::Full)));
        let mut handed = 0;
        while queue.len() > 0 {
            let Next::Write(lines) = queue.next() else { panic!("lines are left") };
            assert_eq!(lines.len(), MAX_BATCH / (64 * 1024));
            handed += lines.len();
        }
        assert_eq!(handed, count);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn a_new_file_comes_before_the_lines_and_the_end_after_them() {
        let queue = Queue::default();
        push(&queue, 1).unwrap();
        let (sender, receiver) = sync_channel(1);
        queue.push_reopening(sender).unwrap();
        queue.close();
        assert!(matches!(push(&queue, 1), Err(AuditError::Closed)));
        assert!(matches!(queue.next(), Next::Reopen(_)));
        assert!(receiver.recv().is_err());
        assert!(matches!(queue.next(), Next::Write(lines) if lines.len() == 1));
        assert!(matches!(queue.next(), Next::Stop));
    }
}
