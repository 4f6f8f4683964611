//! Asking Marathon, Mesos, or a file, which workload somebody is.
//!
//! | module | what it knows |
//! |---|---|
//! | [`marathon`] | what Marathon answers about an app |
//! | [`mesos`] | what the leading Mesos master answers about all tasks |
//! | [`mod@file`] | a list that somebody wrote |
//! | `json` | how their answers are read |

pub mod file;
mod json;
pub mod marathon;
pub mod mesos;

/// Whether a task in `state` may have secrets. One that is to start asks for them before it counts as running; what
/// is said of one on a lost agent, or of one that is being killed, proves nothing.
fn is_alive(state: &[u8]) -> bool {
    matches!(state, b"TASK_STAGING" | b"TASK_STARTING" | b"TASK_RUNNING")
}
