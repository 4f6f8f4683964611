//! The secrets server as a process: setec's protocol case by case, what is written down of it, what it keeps to itself,
//! and how it takes disks that are full, clients that are slow and files that change.
//!
//! The cases are in `tests/vectors/setec-server-cases.json`, by the numbers of a list of all that a server which is to take
//! setec's place has to be asked. All of it is over TLS, but for what is about the key-encryption key.
// Every address of 127.0.0.0/8 is this machine's on Linux alone, and callers are told apart by them.
#![cfg(all(target_os = "linux", feature = "server"))]

mod callers;
mod case;
mod cases;
mod certificates;
mod concurrent;
mod disk;
mod exchange;
#[cfg(feature = "aws")]
mod kms;
mod limits;
mod machine;
#[cfg(feature = "aws")]
mod program;
mod reloading;
mod secrecy;
mod settings;
mod tailnet;

/// What a vault does, and whether calls that were made at once have an order.
#[path = "../../crates/setec-server/tests/operations/model.rs"]
mod model;
#[path = "../../crates/setec-server/tests/operations/order.rs"]
mod order;
#[path = "../../crates/setec-server/tests/operations/random.rs"]
mod random;
