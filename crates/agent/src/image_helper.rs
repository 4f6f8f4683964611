//! What the helpers in the agents' images answer: `secret-helper read`, written in Go, and `readsecret.py`.
//!
//! Setups call them by their names and know their answers, so requests are read and answers written in their way, not in
//! that of [`crate::request`] and [`crate::answer`]. Files are found and read by the rules of [`crate::files`] all the
//! same, which close what the helpers leave open.
//!
//! | module | what it does |
//! |---|---|
//! | [`request`] | what is asked for, by the rules of either helper |
//! | [`prefix`] | which source a handle names |
//! | [`folder`] | handles that are files below a folder |
//! | [`answers`] | what is written to standard output |

pub mod answers;
pub mod folder;
pub mod prefix;
pub mod request;

pub use answers::Answers;

/// Whose form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Helper {
    /// `agent secret-helper read`.
    Go,
    /// `readsecret.py`.
    Python,
}
