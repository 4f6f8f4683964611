//! The thread that writes.
//!
//! Everything that waits is written at once and synced once, and then all who waited are answered: a single
//! line waits for one sync, and a thousand lines for one or two.

use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::chain::{AuditError, Chain, Storage};
use super::file::{LogFile, OpenError};
use super::line::{Head, OPENED, STARTED, STOPPED};
use super::log::Reopened;
use super::queue::{Line, Next, Queue};

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
        Self { chain, version: version.to_string(), shared }
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Writes until the queue is closed, and answers the last line's head.
    pub(super) fn run(mut self) -> Result<Head, AuditError> {
        let _abandoning = Abandoning(self.shared());
        loop {
            match self.shared.queue.next() {
                Next::Write(lines) => self.write(lines),
                Next::Reopen(asked) => {
                    let result = self.reopen();
                    self.shared.set_head(self.chain.head());
                    // Nobody is there any more to be told.
                    let _ = asked.send(result);
                }
                Next::Stop => {
                    let head = self.chain.commit_own(STOPPED, &self.version, 0)?;
                    self.shared.set_head(head);
                    return Ok(head);
                }
            }
        }
    }

    fn write(&mut self, lines: Vec<Line>) {
        let heads = self.chain.commit(lines.iter().map(Line::entry));
        self.shared.set_head(self.chain.head());
        for (number, line) in lines.into_iter().enumerate() {
            answer(line, heads.as_ref().map(|heads| heads[number]).map_err(AuditError::clone));
        }
    }

    fn reopen(&mut self) -> Result<Reopened, OpenError> {
        let Medium::File(file) = &self.chain.storage else { return Ok(Reopened::Unchanged) };
        let path = file.path().to_path_buf();
        let head = self.chain.head();
        if !file.is_in_place()? {
            self.chain = begin(LogFile::open(&path)?, Some(head), &self.version)?;
            return Ok(Reopened::NewFile);
        }
        match self.chain.failed() {
            None => Ok(Reopened::Unchanged),
            Some(AuditError::Changed) => {
                let file = file.try_clone()?;
                self.chain = begin(file, Some(head), &self.version)?;
                Ok(Reopened::Recovered)
            }
            Some(_) => Err(OpenError::Unsynced(path)),
        }
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
