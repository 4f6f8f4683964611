//! What is in the file, whether it is ours, and reading all records of it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::super::StoreError;
use super::super::index::{Index, SecretId};
use super::sqlite_error;
use crate::record::Record;
use crate::version::{Version, VersionSet};

/// "Sctr", by which a file is known to be ours.
const APPLICATION: i64 = 0x5363_7472;

/// The format of the tables below. It counts up when an older program could not go on with them.
const FORMAT: i64 = 1;

/// A deleted version's row stays, without a value: its number is never used again. `latest` is not written again after
/// the first version: rows with higher numbers say the rest, and a put has one page less to write. Notes come and go
/// within a fraction of a second, so there are but a few pages of them.
const TABLES: &str = "
    CREATE TABLE header (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE secrets (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        active INTEGER NOT NULL,
        latest INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE versions (
        secret INTEGER NOT NULL,
        version INTEGER NOT NULL,
        sealed BLOB,
        PRIMARY KEY (secret, version)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE notes (
        line INTEGER PRIMARY KEY,
        hash TEXT NOT NULL,
        event TEXT NOT NULL,
        entry TEXT NOT NULL
    ) STRICT;
";

/// Opens the file at `path` for writing, and makes the tables if it is empty.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(opening(path))?;
    // Before anything is changed: the file may be somebody else's.
    let application = pragma(&connection, "application_id").map_err(opening(path))?;
    let is_new = application == 0 && is_empty(&connection).map_err(opening(path))?;
    if !is_new {
        check(&connection, path, application)?;
    }
    configure(&connection).map_err(opening(path))?;
    if is_new {
        create(&mut connection).map_err(opening(path))?;
    }
    Ok(connection)
}

/// Opens the same file for reading.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(opening(path))
}

fn opening(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::Foreign(path.to_path_buf()),
        _ => sqlite_error("open")(error),
    }
}

fn check(connection: &Connection, path: &Path, application: i64) -> Result<(), StoreError> {
    if application != APPLICATION {
        return Err(StoreError::Foreign(path.to_path_buf()));
    }
    match pragma(connection, "user_version").map_err(opening(path))? {
        FORMAT => Ok(()),
        found => Err(StoreError::Format { path: path.to_path_buf(), found, known: FORMAT }),
    }
}

/// A commit is in the log, and the log on the disk, before it answers. The log is brought in by the thread that
/// writes, which sees its errors. What is deleted is overwritten. The two about full syncs are for macOS.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    for (name, value) in [
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("fullfsync", "ON"),
        ("checkpoint_fullfsync", "ON"),
        ("wal_autocheckpoint", "0"),
        ("secure_delete", "ON"),
        ("trusted_schema", "OFF"),
    ] {
        connection.pragma_update(None, name, value)?;
    }
    Ok(())
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema";
    connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map(|count| count == 0)
}

/// The number a pragma answers.
pub(super) fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// All records, and the highest number of a secret.
pub(super) struct Loaded {
    pub(super) index: Index,
    pub(super) last_id: i64,
}

/// Reads them. Of the values it reads at most the beginning, because SQLite keeps the rest on pages of their own.
pub(super) fn load(connection: &Connection) -> Result<Loaded, StoreError> {
    let failed = sqlite_error("read");
    let secrets = "SELECT id, name, active, latest FROM secrets ORDER BY id";
    let versions = "SELECT secret, version, sealed IS NULL FROM versions ORDER BY secret, version";
    let mut secrets = connection.prepare(secrets).map_err(&failed)?;
    let mut versions = connection.prepare(versions).map_err(&failed)?;
    let rows = versions.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let mut rows = Rows { rows: rows.map_err(&failed)?.peekable() };
    let mut loaded = Loaded { index: Index::default(), last_id: 0 };
    let found = secrets.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, u32>(2)?, row.get::<_, u32>(3)?))
    });
    for secret in found.map_err(&failed)? {
        let (id, name, active, latest) = secret.map_err(&failed)?;
        let (present, deleted) = rows.of(id).map_err(&failed)?;
        let record = restore(present, deleted, active, latest);
        let record = record.ok_or(StoreError::Damaged("the versions of a secret"))?;
        loaded.index.load(name, SecretId(id), record);
        loaded.last_id = id;
    }
    match rows.rows.next() {
        None => Ok(loaded),
        Some(_) => Err(StoreError::Damaged("a version of no secret")),
    }
}

fn restore(present: VersionSet, deleted: VersionSet, active: u32, latest: u32) -> Option<Record> {
    let highest = present.last().max(deleted.last())?;
    let latest = Version::new(latest)?.max(highest);
    Record::restore(present, deleted, Version::new(active)?, latest)
}

/// Rows of all versions, by secret: its number, the version's, and whether that is deleted.
struct Rows<I: Iterator> {
    rows: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = rusqlite::Result<(i64, u32, bool)>>> Rows<I> {
    /// The versions that `secret` has and had, the rows of which are the next ones if there are any.
    fn of(&mut self, secret: i64) -> rusqlite::Result<(VersionSet, VersionSet)> {
        let mut sets = (VersionSet::default(), VersionSet::default());
        let is_its_own = |row: &I::Item| row.as_ref().map_or(true, |row| row.0 == secret);
        while let Some(row) = self.rows.next_if(is_its_own) {
            let (_, version, is_deleted) = row?;
            // Zero is not stored; if it is, the secret lacks a version and is found to be damaged.
            if let Some(version) = Version::new(version) {
                let set = if is_deleted { &mut sets.1 } else { &mut sets.0 };
                set.insert(version);
            }
        }
        Ok(sets)
    }
}
