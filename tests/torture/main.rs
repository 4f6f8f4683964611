//! The secrets server as a process, and what is left when it is killed, when its disk is full and when the system fails:
//! whatever was answered is there, and nothing else.
//!
//! `cargo test` does a few rounds. These variables make it more, as `scripts/torture` does:
//!
//! | variable | what it is |
//! |---|---|
//! | `SECRETARY_TORTURE_ROUNDS` | how often the server is killed |
//! | `SECRETARY_TORTURE_WRITES` | how many writes have to be answered by then; there are more rounds if it takes them |
//! | `SECRETARY_TORTURE_EVERY_PLACE` | 1: of each kind of call in a put, every one fails once, and not only the first 12 and some behind |
//! | `SECRETARY_TORTURE_SEED` | the number that calls and moments are made of |
//! | `SECRETARY_STATIC` | the program, otherwise the one that `cargo test` builds |
#![cfg(all(target_os = "linux", feature = "server"))]
#![allow(clippy::print_stdout, reason = "a run is for its tables")]

mod chance;
mod client;
mod disk;
mod faults;
mod http;
mod kill;
mod lines;
mod model;
mod server;
