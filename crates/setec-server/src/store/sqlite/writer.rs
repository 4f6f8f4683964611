//! The thread that writes.
//!
//! Everything that waits goes into one transaction, with one sync, and then each caller gets its own answer. If the
//! transaction fails all of them get its error, and nothing of it is there.

use std::collections::HashSet;
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::super::index::{Index, SecretId};
use super::super::{Note, Outcome, StoreError};
use super::reader::AtHand;
use super::{schema, sqlite_error};
use crate::record::{Change, Revision, Standing};
use crate::seal::Header;

/// How many changes share a transaction at the most, so that no caller waits for too many others.
const MAX_BATCH: usize = 256;

/// And how many bytes of values.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// After about so many bytes SQLite's log is brought into the database, while nobody waits for an answer.
const MAX_LOG: usize = 4 << 20;

/// About what a change adds to the log, beside its value: two pages, and one of notes.
const CHANGE: usize = 12 << 10;

/// Something to write, and who waits for it.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) done: oneshot::Sender<Result<Outcome, StoreError>>,
}

pub(super) enum Work {
    Change {
        name: Arc<str>,
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
    fn bytes(&self) -> usize {
        match self {
            Self::Change { change: Change::Add(_, sealed), .. } => CHANGE + sealed.as_bytes().len(),
            _ => CHANGE,
        }
    }
}

pub(super) struct Writer {
    connection: Connection,
    index: Arc<Index>,
    /// Values that were just written are the ones that are read next, and from the file that takes longer than all the
    /// rest of a put.
    at_hand: Arc<AtHand>,
    last_id: i64,
    /// Another number than before says that another connection has written, or has brought in the log, which changes
    /// nothing.
    data_version: i64,
    /// Notes of lines up to this number were dropped already.
    synced: u64,
    /// How much is in SQLite's log, about.
    log: usize,
    /// Why no change is taken any more.
    failed: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        index: Arc<Index>,
        at_hand: Arc<AtHand>,
        last_id: i64,
    ) -> Result<Self, StoreError> {
        let data_version =
            schema::pragma(&connection, "data_version").map_err(sqlite_error("read"))?;
        let (synced, log, failed) = (0, log_of(&connection), None);
        Ok(Self { connection, index, at_hand, last_id, data_version, synced, log, failed })
    }

    /// Writes until nobody can hand in anything any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let (batch, waiting): (Vec<Work>, Vec<_>) =
                batch(first, jobs).into_iter().map(|job| (job.work, job.done)).unzip();
            let outcomes = self.commit(&batch);
            for (number, done) in waiting.into_iter().enumerate() {
                let outcome = outcomes.as_ref().map(|outcomes| outcomes[number]);
                // Who has stopped waiting does not want to know.
                let _ = done.send(outcome.map_err(StoreError::clone));
            }
            self.bring_in_log();
        }
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
        let failed = sqlite_error("write to");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        // From here on nobody else can write.
        let data_version = schema::pragma(&transaction, "data_version").map_err(&failed)?;
        if data_version != self.data_version
            && !self.index.is_same_as(&schema::load(&transaction)?.index)
        {
            return Err(StoreError::Changed);
        }
        self.data_version = data_version;
        let mut batched = Batched {
            index: &self.index,
            last_id: self.last_id,
            changed: Vec::new(),
            names: HashSet::new(),
            synced: self.synced,
        };
        let mut outcomes = Vec::with_capacity(batch.len());
        for work in batch {
            outcomes.push(batched.write(&transaction, work).map_err(&failed)?);
        }
        let Batched { last_id, changed, synced, .. } = batched;
        if synced > self.synced {
            forget_notes(&transaction, synced).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        (self.last_id, self.synced) = (last_id, synced);
        for (_, id, change) in &changed {
            if let Change::Add(addition, sealed) = change {
                self.at_hand.insert((*id, addition.version()), sealed.clone());
            }
        }
        self.index.apply(changed);
        let added = batch.iter().map(Work::bytes).sum();
        self.log = self.log.saturating_add(added);
        Ok(outcomes)
    }

    /// SQLite would do it inside a commit, and keep its errors to itself: a sync of the database that fails once
    /// and succeeds later says nothing, and the log would be begun anew all the same.
    fn bring_in_log(&mut self) {
        if self.log < MAX_LOG || self.failed.is_some() {
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

/// The first job, and those that have come by now.
fn batch(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.work.bytes();
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES {
        let Ok(job) = jobs.try_recv() else { break };
        bytes += job.work.bytes();
        batch.push(job);
    }
    batch
}

/// A transaction on its way.
struct Batched<'a> {
    index: &'a Index,
    last_id: i64,
    /// What the index is told when the transaction is durable.
    changed: Vec<(&'a str, SecretId, &'a Change)>,
    names: HashSet<&'a str>,
    /// The highest of the numbers that notes are dropped up to.
    synced: u64,
}

impl<'a> Batched<'a> {
    fn write(
        &mut self,
        transaction: &Transaction<'_>,
        work: &'a Work,
    ) -> rusqlite::Result<Outcome> {
        match work {
            Work::Change { name, change, expected, note } => {
                let outcome = self.change(transaction, name, change, *expected)?;
                if let (Outcome::Committed, Some(note)) = (outcome, note) {
                    write_note(transaction, note)?;
                    self.synced = self.synced.max(note.synced);
                }
                Ok(outcome)
            }
            Work::Header { expected, header } => {
                replace_header(transaction, expected.as_ref(), header)
            }
            Work::Forget(through) => {
                forget_notes(transaction, *through).map(|()| Outcome::Committed)
            }
        }
    }

    fn change(
        &mut self,
        transaction: &Transaction<'_>,
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
        write_change(transaction, name, id, expected, change)?;
        self.names.insert(name);
        self.changed.push((name, id, change));
        Ok(Outcome::Committed)
    }

    fn next_id(&mut self) -> SecretId {
        self.last_id += 1;
        SecretId(self.last_id)
    }
}

fn write_change(
    transaction: &Transaction<'_>,
    name: &str,
    SecretId(id): SecretId,
    before: Revision,
    change: &Change,
) -> rusqlite::Result<()> {
    let run = |statement: &str, parameters: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(statement)?.execute(parameters).map(drop)
    };
    let activate = "UPDATE secrets SET active = ?2 WHERE id = ?1";
    match change {
        Change::Add(addition, sealed) => {
            let version = addition.version().number();
            if before == Revision::ABSENT {
                let insert =
                    "INSERT INTO secrets (id, name, active, latest) VALUES (?1, ?2, ?3, ?3)";
                run(insert, &[&id, &name, &version])?;
            } else if addition.standing() == Standing::Active {
                run(activate, &[&id, &version])?;
            }
            let insert = "INSERT INTO versions (secret, version, sealed) VALUES (?1, ?2, ?3)";
            run(insert, &[&id, &version, &sealed.as_bytes()])
        }
        Change::Activate(version) => run(activate, &[&id, &version.number()]),
        Change::DeleteVersion(version) => {
            let empty = "UPDATE versions SET sealed = NULL WHERE secret = ?1 AND version = ?2";
            run(empty, &[&id, &version.number()])
        }
        Change::Delete => {
            run("DELETE FROM versions WHERE secret = ?1", &[&id])?;
            run("DELETE FROM secrets WHERE id = ?1", &[&id])
        }
    }
}

fn write_note(transaction: &Transaction<'_>, note: &Note) -> rusqlite::Result<()> {
    if !note.is_needed() {
        return Ok(());
    }
    // Two of one number are of the same line, unless somebody has put another log in the place of the first.
    let insert = "INSERT OR REPLACE INTO notes (line, hash, event, entry) VALUES (?1, ?2, ?3, ?4)";
    let values = (number(note.line.seq), note.line.hash.to_string(), &note.event, &note.entry);
    transaction.prepare_cached(insert)?.execute(values).map(drop)
}

fn forget_notes(transaction: &Transaction<'_>, through: u64) -> rusqlite::Result<()> {
    let delete = "DELETE FROM notes WHERE line <= ?1";
    transaction.prepare_cached(delete)?.execute([number(through)]).map(drop)
}

/// As SQLite has it. A log with as many lines would take longer than there is time.
fn number(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn replace_header(
    transaction: &Transaction<'_>,
    expected: Option<&Header>,
    header: &Header,
) -> rusqlite::Result<Outcome> {
    let body = "SELECT body FROM header";
    let before = transaction.query_row(body, [], |row| row.get::<_, String>(0)).optional()?;
    if before != expected.map(Header::to_json) {
        return Ok(Outcome::Conflict);
    }
    let replace = "INSERT OR REPLACE INTO header (only, body) VALUES (1, ?1)";
    transaction.execute(replace, [header.to_json()])?;
    Ok(Outcome::Committed)
}
