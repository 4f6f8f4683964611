//! The thread that writes, and who writes in its place.
//!
//! Everything that waits is written at once and synced once, and then all who waited are answered: a single
//! line waits for one sync, and a thousand lines for one or two. Whoever is content with a line being written is
//! answered before the sync; when nobody else waits there is none, until it is due. Such a line is written by its own
//! thread if nothing else is to be done, because going to another one and back takes longer than writing it.

use std::fmt;
use std::io::{self, Write};
use std::iter;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::batch::{Batch, Promise};
use super::chain::{AuditError, Chain, Entry, Storage};
use super::entry::Draft;
use super::file::{LogFile, OpenError};
use super::line::{Head, OPENED, STARTED, STOPPED};
use super::log::Reopened;
use super::queue::{Next, Question, Queue};

/// How long a line that was reported as written is without a sync at the most, if the disk is idle.
const LAG: Duration = Duration::from_millis(100);

/// What the thread and its users have in their hands.
pub(super) struct Shared {
    pub(super) queue: Queue,
    /// The last durable line.
    head: Mutex<Head>,
    /// Whoever has it writes. `None` when the log is closed. It is taken before the lock of the queue.
    writer: Mutex<Option<Writer>>,
}

impl Shared {
    pub(super) fn new(writer: Writer) -> Self {
        let head = Mutex::new(writer.chain.head());
        Self { queue: Queue::default(), head, writer: Mutex::new(Some(writer)) }
    }

    pub(super) fn head(&self) -> Head {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_head(&self, head: Head) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until the queue is closed, and answers the last line's head.
    pub(super) fn run(&self) -> Result<Head, AuditError> {
        let _abandoning = Abandoning(self);
        loop {
            self.queue.wait();
            // What comes next is taken with the right to write it, so that no line goes before an older one.
            let mut writer = self.writer();
            let writer = writer.as_mut().ok_or(AuditError::Closed)?;
            match self.queue.next() {
                Some(Next::Write(batch)) => writer.write(self, batch),
                Some(Next::Answer(question)) => writer.answer(self, question),
                // Who writes the next line is told of a failure.
                Some(Next::Sync) => _ = writer.sync(self),
                Some(Next::Stop) => return writer.stop(self),
                None => {}
            }
        }
    }

    /// Writes a line at once, without a sync, if nothing else is being written or waits for it.
    pub(super) fn try_write(&self, draft: &Draft) -> Option<Result<Head, AuditError>> {
        let mut writer = self.writer.try_lock().ok()?;
        let writer = writer.as_mut()?;
        let time = self.queue.time_of_next()?;
        Some(time.and_then(|time| writer.write_one(self, Entry { time, rest: draft.rest() })))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// What only one has at a time.
pub(super) struct Writer {
    chain: Chain<Medium>,
    version: String,
    /// Of the lines that are being written. Kept, because the next ones take as much.
    heads: Vec<Head>,
    /// Lines that were reported as written could not be synced, and may not be in the file any more.
    has_lost: bool,
}

impl Writer {
    /// Writes to the file at `path`, behind the lines it has.
    pub(super) fn open(path: &Path, version: &str) -> Result<Self, OpenError> {
        let file = LogFile::open(path)?;
        Ok(Self::new(begin(file, None, version)?, version))
    }

    /// Writes to `out`.
    pub(super) fn to_stream(out: Box<dyn Write + Send>, version: &str) -> Result<Self, AuditError> {
        let mut chain = Chain::new(Medium::Stream { out, len: 0 }, 0, Head::START);
        chain.commit_own(OPENED, version, 0)?;
        Ok(Self::new(chain, version))
    }

    fn new(chain: Chain<Medium>, version: &str) -> Self {
        Self { chain, version: version.to_string(), heads: Vec::new(), has_lost: false }
    }

    fn write(&mut self, shared: &Shared, mut batch: Batch) {
        match self.chain.write(batch.entries(), &mut self.heads) {
            Ok(()) => self.report(shared, &mut batch),
            Err(error) => batch.fail(&error),
        }
        shared.queue.reuse(batch);
    }

    /// Answers the lines that were written, those that have to be durable after a sync.
    fn report(&mut self, shared: &Shared, batch: &mut Batch) {
        if batch.has(Promise::Written) {
            shared.queue.owe_sync(LAG);
            batch.answer(Promise::Written, |place| Ok(self.heads[place]));
        }
        if batch.has(Promise::Durable) || self.is_stream() || shared.queue.is_sync_due() {
            let synced = self.sync(shared);
            let outcome = |place| synced.clone().map(|()| self.heads[place]);
            batch.answer(Promise::Durable, outcome);
        }
    }

    fn write_one(&mut self, shared: &Shared, entry: Entry<'_>) -> Result<Head, AuditError> {
        self.chain.write(iter::once(entry), &mut self.heads)?;
        let head = self.chain.head();
        if self.is_stream() {
            self.sync(shared)?;
        } else {
            shared.queue.owe_sync(LAG);
        }
        Ok(head)
    }

    /// A stream has no sync to be spared.
    fn is_stream(&self) -> bool {
        matches!(self.chain.storage, Medium::Stream { .. })
    }

    fn sync(&mut self, shared: &Shared) -> Result<(), AuditError> {
        let synced = self.chain.sync();
        self.has_lost |= shared.queue.take_sync() && synced.is_err();
        shared.set_head(self.chain.synced());
        synced
    }

    /// Nobody may be there any more to be told.
    fn answer(&mut self, shared: &Shared, question: Question) {
        match question {
            Question::Reopen(asked) => {
                let result = self.reopen(shared);
                shared.set_head(self.chain.synced());
                let _ = asked.send(result);
            }
            Question::Find(seq, asked) => _ = asked.send(self.find(seq)),
        }
    }

    fn stop(&mut self, shared: &Shared) -> Result<Head, AuditError> {
        let stopped = self.chain.commit_own(STOPPED, &self.version, 0);
        // Without room for that line there still are the ones before it.
        self.sync(shared)?;
        stopped
    }

    fn reopen(&mut self, shared: &Shared) -> Result<Reopened, OpenError> {
        let Medium::File(file) = &self.chain.storage else { return Ok(Reopened::Unchanged) };
        let path = file.path().to_path_buf();
        let is_in_place = file.is_in_place()?;
        let same = file.try_clone();
        if !is_in_place || self.chain.failed().is_some() {
            // Nobody comes back to the old file, or to what another program has left of it.
            let _ = self.sync(shared);
        }
        if self.has_lost {
            return Err(OpenError::Lost(path));
        }
        let head = self.chain.head();
        if !is_in_place {
            self.chain = begin(LogFile::open(&path)?, Some(head), &self.version)?;
            return Ok(Reopened::NewFile);
        }
        match self.chain.failed() {
            None => Ok(Reopened::Unchanged),
            Some(AuditError::Changed) => {
                self.chain = begin(same?, Some(head), &self.version)?;
                Ok(Reopened::Recovered)
            }
            Some(_) => Err(OpenError::Unsynced(path)),
        }
    }

    fn find(&mut self, seq: u64) -> Result<Option<Head>, OpenError> {
        let Medium::File(file) = &mut self.chain.storage else { return Ok(None) };
        let found = file.find(seq)?;
        // What could be gone tomorrow is not there.
        Ok(found.filter(|head| head.seq <= self.chain.synced().seq))
    }
}

/// Goes on in `file`: with its last line, which has to be `last` if that is known, or with a first one.
fn begin(mut file: LogFile, last: Option<Head>, version: &str) -> Result<Chain<Medium>, OpenError> {
    let path = file.path().to_path_buf();
    let end = file.find_end()?;
    let (event, head) = match (end.head, last) {
        (None, last) => (OPENED, last.unwrap_or(Head::START)),
        (Some(head), None) => (STARTED, head),
        (Some(head), Some(last)) if head == last => (STARTED, head),
        (Some(_), Some(_)) => return Err(OpenError::OtherChain(path)),
    };
    let mut chain = Chain::new(Medium::File(file), end.len, head);
    let begun = chain.commit_own(event, version, end.dropped);
    begun.map_err(|error| OpenError::first_line(&path, error))?;
    Ok(chain)
}

/// However the thread ends, nobody waits for it any more, and the file is another process's to open.
struct Abandoning<'a>(&'a Shared);

impl Drop for Abandoning<'_> {
    fn drop(&mut self) {
        let mut batches = self.0.queue.abandon();
        batches.iter_mut().for_each(|batch| batch.fail(&AuditError::Closed));
        drop(self.0.writer().take());
    }
}

/// Where the lines of a log go.
enum Medium {
    File(LogFile),
    Stream { out: Box<dyn Write + Send>, len: u64 },
}

impl Storage for Medium {
    fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => file.len(),
            Self::Stream { len, .. } => Ok(*len),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.append(bytes),
            Self::Stream { out, len } => {
                out.write_all(bytes)?;
                out.flush()?;
                *len += bytes.len() as u64;
                Ok(())
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync(),
            Self::Stream { .. } => Ok(()),
        }
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.cut(len),
            // What is sent is sent.
            Self::Stream { .. } => Ok(()),
        }
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.fmt(f),
            Self::Stream { .. } => f.write_str("Stream"),
        }
    }
}
