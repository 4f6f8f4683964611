//! The program on Windows, as its users see it. `scripts/windows` runs this under wine.
//!
//! What is the same on every system is tested elsewhere. Here is what could differ: paths, line endings, access
//! lists in the place of modes, variables' names, a program that is started, a process without a console.

#![cfg(windows)]

#[cfg(feature = "agent")]
mod agent;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod daemon;
mod exec;
mod keys;
mod machine;
mod tokens;
mod words;
