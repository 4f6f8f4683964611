//! The agent's own side: what an agent would do with an executable and a configuration, done beforehand.
//!
//! Texts are the agent's to the letter, because operators search for them, and because a verdict that
//! differs from the agent's is worth nothing.
//!
//! | module | what it does |
//! |---|---|
//! | [`accounts`] | users and groups by name and number |
//! | [`rights`] | whether an agent runs an executable at all |
//! | [`lookup`] | which file a command's name means |
//! | [`payload`] | what is written to the executable |
//! | [`run`] | the executable with an agent's pipes, limits and timeout |
//! | [`json`] | JSON as Go reads it |
//! | [`verdict`] | what an agent makes of an answer |
//! | [`cache`] | which handles an agent knows already, and from where |
//! | [`secrets`] | which strings are secrets |
//! | [`settings`], [`environment`] | what an agent is set to |
//! | [`tree`], [`check`] | the files of a configuration, and their sections |
//! | [`session`] | all of it together: section by section, as an agent does from its start on |
//! | [`report`], [`configcheck`], [`scrub`] | what the agent's commands print, and what they leave out |
//! | [`hints`], [`faults`] | what is often wrong with a configuration, and with an executable |

pub mod accounts;
pub mod cache;
pub mod check;
pub mod configcheck;
pub mod environment;
pub mod faults;
pub mod hints;
pub mod json;
pub mod lookup;
pub mod payload;
pub mod report;
pub mod rights;
pub mod run;
pub mod scrub;
pub mod secrets;
pub mod session;
pub mod settings;
pub mod tree;
pub mod verdict;

use std::fmt;

/// What stands in the place of a secret.
pub const MASK: &str = "********";

/// What an agent would write to its log, to the letter but for secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentError(String);

impl AgentError {
    /// An error that reads `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AgentError {}

/// The system's reason alone, as Go words it: without Rust's ` (os error 2)`, and in lower case where Go
/// has a table of its own, which is everywhere but on Windows. There Go asks for English first, whatever the system's
/// language is.
pub fn reason(error: &std::io::Error) -> String {
    if let Some(text) = error.raw_os_error().filter(|_| cfg!(windows)).and_then(english) {
        return text.to_string();
    }
    let text = error.to_string();
    let text = text.find(" (os error").map_or(text.as_str(), |end| &text[..end]);
    if cfg!(windows) { text.to_string() } else { text.to_lowercase() }
}

/// What Windows in English says of the errors that looking at a file and starting it have.
fn english(code: i32) -> Option<&'static str> {
    Some(match code {
        2 => "The system cannot find the file specified.",
        3 => "The system cannot find the path specified.",
        5 => "Access is denied.",
        32 => "The process cannot access the file because it is being used by another process.",
        193 => "%1 is not a valid Win32 application.",
        225 => {
            "Operation did not complete successfully because the file contains a virus or potentially unwanted software."
        }
        740 => "The requested operation requires elevation.",
        1260 => {
            "This program is blocked by group policy. For more information, contact your system administrator."
        }
        _ => return None,
    })
}
