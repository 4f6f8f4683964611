//! The audit log: a line for each decision, in the file before anything comes of the decision, and on disk unless its
//! writer keeps it elsewhere meanwhile.
//!
//! | module | what it does |
//! |---|---|
//! | [`mod@line`] | the bytes of a line |
//! | [`entry`] | a caller's struct as the members of a line |
//! | `chain` | many lines, one write and one sync |
//! | [`mod@file`] | the file: opening, locking, its last lines |
//! | [`log`] | a log as its users have it |
//! | `answer` | what became of a line, for who waits for it |
//! | `batch` | lines that are written at once |
//! | [`queue`], `writer` | what waits, and the thread that writes it |
//! | [`mod@verify`] | whether a line was changed, removed or moved |
//!
//! # Format
//!
//! A line is one JSON object in ASCII and a line feed. Its first four members and its last are ours, in this
//! order and without white space; between them are the caller's:
//!
//! ```text
//! {"seq":7,"prev":"<64>","time":"2026-03-01T12:00:00.123456Z","event":"decrypt","app":"/web","hash":"<64>"}
//! ```
//!
//! * `seq` counts lines from 1, without a gap, from one file to the next.
//! * `hash` is the SHA-256 of the line's bytes up to, and not including, the last `,"hash":`, as 64
//!   hexadecimal digits in lower case.
//! * `prev` is the `hash` of the line before; 64 zeros in the very first.
//! * `event` is a word of at most 32 letters, digits, `_`, `-` and `.`. Three are ours: `opened`, the first
//!   line of every file; `started`, when a file is appended to by a new process; `stopped`, when a process
//!   ended as it should. The first two have the program's `version`, and `dropped_bytes` where the end of a
//!   line, which a crash had left and nobody was told to be written, was cut off.
//! * Text has every character but printable ASCII escaped, so that no line can move a terminal's
//!   cursor or look like another. There are no fractions, because programs disagree on their digits.
//! * A line has at most 65,536 bytes with its line feed.
//!
//! `sed 's/,"hash":"[0-9a-f]*"}$//' | tr -d '\n' | sha256sum` computes a line's hash without this program.
//!
//! # What is promised
//!
//! * A line that is reported by [`AuditLog::append`] or [`AuditLog::appending`] has been written and synced (`fdatasync`), and its file's name
//!   too.
//! * A line that is reported by [`AuditLog::append_written`] or [`AuditLog::writing`] is in the file, in its place in the chain, so a full disk
//!   was an error before; but it is durable only when [`AuditLog::synced`] has reached its number, a tenth of a second
//!   later if the disk keeps up. Whoever is content with that has kept it elsewhere, durably, and writes it again
//!   when [`AuditLog::find`] does not find it after the next start.
//! * Whoever changes, removes, adds, doubles or moves lines is found by [`verify::Verifier`], unless they also
//!   compute all later hashes anew.
//! * A line can be there though its writer was told that it failed, or was told nothing, when the
//!   machine stopped in between. It never is the other way round with a line that was reported as durable.
//!
//! * A file has one process that writes to it. What another program did to it, cutting it as `copytruncate`
//!   of `logrotate` does for instance, is noticed before the next line, which then fails. Lines that were reported as
//!   written and not synced until then count as lost, as after a failed sync.
//! * When no more lines can wait ([`queue::MAX_WAITING`]), the next fails at once.
//!
//! # What is not
//!
//! * The chain has no key. Whoever can write the file can replace it by another whole chain. Lines cut off
//!   at the end of the newest file can't be missed either. Against both, keep the hash of a line, the
//!   [`Head`], elsewhere from time to time, and verify with it; and give the file to a user
//!   whom the rest of the machine is not.
//! * A file that was renamed while no process had it open is not continued: the next process starts another
//!   chain, at 1. Rename it while the log is open, and call [`AuditLog::reopen`].

mod answer;
mod batch;
mod chain;
pub mod entry;
pub mod file;
pub mod line;
pub mod log;
pub mod queue;
pub mod verify;
mod writer;

pub use answer::Answer;
pub use chain::AuditError;
pub use entry::{Draft, Unfit};
pub use file::OpenError;
pub use line::{Head, LineHash, MAX_LINE, Wrong};
pub use log::{AuditLog, Reopened};
pub use verify::{Broken, Expectation, Verified, Verifier, VerifyError, verify};
