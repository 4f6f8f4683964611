//! The secret backend protocol of the agents, by the real program as a process.
//!
//! | module | what it knows |
//! |---|---|
//! | [`provider`] | what `secretary agent` answers |
//! | [`cases`] | the recorded cases |
//! | [`backend`] | executables to test |
//! | [`install`] | where `secretary agent install` puts what |
//! | [`tester`] | running `secretary agent test` |
//! | [`verdicts`] | which strings are secrets, what is asked, what is made of the answer |
//! | [`executables`] | rights, paths, and who runs it |
//! | `secrets_server` | a secrets server that is asked for handles |
//! | [`reports`] | what is printed, and what is not |
//! | [`hints`] | faults that get a hint |
//! | [`whole`] | a configuration with every source, answered by this program |
#![cfg(feature = "agent")]

#[cfg(unix)]
mod backend;
mod cases;
#[cfg(unix)]
mod executables;
mod hints;
#[cfg(unix)]
mod install;
mod provider;
#[cfg(unix)]
mod reports;
#[cfg(feature = "setec")]
#[path = "../cmd/secrets_server.rs"]
mod secrets_server;
#[cfg(unix)]
mod tester;
#[cfg(unix)]
mod verdicts;
#[cfg(all(unix, feature = "aws", feature = "kubernetes"))]
mod whole;
