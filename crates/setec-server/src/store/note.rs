//! What a store keeps of an audit line that may not be durable yet.

use secretary_access::audit::Head;

/// Beside a change, what is needed to write the change's audit line again if the log has lost it. It is durable with
/// the change, so the change need not wait for the log's sync. Only an [`Outbox`](crate::outbox::Outbox) makes one
/// that is worth something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line's number and hash.
    pub line: Head,
    /// What the line is about.
    pub event: String,
    /// The line's other members, as a JSON object.
    pub entry: String,
    /// The number of the log's last durable line when this one was written. Notes of lines up to it are dropped with
    /// the change. A store does not keep it: it is 0 in [`Store::notes`](super::Store::notes).
    pub synced: u64,
}

impl Note {
    /// Whether it has to be stored: its line may be gone after a power failure.
    pub(super) fn is_needed(&self) -> bool {
        self.line.seq > self.synced
    }
}
