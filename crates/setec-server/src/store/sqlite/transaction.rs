//! A transaction by statements that are prepared once. Those of the library are parsed each time, which takes as long as
//! what is between them.

use rusqlite::Connection;

use super::super::StoreError;
use super::sqlite_error;

/// A transaction that writes. Without [`Self::commit`] nothing of it is there.
pub(super) struct Transaction<'a>(&'a Connection);

impl<'a> Transaction<'a> {
    pub(super) fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        let begun = Self(connection);
        begun.run(|connection| execute(connection, "BEGIN IMMEDIATE"))?;
        Ok(begun)
    }

    /// Does something in it.
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        work(self.0).map_err(sqlite_error("write to"))
    }

    /// Returns when it is durable.
    pub(super) fn commit(self) -> Result<(), StoreError> {
        self.run(|connection| execute(connection, "COMMIT"))
    }
}

impl Drop for Transaction<'_> {
    /// A commit has ended it, and so have some errors.
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // If this fails the next transaction can't begin, and says so.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}
