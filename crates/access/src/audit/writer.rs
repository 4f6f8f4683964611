//! The thread that writes.
//!
//! Everything that waits is written at once and synced once, and then all who waited are answered: a single
//! line waits for one sync, and a thousand lines for one or two. Whoever is content with a line being written is
//! answered before the sync; when nobody else waits there is none, until it is due.

use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::chain::{AuditError, Chain, Storage};
use super::file::{LogFile, OpenError};
use super::line::{Head, OPENED, STARTED, STOPPED};
use super::log::Reopened;
use super::queue::{Line, Next, Promise, Question, Queue};

/// How long a line that was reported as written is without a sync at the most, if the disk is idle.
const LAG: Duration = Duration::from_millis(100);

/// What the thread and its users have in their hands.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    head: Mutex<Head>,
}

impl Shared {
    pub(super) fn head(&self) -> Head {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_head(&self, head: Head) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }
}

/// What the thread alone has.
pub(super) struct Writer {
    chain: Chain<Medium>,
    version: String,
    shared: Arc<Shared>,
    /// When lines that were reported as written have to be synced. `None` when there is none that was not.
    due: Option<Instant>,
    /// Such lines could not be synced, and are not in the file any more.
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
        let head = Mutex::new(chain.head());
        let shared = Arc::new(Shared { queue: Queue::default(), head });
        Self { chain, version: version.to_string(), shared, due: None, has_lost: false }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Writes until the queue is closed, and answers the last line's head.
    pub(super) fn run(mut self) -> Result<Head, AuditError> {
        let _abandoning = Abandoning(self.shared());
        loop {
            match self.shared.queue.next(self.due) {
                Next::Write(lines) => self.write(lines),
                Next::Answer(question) => self.answer(question),
                // Who writes the next line is told of a failure.
                Next::Sync => _ = self.sync(),
                Next::Stop => return self.stop(),
            }
        }
    }

    fn write(&mut self, lines: Vec<Line>) {
        let heads = match self.chain.write(lines.iter().map(Line::entry)) {
            Ok(heads) => heads,
            Err(error) => {
                return lines.into_iter().for_each(|line| answer(line, Err(error.clone())));
            }
        };
        let lines = lines.into_iter().zip(heads);
        let (waiting, written): (Vec<_>, Vec<_>) =
            lines.partition(|(line, _)| line.promise == Promise::Durable);
        if !written.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + LAG);
        }
        // A stream has no sync to be spared.
        let is_stream = matches!(self.chain.storage, Medium::Stream { .. });
        let is_due = is_stream || self.due.is_some_and(|due| due <= Instant::now());
        written.into_iter().for_each(|(line, head)| answer(line, Ok(head)));
        if waiting.is_empty() && !is_due {
            return;
        }
        let synced = self.sync();
        for (line, head) in waiting {
            answer(line, synced.as_ref().map(|()| head).map_err(AuditError::clone));
        }
    }

    fn sync(&mut self) -> Result<(), AuditError> {
        let synced = self.chain.sync();
        self.has_lost |= synced.is_err() && self.due.is_some();
        self.due = None;
        self.shared.set_head(self.chain.synced());
        synced
    }

    /// Nobody may be there any more to be told.
    fn answer(&mut self, question: Question) {
        match question {
            Question::Reopen(asked) => {
                let result = self.reopen();
                self.shared.set_head(self.chain.synced());
                let _ = asked.send(result);
            }
            Question::Find(seq, asked) => _ = asked.send(self.find(seq)),
        }
    }

    fn stop(&mut self) -> Result<Head, AuditError> {
        let stopped = self.chain.commit_own(STOPPED, &self.version, 0);
        // Without room for that line there still are the ones before it.
        self.sync()?;
        stopped
    }

    fn reopen(&mut self) -> Result<Reopened, OpenError> {
        let Medium::File(file) = &self.chain.storage else { return Ok(Reopened::Unchanged) };
        let path = file.path().to_path_buf();
        let is_in_place = file.is_in_place()?;
        let same = file.try_clone();
        if !is_in_place {
            // Nobody comes back to the old file.
            let _ = self.sync();
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
                self.due = None;
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

/// Who panics here must not keep the others from their answers.
fn answer(line: Line, result: Result<Head, AuditError>) {
    let _ = panic::catch_unwind(AssertUnwindSafe(|| (line.done)(result)));
}

/// However the thread ends, nobody waits for it any more.
struct Abandoning(Arc<Shared>);

impl Drop for Abandoning {
    fn drop(&mut self) {
        let lines = self.0.queue.abandon();
        lines.into_iter().for_each(|line| answer(line, Err(AuditError::Closed)));
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
