//! Where sealed values are: compare, and commit.
//!
//! A store knows no rule and no key. It hands out records and sealed values, and carries out one [`Change`] of one
//! secret at a time, if the secret's record is still the one the change was computed from. So a backend is one
//! transaction, and the rules are tested without any.
//!
//! | module | |
//! |---|---|
//! | [`MemoryStore`] | for tests, and for trying things out |
//! | [`SqliteStore`] | one machine: a file |

mod any;
mod index;
mod memory;
mod note;
mod places;
mod sqlite;
#[cfg(test)]
mod suite;

use std::path::PathBuf;
use std::sync::Arc;

use crate::record::{Change, Record, Revision};
use crate::seal::{Header, Sealed};
use crate::version::Version;

pub use any::AnyStore;
pub use memory::MemoryStore;
pub use note::Note;
pub use sqlite::SqliteStore;

/// A place for records and sealed values, which may be another system: it can be slow, and can fail, and in bounded
/// time it does one or the other.
///
/// What a commit has changed is durable when it answers, and no reader sees it before it is. Names are any text,
/// the empty one and those with a zero byte included, and are the same only if their bytes are.
///
/// It has more methods than is the rule here for a trait. Two are the header's: the wrapped data keys belong beside
/// what they seal, or a restored backup would not open. Two are about notes, which have to be durable with a change.
pub trait Store: Send + Sync + 'static {
    /// The names of all secrets, in the order of their bytes.
    fn names(&self) -> impl Future<Output = Result<Vec<Box<str>>, StoreError>> + Send;

    /// What is known of a secret, which may be that there is none.
    fn record(&self, name: &str) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// One value. `None` when it is not there, which may have come about since the record was looked up.
    fn value(
        &self,
        name: &str,
        version: Version,
    ) -> impl Future<Output = Result<Option<Sealed>, StoreError>> + Send;

    /// Does all of `change` to the secret if it still has the revision `expected`, and nothing otherwise. With the
    /// change it stores `note`, unless the note's line is durable, and drops those of lines that are.
    ///
    /// An error means that nothing was done, unless it is [`StoreError::Unsynced`]. If the future is dropped the
    /// change may be carried out all the same.
    fn commit(
        &self,
        name: &str,
        change: Change,
        expected: Revision,
        note: Option<Note>,
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;

    /// The notes that are there, in the order of their lines.
    fn notes(&self) -> impl Future<Output = Result<Vec<Note>, StoreError>> + Send;

    /// Drops the notes of lines up to the number `through`.
    fn forget_notes(&self, through: u64) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The store's name and wrapped data keys. `None` before the first.
    fn header(&self) -> impl Future<Output = Result<Option<Header>, StoreError>> + Send;

    /// Stores another header, if the one there is still is `expected`.
    fn replace_header(
        &self,
        expected: Option<&Header>,
        header: &Header,
    ) -> impl Future<Output = Result<Outcome, StoreError>> + Send;
}

/// A secret's record, and the revision to name when it is to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `None` when there is no such secret.
    pub record: Option<Record>,
    /// [`Revision::ABSENT`] when there is no such secret.
    pub revision: Revision,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a conflict has changed nothing"]
pub enum Outcome {
    /// It is done, and durable.
    Committed,
    /// The secret has another revision. Nothing was done.
    Conflict,
}

/// Why a store can't be opened, read or written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A system call failed.
    #[error("cannot {doing} {}: {error}", path.display())]
    Io {
        /// Create, open, lock, or sync the folder of.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        error: Arc<std::io::Error>,
    },
    /// Another process has it.
    #[error("the store {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A folder, a pipe, a device, a symbolic link.
    #[error("the store {} is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// A file of something else.
    #[error("{} is no store of this program", .0.display())]
    Foreign(PathBuf),
    /// A file of another version of this program.
    #[error("the store {} has format {found}, and this program knows format {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format this program has.
        known: i64,
    },
    /// What is in it contradicts itself.
    #[error("the store is damaged: {0}")]
    Damaged(&'static str),
    /// No room is left. Later there may be.
    #[error("the disk of the store is full")]
    Full,
    /// SQLite failed. Nothing was changed.
    #[error("cannot {doing} the store: SQLite's error {code}")]
    Sqlite {
        /// Open, read, write to.
        doing: &'static str,
        /// One of <https://sqlite.org/rescode.html>.
        code: i32,
    },
    /// The disk failed while a change was written. Whether it is there after a restart is not known, so no later
    /// change is taken until the store was opened anew.
    #[error(
        "the disk of the store failed (SQLite's error {0}), and the store has to be opened anew"
    )]
    Unsynced(i32),
    /// Another program has written to it. No later change is taken until the store was opened anew.
    #[error("another program has written to the store, and the store has to be opened anew")]
    Changed,
    /// It is closed.
    #[error("the store is closed")]
    Closed,
}
