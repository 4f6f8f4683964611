//! What only the real thing can show: real shells, real readers of the printed formats, an AWS KMS that
//! is not ours, the memory and the system calls of the running program, an empty root folder.
//!
//! The tests are marked `ignore` because they need programs that a machine may not have.
//! `scripts/test` installs those and runs them all; a missing one is a failure there, never a skip.

mod credentials;
mod formats;
mod kms;
mod memory;
mod moto;
mod processes;
mod scripts;
#[cfg(feature = "server")]
mod server_key;
mod shells;
mod static_binary;
mod support;
mod system_calls;
mod terminal;
