//! The daemon as a process: how it ends, what it reads again when it is told to, what it does without its audit log, and
//! how its master key is replaced.
#![cfg(all(unix, feature = "daemon"))]

mod audit;
mod ending;
mod machine;
mod masters;
mod reloading;
mod tls;
