//! `secretary secret-helper` against what the helpers in the agents' images were recorded to answer.
//!
//! Each case is run as a process, under the names of the helpers, too. Its answer is the recorded one, or it stands in
//! a table of differences with what is answered instead and why.
//!
//! | module | what it knows |
//! |---|---|
//! | [`fixture`] | the folder that the cases were recorded in |
//! | [`program`] | running the program by any name |
//! | [`cases`] | the cases, and judging an answer |
//! | [`differences`] | where the program answers otherwise, and why |
//! | [`rules`] | what no case is about |
//! | [`kubernetes`] | keys of Kubernetes secrets |
#![cfg(all(unix, feature = "agent"))]

mod cases;
mod differences;
mod fixture;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod program;
mod rules;
