//! One transaction after the other, each of all that is to be written by now, with one sync. If it fails nothing of it
//! is there.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

use rusqlite::Connection;

use super::super::index::{Done, Index, SecretId};
use super::super::places::Place;
use super::super::{Note, Outcome, StoreError};
use super::reader::AtHand;
use super::rows::{forget_notes, replace_header, write_change, write_note};
use super::transaction::Transaction;
use super::{schema, sqlite_error};
use crate::record::{Change, Revision, Standing};
use crate::seal::Header;

/// After about so many bytes SQLite's log is brought into the database, while nobody waits for an answer.
const MAX_LOG: usize = 4 << 20;

/// What any transaction adds to the log, about: the last page of values, and the last one of notes.
const TRANSACTION: usize = 8 << 10;

/// What a value adds beside itself: the rest of its row, and a note. Those of one transaction share pages.
const ROW: usize = 1 << 10;

/// What other changes add, about: pages anywhere.
const CHANGE: usize = 12 << 10;

pub(super) enum Work {
    Change {
        name: Box<str>,
        change: Change,
        expected: Revision,
        note: Option<Note>,
    },
    Header {
        expected: Option<Header>,
        header: Header,
    },
    /// Drops notes of lines up to this number.
    Forget(u64),
}

impl Work {
    /// About what it adds to SQLite's log.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Change { change: Change::Add(addition, sealed), expected, .. } => {
                let is_row =
                    *expected != Revision::ABSENT && addition.standing() == Standing::Inactive;
                sealed.as_bytes().len() + if is_row { ROW } else { CHANGE }
            }
            _ => CHANGE,
        }
    }
}

/// What only one has at a time.
pub(super) struct Writer {
    connection: Connection,
    index: Arc<Index>,
    /// Values that were just written are the ones that are read next, and from the file that takes longer than all the
    /// rest of a put.
    at_hand: Arc<AtHand>,
    last_id: i64,
    last_place: i64,
    data_version: i64,
    /// Notes of lines up to this number were dropped already.
    synced: u64,
    /// How much is in SQLite's log, about.
    log: usize,
    /// How many changes the last transaction had.
    last_batch: usize,
    /// Why no change is taken any more.
    failed: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        loaded: schema::Loaded,
        at_hand: Arc<AtHand>,
    ) -> Result<Self, StoreError> {
        let data_version = schema::data_version(&connection).map_err(sqlite_error("read"))?;
        Ok(Self {
            log: log_of(&connection),
            connection,
            index: Arc::new(loaded.index),
            at_hand,
            last_id: loaded.last_id,
            last_place: loaded.last_place,
            data_version,
            synced: 0,
            last_batch: 0,
            failed: None,
        })
    }

    pub(super) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index)
    }

    /// Writes all of `batch`, and says of each whether it still fitted; or writes nothing.
    pub(super) fn commit(&mut self, batch: &[Work]) -> Result<Vec<Outcome>, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let committed = self.try_commit(batch);
        if let Err(error @ (StoreError::Unsynced(_) | StoreError::Changed)) = &committed {
            self.failed = Some(error.clone());
        }
        committed
    }

    fn try_commit(&mut self, batch: &[Work]) -> Result<Vec<Outcome>, StoreError> {
        self.last_batch = batch.len();
        let transaction = Transaction::begin(&self.connection)?;
        // From here on nobody else can write.
        let data_version = transaction.run(schema::data_version)?;
        if data_version != self.data_version
            && !self.index.is_same_as(&schema::load(&self.connection)?.index)
        {
            return Err(StoreError::Changed);
        }
        self.data_version = data_version;
        let mut batched = Batched {
            index: &self.index,
            last_id: self.last_id,
            last_place: self.last_place,
            changed: Vec::with_capacity(batch.len()),
            names: HashSet::new(),
            synced: self.synced,
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        for work in batch {
            outcomes.push(transaction.run(|connection| batched.write(connection, work))?);
        }
        let Batched { last_id, last_place, changed, synced, .. } = batched;
        if synced > self.synced {
            transaction.run(|connection| forget_notes(connection, synced))?;
        }
        transaction.commit()?;
        (self.last_id, self.last_place, self.synced) = (last_id, last_place, synced);
        for done in &changed {
            if let (Change::Add(_, sealed), Some(place)) = (done.change, done.place) {
                self.at_hand.insert(place, sealed.clone());
            }
        }
        self.index.apply(changed);
        let added: usize = batch.iter().map(Work::bytes).sum();
        self.log = self.log.saturating_add(TRANSACTION + added);
        Ok(outcomes)
    }

    /// Whether the last transaction was of one change, or there was none.
    pub(super) fn was_alone(&self) -> bool {
        self.last_batch <= 1
    }

    /// Whether SQLite's log is large enough to be brought in.
    pub(super) fn has_log(&self) -> bool {
        self.log >= MAX_LOG && self.failed.is_none()
    }

    /// SQLite would do it inside a commit, and keep its errors to itself: a sync of the database that fails once
    /// and succeeds later says nothing, and the log would be begun anew all the same.
    pub(super) fn bring_in_log(&mut self) {
        if !self.has_log() {
            return;
        }
        let brought = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        match brought.map_err(sqlite_error("write to")) {
            // A full disk keeps the log, and room may come.
            Ok(()) | Err(StoreError::Full) => self.log = 0,
            Err(StoreError::Sqlite { code, .. }) => self.failed = Some(StoreError::Unsynced(code)),
            Err(error) => self.failed = Some(error),
        }
    }
}

/// How large SQLite's log is. A process that was killed leaves it, and it would grow without an end if each of many had
/// brought it in only by its own changes.
fn log_of(connection: &Connection) -> usize {
    let log = connection.path().and_then(|path| fs::metadata(format!("{path}-wal")).ok());
    log.map_or(0, |log| usize::try_from(log.len()).unwrap_or(usize::MAX))
}

/// What a transaction has so far.
struct Batched<'a> {
    index: &'a Index,
    last_id: i64,
    last_place: i64,
    /// What the index is told when the transaction is durable.
    changed: Vec<Done<'a>>,
    names: HashSet<&'a str>,
    /// The highest of the numbers that notes are dropped up to.
    synced: u64,
}

impl<'a> Batched<'a> {
    fn write(&mut self, connection: &Connection, work: &'a Work) -> rusqlite::Result<Outcome> {
        match work {
            Work::Change { name, change, expected, note } => {
                let outcome = self.change(connection, name, change, *expected)?;
                if let (Outcome::Committed, Some(note)) = (outcome, note) {
                    write_note(connection, note)?;
                    self.synced = self.synced.max(note.synced);
                }
                Ok(outcome)
            }
            Work::Header { expected, header } => {
                replace_header(connection, expected.as_ref(), header)
            }
            Work::Forget(through) => {
                forget_notes(connection, *through).map(|()| Outcome::Committed)
            }
        }
    }

    fn change(
        &mut self,
        connection: &Connection,
        name: &'a str,
        change: &'a Change,
        expected: Revision,
    ) -> rusqlite::Result<Outcome> {
        let (id, revision) = self.index.revision(name);
        // A second change of the secret in this batch was computed from what the first has changed.
        if revision != expected || self.names.contains(name) {
            return Ok(Outcome::Conflict);
        }
        let id = match id {
            Some(id) => id,
            None => self.next_id(),
        };
        let place = matches!(change, Change::Add(..)).then(|| self.next_place());
        let done = Done { name, id, change, place };
        write_change(connection, self.index, expected, done)?;
        self.names.insert(name);
        self.changed.push(done);
        Ok(Outcome::Committed)
    }

    fn next_id(&mut self) -> SecretId {
        self.last_id += 1;
        SecretId(self.last_id)
    }

    fn next_place(&mut self) -> Place {
        self.last_place += 1;
        Place(self.last_place)
    }
}
