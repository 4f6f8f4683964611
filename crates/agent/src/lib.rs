//! The secret backend protocol of the StackState and Datadog agents, both sides.
//!
//! The provider's side, an executable that an agent runs:
//!
//! | module | what it does |
//! |---|---|
//! | [`request`] | what an agent writes to standard input |
//! | [`handle`] | what one handle asks for |
//! | [`names`] | a file of plain names and what each stands for |
//! | [`files`] | files below one folder, and no way out of it |
//! | `kubernetes` | keys of Kubernetes secrets |
//! | [`image_helper`] | what the helpers in the agents' images answer |
//! | [`answer`] | what an agent reads from standard output |
//!
//! The agent's side, to prove a setup before an agent is restarted:
//!
//! | module | what it does |
//! |---|---|
//! | [`yaml`] | YAML as an agent reads and writes it |
//! | [`tester`] | which strings are secrets, whether the executable may be run, what an agent makes of its answer |

pub mod answer;
pub mod files;
pub mod handle;
pub mod image_helper;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod names;
pub mod request;
pub mod tester;
pub mod yaml;
