//! A log as its users have it in their hands.

use std::io::Write;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, ThreadId};

use serde::Serialize;

use super::answer::{Answer, Done, Outcome};
use super::batch::Promise;
use super::chain::AuditError;
use super::entry::Draft;
use super::file::OpenError;
use super::line::Head;
use super::queue::Question;
use super::writer::{Shared, Writer};

/// A log that is being written. Dropping it closes it.
#[derive(Debug)]
pub struct AuditLog {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<Result<Head, AuditError>>>>,
    id: ThreadId,
}

/// What [`AuditLog::reopen`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reopened {
    /// The file was not renamed, or there is none.
    Unchanged,
    /// Lines go to a new file.
    NewFile,
    /// Lines go to the same file again, which another program had changed.
    Recovered,
}

impl AuditLog {
    /// Opens the log at `path`, or makes it with mode 0600, for the program of this `version`. The line that
    /// says so is durable then.
    ///
    /// # Errors
    ///
    /// When the file can't be written, is in use, or its end is not as a program left it.
    pub fn open(path: &Path, version: &str) -> Result<Self, OpenError> {
        let writer = Writer::open(path, version)?;
        Self::start(writer).map_err(|error| OpenError::first_line(path, error))
    }

    /// A log to a stream, for instance standard error, of which something else takes care. It is flushed and
    /// not synced, and begins a new chain. A line of which a part was written stays so.
    ///
    /// # Errors
    ///
    /// When its first line can't be written.
    pub fn to_writer(out: Box<dyn Write + Send>, version: &str) -> Result<Self, AuditError> {
        Self::start(Writer::to_stream(out, version)?)
    }

    fn start(writer: Writer) -> Result<Self, AuditError> {
        let shared = Arc::new(Shared::new(writer));
        let writing = Arc::clone(&shared);
        let thread = thread::Builder::new().name("audit".to_string()).spawn(move || writing.run());
        let thread = thread.map_err(|error| AuditError::Write(Arc::new(error)))?;
        let id = thread.thread().id();
        Ok(Self { shared, thread: Mutex::new(Some(thread)), id })
    }

    /// Writes `entry`, which is a JSON object of any members but ours, as a line about `event`. Calls
    /// `done` once, when the line is durable or has failed: by the thread that writes, which it must not
    /// keep, or by this one when the line can't even wait.
    pub fn append(
        &self,
        event: &str,
        entry: &impl Serialize,
        done: impl FnOnce(Outcome) + Send + 'static,
    ) {
        match Draft::new(event, entry) {
            Ok(draft) => self.push(&draft, Promise::Durable, Done::Call(Box::new(done))),
            Err(unfit) => done(Err(unfit.into())),
        }
    }

    /// The same, but `done` is called once the line is in the file, before it is synced: for whoever has another
    /// durable place for what is needed to write it again, until [`Self::synced`] has reached its number. It is
    /// synced with the next line that is waited for, by [`Self::reopen`] and [`Self::close`], or a tenth of a second
    /// later. The most bytes it has are 64 less than those of other lines. If nothing else is being written it is
    /// written in place, which takes microseconds, and `done` is called by this thread.
    ///
    /// A machine that stops in between can lose it, and with it all lines behind it; so can a failed sync, after which
    /// the log fails and can't be reopened. [`Self::find`] then says what is there, when the log was opened again.
    pub fn append_written(
        &self,
        event: &str,
        entry: &impl Serialize,
        done: impl FnOnce(Outcome) + Send + 'static,
    ) {
        let draft = match Draft::new(event, entry) {
            Ok(draft) => draft,
            Err(unfit) => return done(Err(unfit.into())),
        };
        match self.write_in_place(&draft) {
            Some(outcome) => done(outcome),
            None => self.push(&draft, Promise::Written, Done::Call(Box::new(done))),
        }
    }

    /// What [`Self::append`] does, for a future to wait for. The line is on its way when this returns.
    pub fn appending(&self, event: &str, entry: &impl Serialize) -> Answer {
        match Draft::new(event, entry) {
            Ok(draft) => self.wait_for(&draft, Promise::Durable),
            Err(unfit) => Answer::ready(Err(unfit.into())),
        }
    }

    /// What [`Self::append_written`] does, for a future to wait for, which most often is ready at once.
    pub fn writing(&self, draft: &Draft) -> Answer {
        match self.write_in_place(draft) {
            Some(outcome) => Answer::ready(outcome),
            None => self.wait_for(draft, Promise::Written),
        }
    }

    fn wait_for(&self, draft: &Draft, promise: Promise) -> Answer {
        let (teller, answer) = Answer::waiting();
        self.push(draft, promise, Done::Tell(teller));
        answer
    }

    /// `None` when the line has to wait.
    fn write_in_place(&self, draft: &Draft) -> Option<Outcome> {
        match draft.fits(Promise::Written) {
            Ok(()) => self.shared.try_write(draft),
            Err(unfit) => Some(Err(unfit.into())),
        }
    }

    fn push(&self, draft: &Draft, promise: Promise, done: Done) {
        if let Err((done, error)) = self.shared.queue.push(draft, promise, done) {
            done.tell(Err(error));
        }
    }

    /// The same, and waits for it; in a `done` that would be for ever.
    ///
    /// # Errors
    ///
    /// When it is not known that the line is durable.
    pub fn append_and_wait(&self, event: &str, entry: &impl Serialize) -> Result<Head, AuditError> {
        let (sender, receiver) = sync_channel(1);
        self.append(event, entry, move |result| drop(sender.send(result)));
        receiver.recv().unwrap_or(Err(AuditError::Closed))
    }

    /// Goes on in a new file, if the old one was renamed, which is synced before; waits for that, as [`Self::append_and_wait`] does.
    ///
    /// # Errors
    ///
    /// When there can't be a new file. Lines go on to the old one then.
    pub fn reopen(&self) -> Result<Reopened, OpenError> {
        let (sender, receiver) = sync_channel(1);
        self.shared.queue.ask(Question::Reopen(sender))?;
        receiver.recv().unwrap_or(Err(OpenError::Closed))
    }

    /// The durable line with the number `seq`, if the file has it and it is unchanged. A stream has none. Reads a few
    /// pieces of the file, and waits for that.
    ///
    /// # Errors
    ///
    /// When the file can't be read.
    pub fn find(&self, seq: u64) -> Result<Option<Head>, OpenError> {
        let (sender, receiver) = sync_channel(1);
        self.shared.queue.ask(Question::Find(seq, sender))?;
        receiver.recv().unwrap_or(Err(OpenError::Closed))
    }

    /// The last durable line.
    pub fn head(&self) -> Head {
        self.shared.head()
    }

    /// The number of the last durable line. All lines up to it are.
    pub fn synced(&self) -> u64 {
        self.head().seq
    }

    /// How many lines wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// Takes no more lines, waits for those that it has, and writes that it is the end.
    ///
    /// # Errors
    ///
    /// When that can't be written, or the log was closed before.
    pub fn close(&self) -> Result<Head, AuditError> {
        self.shared.queue.close();
        // The thread would wait for itself if the last owner of a log is in a `done`.
        if thread::current().id() == self.id {
            return Err(AuditError::Closed);
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = thread.ok_or(AuditError::Closed)?.join();
        ended.unwrap_or(Err(AuditError::Closed))
    }
}

impl Drop for AuditLog {
    fn drop(&mut self) {
        // Who wants to know calls `close` before.
        let _ = self.close();
    }
}
