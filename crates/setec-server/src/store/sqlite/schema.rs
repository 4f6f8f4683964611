//! What is in the file, whether it is ours, and reading all records of it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

use super::super::StoreError;
use super::super::index::{Index, SecretId, Stored};
use super::super::places::{Place, Places};
use super::sqlite_error;
use crate::record::Record;
use crate::version::{Version, VersionSet};

/// "Sctr", by which a file is known to be ours.
const APPLICATION: i64 = 0x5363_7472;

/// The format of the tables below. It counts up when an older program could not go on with them.
const FORMAT: i64 = 1;

/// Versions are in the order in which they came, so that those of one commit share a page, however many secrets and
/// versions there are; where each is, is in memory. A deleted version's row stays, without a value: its number is never
/// used again. `latest` is not written again after the first version: rows with higher numbers say the rest, and a put
/// has one page less to write. Notes come and go within a fraction of a second, so there are but a few pages of them.
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
        place INTEGER PRIMARY KEY,
        secret INTEGER NOT NULL,
        version INTEGER NOT NULL,
        sealed BLOB
    ) STRICT;
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

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// Another number than before says that another connection has written, or has brought in the log, which changes nothing.
pub(super) fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
}

/// All records, and the highest numbers of a secret and of a place.
pub(super) struct Loaded {
    pub(super) index: Index,
    pub(super) last_id: i64,
    pub(super) last_place: i64,
}

/// Reads them. Of the values it reads at most the beginning, because SQLite keeps the rest on pages of their own.
pub(super) fn load(connection: &Connection) -> Result<Loaded, StoreError> {
    let failed = sqlite_error("read");
    let mut secrets = read_secrets(connection).map_err(&failed)?;
    let last_place = read_versions(connection, &mut secrets)?;
    let last_id = secrets.last().map_or(0, |secret| secret.id.0);
    // In place, without a second list of as many.
    let mut is_damaged = false;
    let restored = secrets.into_iter().map_while(|secret| {
        let restored = secret.restore();
        is_damaged |= restored.is_none();
        restored
    });
    let index = Index::of(restored);
    if is_damaged {
        return Err(StoreError::Damaged("the versions of a secret"));
    }
    Ok(Loaded { index, last_id, last_place })
}

/// A secret on its way into memory.
struct Secret {
    id: SecretId,
    name: Box<str>,
    active: u32,
    latest: u32,
    present: VersionSet,
    deleted: VersionSet,
    places: Places,
}

/// All secrets without their versions, ascending by their numbers.
fn read_secrets(connection: &Connection) -> rusqlite::Result<Vec<Secret>> {
    let count = "SELECT count(*) FROM secrets";
    let count: i64 = connection.query_row(count, [], |row| row.get(0))?;
    // A list that grows would leave holes behind for as long as the process lives.
    let mut secrets = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let statement = "SELECT id, name, active, latest FROM secrets ORDER BY id";
    let mut statement = connection.prepare(statement)?;
    let rows = statement.query_map([], |row| {
        Ok(Secret {
            id: SecretId(row.get(0)?),
            name: row.get(1)?,
            active: row.get(2)?,
            latest: row.get(3)?,
            present: VersionSet::default(),
            deleted: VersionSet::default(),
            places: Places::default(),
        })
    })?;
    for secret in rows {
        secrets.push(secret?);
    }
    Ok(secrets)
}

/// Gives each version to its secret, and answers the last place.
fn read_versions(connection: &Connection, secrets: &mut [Secret]) -> Result<i64, StoreError> {
    let failed = sqlite_error("read");
    let statement = "SELECT place, secret, version, sealed IS NULL FROM versions ORDER BY place";
    let mut statement = connection.prepare(statement).map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    let mut last = 0;
    while let Some(row) = rows.next().map_err(&failed)? {
        let (place, id, version, is_deleted) = version_of(row).map_err(&failed)?;
        let found = secrets.binary_search_by_key(&id, |secret| secret.id);
        let found = found.map_err(|_| StoreError::Damaged("a version of no secret"))?;
        let version = Version::new(version);
        let is_another = version.is_some_and(|it| secrets[found].add(it, place, is_deleted));
        is_another.then_some(()).ok_or(StoreError::Damaged("the versions of a secret"))?;
        last = place.0;
    }
    Ok(last)
}

fn version_of(row: &Row<'_>) -> rusqlite::Result<(Place, SecretId, u32, bool)> {
    Ok((Place(row.get(0)?), SecretId(row.get(1)?), row.get(2)?, row.get(3)?))
}

impl Secret {
    /// `false` when it has that version already.
    fn add(&mut self, version: Version, place: Place, is_deleted: bool) -> bool {
        let set = if is_deleted { &mut self.deleted } else { &mut self.present };
        set.insert(version);
        self.places.insert(version, place)
    }

    /// `None` when its versions are not those of a secret.
    fn restore(self) -> Option<(Box<str>, Stored)> {
        let highest = self.present.last().max(self.deleted.last())?;
        let latest = Version::new(self.latest)?.max(highest);
        let active = Version::new(self.active)?;
        let record = Record::restore(self.present, self.deleted, active, latest)?;
        Some((self.name, Stored { id: self.id, record, places: self.places }))
    }
}
