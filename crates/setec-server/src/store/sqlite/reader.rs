//! Reading values: those in use are at hand, the others in the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rusqlite::{Connection, OptionalExtension, Row};
use secretary_access::audit::Head;

use super::super::places::Place;
use super::super::{Note, StoreError};
use super::{schema, sqlite_error};
use crate::seal::{Header, Sealed};

/// How many bytes of sealed values are kept at hand.
const AT_HAND: u64 = 16 << 20;

/// The size of most values, for the cache to guess how many there will be.
const TYPICAL: u64 = 256;

/// How long a value takes that the system has in memory, at the most.
const QUICK: Duration = Duration::from_micros(500);

/// How many connections are kept for later. More are opened when more are in use.
const IDLE: usize = 4;

/// Sealed values that are at hand.
pub(super) type AtHand = Cache<Place, Sealed, Bytes>;

/// Reads values by connections that only read, so that none waits for a commit.
pub(super) struct Reader {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    at_hand: Arc<AtHand>,
    /// Whether the last value came from the disk.
    is_slow: AtomicBool,
}

/// Weighs values by their bytes.
#[derive(Clone, Copy)]
pub(super) struct Bytes;

impl Weighter<Place, Sealed> for Bytes {
    fn weight(&self, _: &Place, sealed: &Sealed) -> u64 {
        sealed.as_bytes().len() as u64 + 64
    }
}

impl Reader {
    pub(super) fn new(path: &Path) -> Self {
        let at_hand = Cache::with_weighter((AT_HAND / TYPICAL) as usize, AT_HAND, Bytes);
        Self {
            path: path.to_path_buf(),
            idle: Mutex::default(),
            at_hand: Arc::new(at_hand),
            is_slow: AtomicBool::new(false),
        }
    }

    /// For the thread that writes: who puts the next version compares it with the one before.
    pub(super) fn values_at_hand(&self) -> Arc<AtHand> {
        Arc::clone(&self.at_hand)
    }

    /// A value, if it is at hand.
    pub(super) fn at_hand(&self, place: Place) -> Option<Sealed> {
        self.at_hand.get(&place)
    }

    /// Whether the next value probably takes so long that others should not have to wait for it.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Relaxed)
    }

    /// A value from the file, which is at hand afterwards.
    pub(super) fn value(&self, place: Place) -> Result<Option<Sealed>, StoreError> {
        let start = Instant::now();
        let value = self.value_of_row(place);
        self.is_slow.store(start.elapsed() > QUICK, Ordering::Relaxed);
        value
    }

    fn value_of_row(&self, place: Place) -> Result<Option<Sealed>, StoreError> {
        let sealed =
            self.read("SELECT sealed FROM versions WHERE place = ?1", [place.0], |row| {
                // None for a version that is deleted meanwhile, whose row stays.
                let bytes = row.get_ref(0)?.as_blob_or_null()?;
                Ok(bytes.map(Sealed::from))
            })?;
        let sealed = sealed.flatten();
        if let Some(sealed) = &sealed {
            self.at_hand.insert(place, sealed.clone());
        }
        Ok(sealed)
    }

    pub(super) fn header(&self) -> Result<Option<Header>, StoreError> {
        let body = self.read("SELECT body FROM header", (), |row| row.get::<_, String>(0))?;
        let header = body.map(|body| Header::parse(&body)).transpose();
        header.map_err(|_| StoreError::Damaged("its header"))
    }

    pub(super) fn notes(&self) -> Result<Vec<Note>, StoreError> {
        let statement = "SELECT line, hash, event, entry FROM notes ORDER BY line";
        let rows = self.with_connection(|connection| {
            let mut statement = connection.prepare_cached(statement)?;
            let rows = statement.query_map((), |row| {
                Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
            });
            rows?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        let note = |(seq, hash, event, entry): (i64, String, _, _)| {
            let seq = u64::try_from(seq).ok()?;
            let line = Head { seq, hash: hash.parse().ok()? };
            Some(Note { line, event, entry, synced: 0 })
        };
        let notes = rows.into_iter().map(note).collect::<Option<_>>();
        notes.ok_or(StoreError::Damaged("a note of an audit line"))
    }

    fn read<T>(
        &self,
        statement: &str,
        parameters: impl rusqlite::Params,
        of: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.with_connection(|connection| {
            connection.prepare_cached(statement)?.query_row(parameters, of).optional()
        })
    }

    fn with_connection<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| schema::open_to_read(&self.path), Ok)?;
        let found = read(&connection).map_err(sqlite_error("read"))?;
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(found)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
