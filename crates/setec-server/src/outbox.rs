//! That no write is without its audit line, and that a write waits for one sync all the same.
//!
//! A line that is durable before the change is committed costs a second sync, one after the other. Instead the line is
//! written to the log's file without waiting for the disk, and what is needed to write it again is a [`Note`] that the
//! store commits with the change. So an answered write has its line durably in the store at least, until the log has
//! synced it. A write goes like this:
//!
//! 1. take the secret's turn, read its record, and compute the change;
//! 2. `let note = outbox.write(event, &entry).await?`: with an error nothing was done, and nothing may be;
//! 3. `store.commit(name, change, revision, Some(note))`; on a conflict the same note goes with the next try;
//! 4. answer. When the commit has failed the line is there without a change: it says what was decided.
//!
//! What changes nothing, a read or a refusal, has no commit to wait for: its line is one of [`AuditLog::append`].
//!
//! # When the machine has stopped
//!
//! The log may have lost its last lines then, and the store has their notes. [`Outbox::open`] compares the two: a line
//! that is not in the log's file, with the same number and hash, is written again, with its members, `"recovered":true`,
//! and in `"recovered_seq"` and `"recovered_time"` the number and the time it had. Only then there is an outbox, and only with that there are writes.
//! So all notes in a store are of one process, and their lines of one chain.
//!
//! A line that was not lost can be written again in rare cases: when its file was renamed, or when the machine stops
//! in the middle of writing again. It never is the other way round.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use secretary_access::audit::{AuditError, AuditLog, Draft, OpenError};
use secretary_access::time::rfc3339;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::store::{Note, Store, StoreError};

/// How many lines are written again with one sync. A log lets only so many wait, and so many bytes of them.
const TOGETHER: usize = 200;

/// Why lines can't be written again, or notes not be dropped.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log can't be written.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The log can't be read.
    #[error(transparent)]
    Read(#[from] OpenError),
}

/// The audit lines of writes, on their way from the store to the log.
pub struct Outbox {
    log: Arc<AuditLog>,
    recovered: usize,
}

impl Outbox {
    /// Writes the lines again that `log` has lost and `store` has notes of, durably, and drops the notes. It comes
    /// before anything else that is done with the two, [`AuditLog::reopen`] above all.
    ///
    /// # Errors
    ///
    /// [`OutboxError`]. The notes are there as before then.
    pub async fn open(log: Arc<AuditLog>, store: &impl Store) -> Result<Self, OutboxError> {
        let notes = store.notes().await?;
        let mut lost = Vec::new();
        for note in &notes {
            if log.find(note.line.seq)? != Some(note.line) {
                lost.push(note);
            }
        }
        for notes in lost.chunks(TOGETHER) {
            write_again(&log, notes).await?;
        }
        if let Some(last) = notes.last() {
            store.forget_notes(last.line.seq).await?;
        }
        Ok(Self { recovered: lost.len(), log })
    }

    /// How many lines were written again when it was opened.
    pub fn recovered(&self) -> usize {
        self.recovered
    }

    /// Writes the line of a change, without waiting for the disk. The note is to be committed with the change. If this
    /// future is dropped the line may be there all the same.
    ///
    /// # Errors
    ///
    /// When the line is not in the log. Nothing may come of the decision then.
    pub async fn write(&self, event: &str, entry: &impl Serialize) -> Result<Note, AuditError> {
        let draft = Draft::new(event, entry)?;
        // A line that is written again has another time.
        let time = rfc3339(SystemTime::now());
        let line = self.log.writing(&draft).await?;
        let entry = note(&time, draft.members());
        Ok(Note { line, event: event.to_string(), entry, synced: self.log.synced() })
    }

    /// Drops the notes of lines that are durable. Each commit with a note does that too, so it is for times without
    /// one: after [`AuditLog::reopen`], because a line is not looked for in a file that was renamed.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn settle(&self, store: &impl Store) -> Result<(), StoreError> {
        store.forget_notes(self.log.synced()).await
    }

    /// Closes the log, as a clean end does, and drops all notes, so that the next start has nothing to look for.
    ///
    /// # Errors
    ///
    /// [`OutboxError`]. The notes are there then.
    pub async fn close(&self, store: &impl Store) -> Result<(), OutboxError> {
        let last = self.log.close()?;
        Ok(store.forget_notes(last.seq).await?)
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("recovered", &self.recovered).finish_non_exhaustive()
    }
}

/// The members of a line that had this time, as the object that a note has.
fn note(time: &str, members: &str) -> String {
    let comma = if members.is_empty() { "" } else { "," };
    [r#"{"recovered_time":""#, time, "\"", comma, members, "}"].concat()
}

/// Returns when the lines of all `notes` are durable.
async fn write_again(log: &AuditLog, notes: &[&Note]) -> Result<(), OutboxError> {
    let mut waiting = Vec::with_capacity(notes.len());
    for note in notes {
        let entry = serde_json::from_str::<Map<String, Value>>(&note.entry);
        let mut entry = entry.map_err(|_| StoreError::Damaged("a note of an audit line"))?;
        entry.insert("recovered".to_string(), true.into());
        entry.insert("recovered_seq".to_string(), note.line.seq.into());
        waiting.push(log.appending(&note.event, &entry));
    }
    for answer in waiting {
        answer.await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
