//! Many lines, one write and one sync; and what is true of the file when either fails.
//!
//! Both are steps of their own, because some lines are reported when they are written, and synced with later ones.

use std::io;
use std::iter;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::json;

use super::batch::KEPT;
use super::entry::{Draft, Unfit};
use super::line::{Head, STOPPED};

/// Why a line was not written.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Too many lines wait already.
    #[error("too many lines wait to be written to the audit log")]
    Full,
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
    /// The entry is no entry.
    #[error("the entry does not fit into the audit log: {0}")]
    Unfit(#[from] Unfit),
    /// The system did not write it. Later lines may be written again.
    #[error("the audit log can't be written: {0}")]
    Write(Arc<io::Error>),
    /// The system did not sync it. What is on disk is not known, so no later line is taken until the
    /// file was moved away and the log reopened.
    #[error("the audit log can't be synced, and has to be moved away and reopened: {0}")]
    Sync(Arc<io::Error>),
    /// Another program has written to the file, or cut it. No later line is taken until the log is reopened.
    #[error(
        "the file of the audit log was changed by another program, and the log has to be reopened"
    )]
    Changed,
}

/// Where lines go: a file, or something that only takes bytes.
pub(super) trait Storage {
    /// How many bytes are in it.
    fn len(&self) -> io::Result<u64>;
    /// Puts all of `bytes` at the end, or fails with any part of them there.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all of it would outlast a power failure.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts off what is behind the first `len` bytes.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

/// A line to be.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) time: SystemTime,
    /// The bytes behind the time, up to the hash.
    pub(super) rest: &'a [u8],
}

/// A chain of lines in a storage that nobody else writes to.
#[derive(Debug)]
pub(super) struct Chain<S> {
    pub(super) storage: S,
    /// The bytes of all lines up to the head.
    len: u64,
    head: Head,
    /// The same two of the last line that is durable.
    synced_len: u64,
    synced_head: Head,
    /// A failed write may have left bytes behind the head.
    is_torn: bool,
    failed: Option<AuditError>,
    /// Lines that are being written. Kept, because the next ones take as much.
    bytes: Vec<u8>,
}

impl<S: Storage> Chain<S> {
    /// A storage of `len` bytes, the last line of which is `head`. The next sync makes all of them durable.
    pub(super) fn new(storage: S, len: u64, head: Head) -> Self {
        let (synced_len, synced_head) = (len, head);
        let (is_torn, failed, bytes) = (false, None, Vec::new());
        Self { storage, len, head, synced_len, synced_head, is_torn, failed, bytes }
    }

    /// The last line.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// The last line that is durable.
    pub(super) fn synced(&self) -> Head {
        self.synced_head
    }

    /// Why no line is taken any more.
    pub(super) fn failed(&self) -> Option<&AuditError> {
        self.failed.as_ref()
    }

    /// Writes `entries`, all or none, and puts each one's head into `heads`. They are durable after the next
    /// [`Self::sync`].
    pub(super) fn write<'a>(
        &mut self,
        entries: impl Iterator<Item = Entry<'a>>,
        heads: &mut Vec<Head>,
    ) -> Result<(), AuditError> {
        self.check()?;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        heads.clear();
        let mut head = self.head;
        for entry in entries {
            head = head.write_next(&mut self.bytes, entry.time, entry.rest);
            heads.push(head);
        }
        if let Err(error) = self.storage.append(&self.bytes) {
            // Whoever reads it meanwhile is not to find half a line. Otherwise it is tried again.
            self.is_torn = self.storage.cut(self.len).is_err();
            return Err(write_error(error));
        }
        self.len += self.bytes.len() as u64;
        self.head = head;
        Ok(())
    }

    /// Returns when all that was written is durable. After a failed sync the chain ends with the line that was durable
    /// before, and takes no more. Lines that another program may have cut off are not durable.
    pub(super) fn sync(&mut self) -> Result<(), AuditError> {
        if self.synced_len == self.len {
            return Ok(());
        }
        // What another program did to the file is no reason not to sync what is left of the lines.
        if let Some(error @ AuditError::Sync(_)) = &self.failed {
            return Err(error.clone());
        }
        let len = match self.storage.sync().and_then(|()| self.storage.len()) {
            Ok(len) => len,
            Err(error) => {
                // The kernel reports an error once and then takes the pages for written: a second sync that
                // succeeds says nothing. What nobody was told to be durable should not be there later.
                if self.failed.is_none() {
                    let _ = self.storage.cut(self.synced_len);
                }
                (self.len, self.head) = (self.synced_len, self.synced_head);
                return Err(self.fail(AuditError::Sync(Arc::new(error))));
            }
        };
        if self.failed.is_some() || self.is_changed(len) {
            return Err(self.fail(AuditError::Changed));
        }
        (self.synced_len, self.synced_head) = (self.len, self.head);
        Ok(())
    }

    /// Whether that many bytes are others than this chain's, and than what a failed write has left behind them.
    fn is_changed(&self, len: u64) -> bool {
        len < self.len || (len > self.len && !self.is_torn)
    }

    /// Writes a line about the log itself, and returns when it is durable.
    pub(super) fn commit_own(
        &mut self,
        event: &str,
        version: &str,
        dropped: u64,
    ) -> Result<Head, AuditError> {
        let members = match (event, dropped) {
            (STOPPED, _) => json!({}),
            (_, 0) => json!({"version": version}),
            _ => json!({"version": version, "dropped_bytes": dropped}),
        };
        let draft = Draft::own(event, &members)?;
        let entry = Entry { time: SystemTime::now(), rest: draft.rest() };
        self.write(iter::once(entry), &mut Vec::new())?;
        self.sync()?;
        Ok(self.head)
    }

    fn check(&mut self) -> Result<(), AuditError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut len = self.storage.len().map_err(write_error)?;
        if self.is_torn && len > self.len {
            self.storage.cut(self.len).map_err(write_error)?;
            len = self.len;
        }
        self.is_torn = false;
        if len == self.len { Ok(()) } else { Err(self.fail(AuditError::Changed)) }
    }

    fn fail(&mut self, error: AuditError) -> AuditError {
        self.failed = Some(error.clone());
        error
    }
}

fn write_error(error: io::Error) -> AuditError {
    AuditError::Write(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::super::verify::{Expectation, verify};
    use super::*;

    /// A disk that fails as it is told to.
    #[derive(Debug, Default)]
    struct Disk {
        bytes: Vec<u8>,
        synced: usize,
        room: Option<usize>,
        sync_fails: bool,
        cut_fails: bool,
    }

    impl Storage for Disk {
        fn len(&self) -> io::Result<u64> {
            Ok(self.bytes.len() as u64)
        }

        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let room = self.room.map_or(bytes.len(), |room| room.saturating_sub(self.bytes.len()));
            self.bytes.extend(&bytes[..room.min(bytes.len())]);
            if room < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            if self.sync_fails {
                return Err(io::Error::from_raw_os_error(5));
            }
            self.synced = self.bytes.len();
            Ok(())
        }

        fn cut(&mut self, len: u64) -> io::Result<()> {
            if self.cut_fails {
                return Err(io::Error::from_raw_os_error(5));
            }
            self.bytes.truncate(len as usize);
            Ok(())
        }
    }

    fn chain() -> Chain<Disk> {
        let mut chain = Chain::new(Disk::default(), 0, Head::START);
        chain.commit_own("opened", "1.2.3", 0).unwrap();
        chain
    }

    fn commit(chain: &mut Chain<Disk>, count: usize) -> Result<Vec<Head>, AuditError> {
        let heads = write(chain, count)?;
        chain.sync().map(|()| heads)
    }

    fn write(chain: &mut Chain<Disk>, count: usize) -> Result<Vec<Head>, AuditError> {
        let entry = || Entry { time: SystemTime::now(), rest: br#""event":"test","a":1"# };
        let mut heads = Vec::new();
        chain.write((0..count).map(|_| entry()), &mut heads)?;
        Ok(heads)
    }

    fn lines(chain: &Chain<Disk>) -> u64 {
        let verified = verify(&chain.storage.bytes[..], Expectation::default()).unwrap();
        assert_eq!(verified.head, chain.head());
        verified.lines
    }

    #[test]
    fn all_lines_are_synced_when_they_are_answered() {
        let mut chain = chain();
        let heads = commit(&mut chain, 3).unwrap();
        assert_eq!(chain.storage.synced, chain.storage.bytes.len());
        assert_eq!(heads.iter().map(|head| head.seq).collect::<Vec<_>>(), [2, 3, 4]);
        assert_eq!(lines(&chain), 4);
    }

    #[test]
    fn a_full_disk_leaves_no_half_line_and_takes_lines_when_it_has_room_again() {
        let mut chain = chain();
        let before = chain.storage.bytes.clone();
        chain.storage.room = Some(before.len() + 300);
        for _ in 0..3 {
            assert!(matches!(commit(&mut chain, 5), Err(AuditError::Write(_))));
            assert_eq!(chain.storage.bytes, before);
        }
        chain.storage.room = None;
        assert_eq!(commit(&mut chain, 1).unwrap()[0].seq, 2);
        assert_eq!(lines(&chain), 2);
    }

    #[test]
    fn a_half_line_that_could_not_be_cut_is_cut_later() {
        let mut chain = chain();
        let before = chain.storage.bytes.len();
        (chain.storage.room, chain.storage.cut_fails) = (Some(before + 10), true);
        assert!(matches!(commit(&mut chain, 1), Err(AuditError::Write(_))));
        assert_eq!(chain.storage.bytes.len(), before + 10);
        chain.storage.room = None;
        assert!(matches!(commit(&mut chain, 1), Err(AuditError::Write(_))));
        chain.storage.cut_fails = false;
        commit(&mut chain, 1).unwrap();
        assert_eq!(lines(&chain), 2);
    }

    #[test]
    fn a_failed_sync_is_never_tried_again() {
        let mut chain = chain();
        chain.storage.sync_fails = true;
        assert!(matches!(commit(&mut chain, 1), Err(AuditError::Sync(_))));
        chain.storage.sync_fails = false;
        assert!(matches!(commit(&mut chain, 1), Err(AuditError::Sync(_))));
        assert_eq!(lines(&chain), 1);
    }

    #[test]
    fn lines_that_are_only_written_are_synced_with_the_next_ones() {
        let mut chain = chain();
        let before = (chain.storage.synced, chain.synced());
        let heads = write(&mut chain, 2).unwrap();
        assert_eq!((chain.storage.synced, chain.synced()), before);
        assert_eq!((heads[1], heads[1].seq), (chain.head(), 3));
        chain.sync().unwrap();
        assert_eq!((chain.storage.synced, chain.synced()), (chain.storage.bytes.len(), heads[1]));
    }

    #[test]
    fn a_full_disk_leaves_lines_that_are_only_written() {
        let mut chain = chain();
        let heads = write(&mut chain, 2).unwrap();
        chain.storage.room = Some(chain.storage.bytes.len() + 10);
        assert!(matches!(write(&mut chain, 1), Err(AuditError::Write(_))));
        assert_eq!((lines(&chain), chain.head()), (3, heads[1]));
        chain.sync().unwrap();
        assert_eq!(chain.synced(), heads[1]);
    }

    #[test]
    fn a_failed_sync_ends_the_chain_where_it_was_durable() {
        let mut chain = chain();
        write(&mut chain, 2).unwrap();
        chain.storage.sync_fails = true;
        assert!(matches!(commit(&mut chain, 1), Err(AuditError::Sync(_))));
        assert_eq!((lines(&chain), chain.head(), chain.synced().seq), (1, chain.synced(), 1));
    }

    #[test]
    fn lines_that_another_program_cuts_off_before_their_sync_are_not_durable() {
        let mut chain = chain();
        let durable = chain.synced();
        write(&mut chain, 2).unwrap();
        chain.storage.bytes.clear();
        for _ in 0..2 {
            assert!(matches!(chain.sync(), Err(AuditError::Changed)));
            assert_eq!((chain.synced(), chain.storage.synced), (durable, 0));
        }
        // The same when the next line has noticed it.
        let mut chain = self::chain();
        let durable = chain.synced();
        write(&mut chain, 2).unwrap();
        chain.storage.bytes.clear();
        assert!(matches!(write(&mut chain, 1), Err(AuditError::Changed)));
        assert!(matches!(chain.sync(), Err(AuditError::Changed)));
        assert_eq!(chain.synced(), durable);
    }

    #[test]
    fn what_a_failed_write_has_left_is_no_reason_not_to_sync_the_lines_before() {
        let mut chain = chain();
        let heads = write(&mut chain, 2).unwrap();
        let room = chain.storage.bytes.len() + 10;
        (chain.storage.room, chain.storage.cut_fails) = (Some(room), true);
        assert!(matches!(write(&mut chain, 1), Err(AuditError::Write(_))));
        assert_eq!(chain.storage.bytes.len(), room);
        chain.sync().unwrap();
        assert_eq!(chain.synced(), heads[1]);
    }

    #[test]
    fn a_file_that_another_program_changes_takes_no_line() {
        for bytes in [&b""[..], b"x"] {
            let mut chain = chain();
            chain.storage.bytes = bytes.to_vec();
            assert!(matches!(commit(&mut chain, 1), Err(AuditError::Changed)));
            assert!(matches!(chain.failed(), Some(AuditError::Changed)));
        }
    }
}
