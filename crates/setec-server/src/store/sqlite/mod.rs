//! A store in a file, for one machine.
//!
//! All records are in memory, because every operation needs one; sealed values are read from the file, and the ones
//! in use kept at hand. One connection writes: all changes that wait share a transaction and its sync, since eight
//! connections that write by themselves are slower than one. Each value is a row of its own, behind those that came
//! before, so that a put costs the same however many secrets and versions there are.
//!
//! The file belongs to one process, by a lock on a second file beside it: a program that only reads, such as a backup
//! by SQLite's own means, may look into it meanwhile.

mod file;
mod queue;
mod reader;
mod rows;
mod schema;
mod shared;
mod transaction;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use self::file::Lock;
use self::queue::Job;
use self::reader::Reader;
use self::shared::Shared;
use self::writer::{Work, Writer};
use super::index::Index;
use super::{Found, Note, Outcome, Store, StoreError};
use crate::record::{Change, Revision};
use crate::seal::{Header, Sealed};
use crate::version::Version;

/// A store in an SQLite file.
pub struct SqliteStore {
    index: Arc<Index>,
    reader: Reader,
    shared: Arc<Shared>,
    /// `None` once it is being closed.
    writing: Option<JoinHandle<()>>,
    /// The last to go: another process may not have the file before everything here is closed.
    _lock: Lock,
}

impl SqliteStore {
    /// Opens the store at `path`, or makes one there with mode 0600, and reads all records. The folder has to exist.
    ///
    /// # Errors
    ///
    /// [`StoreError`], also when the file is something else's, of another version of this program, or in use.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        file::create_if_absent(path)?;
        let connection = schema::open(path)?;
        file::sync_folder(path)?;
        let loaded = schema::load(&connection)?;
        let reader = Reader::new(path);
        let writer = Writer::new(connection, loaded, reader.values_at_hand())?;
        let index = writer.index();
        let shared = Arc::new(Shared::new(writer));
        let thread = Arc::clone(&shared);
        let writing = std::thread::Builder::new()
            .name("store".to_string())
            .spawn(move || thread.run())
            .map_err(file::io_error("start a thread for", path))?;
        Ok(Self { index, reader, shared, writing: Some(writing), _lock: lock })
    }

    async fn write(&self, work: Work) -> Result<Outcome, StoreError> {
        if let Some(result) = self.try_write(&work) {
            return result;
        }
        let (done, answer) = oneshot::channel();
        self.shared.queue.push(Job { work, done })?;
        answer.await.map_or(Err(StoreError::Closed), |(result, _)| result)
    }

    /// Writes in place, when that keeps nobody else: this thread may wait for the disk, and nobody waits already.
    fn try_write(&self, work: &Work) -> Option<Result<Outcome, StoreError>> {
        if !has_other_threads() {
            return None;
        }
        let alone = self.shared.try_alone()?;
        Some(block_in_place(|| alone.commit(work)))
    }
}

/// Whether this is a thread of a runtime that has others to do its tasks meanwhile.
fn has_other_threads() -> bool {
    let flavor = Handle::try_current().map(|runtime| runtime.runtime_flavor());
    matches!(flavor, Ok(RuntimeFlavor::MultiThread))
}

impl Store for SqliteStore {
    async fn names(&self) -> Result<Vec<Box<str>>, StoreError> {
        Ok(self.index.names())
    }

    async fn record(&self, name: &str) -> Result<Found, StoreError> {
        Ok(self.index.find(name))
    }

    /// Reads from the file in place when the value is not at hand: mostly a row takes microseconds, and handing the
    /// question, or this thread's other tasks, to another thread takes longer.
    async fn value(&self, name: &str, version: Version) -> Result<Option<Sealed>, StoreError> {
        let Some(place) = self.index.place(name, version) else { return Ok(None) };
        match self.reader.at_hand(place) {
            Some(sealed) => Ok(Some(sealed)),
            None if self.reader.is_slow() && has_other_threads() => {
                block_in_place(|| self.reader.value(place))
            }
            None => self.reader.value(place),
        }
    }

    async fn commit(
        &self,
        name: &str,
        change: Change,
        expected: Revision,
        note: Option<Note>,
    ) -> Result<Outcome, StoreError> {
        self.write(Work::Change { name: name.into(), change, expected, note }).await
    }

    async fn notes(&self) -> Result<Vec<Note>, StoreError> {
        self.reader.notes()
    }

    async fn forget_notes(&self, through: u64) -> Result<(), StoreError> {
        self.write(Work::Forget(through)).await.map(drop)
    }

    async fn header(&self) -> Result<Option<Header>, StoreError> {
        self.reader.header()
    }

    async fn replace_header(
        &self,
        expected: Option<&Header>,
        header: &Header,
    ) -> Result<Outcome, StoreError> {
        let work = Work::Header { expected: expected.cloned(), header: header.clone() };
        self.write(work).await
    }
}

impl Drop for SqliteStore {
    /// Waits for the changes that were handed in before.
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(writing) = self.writing.take() {
            // A panic there was reported where it happened, and answered to all who waited.
            let _ = writing.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

/// In our words, and the number of theirs.
fn sqlite_error(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error().map(|error| error.extended_code) {
        Some(rusqlite::ffi::SQLITE_FULL) => StoreError::Full,
        Some(
            code @ (rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC),
        ) => StoreError::Unsynced(code),
        Some(code) => StoreError::Sqlite { doing, code },
        None => StoreError::Damaged("a column has what no column of this program has"),
    }
}

#[cfg(test)]
mod tests;
