//! Whether an agent runs an executable at all.

pub mod unix;
pub mod windows;

use std::path::Path;

use super::AgentError;

/// Whether a group may have a part in it: `secret_backend_command_allow_group_exec_perm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GroupRule {
    /// The executable is its owner's alone.
    #[default]
    Strict,
    /// A group of the agent's user may read and execute it.
    Relaxed,
}

/// Whose rules are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rules {
    /// The StackState agent, and the Datadog agent of 2021.
    #[default]
    Fork,
    /// The Datadog agent of 2026, which does not ask for the owner.
    Today,
}

/// How an agent knows the user it runs as: on Windows by the security identifier.
#[cfg(unix)]
pub type Who = super::accounts::Identity;
/// How an agent knows the user it runs as: on Windows by the security identifier.
#[cfg(windows)]
pub type Who = String;

/// Who an agent runs as, and by which rules it judges.
#[derive(Clone, Debug)]
pub struct Judge {
    /// The user, or why an agent could not find out.
    pub who: Result<Who, AgentError>,
    /// Whether a group may have a part in it.
    pub group: GroupRule,
    /// Whose rules are applied.
    pub rules: Rules,
}

impl Judge {
    /// Whether the executable at `path` would be run.
    ///
    /// # Errors
    ///
    /// The agent's text.
    #[cfg(unix)]
    pub fn check(&self, path: &Path) -> Result<(), AgentError> {
        let stat = unix::stat(path)?;
        let who = self.who.as_ref().map_err(Clone::clone)?;
        unix::judge(&path.display().to_string(), stat, who, self.group, self.rules)
    }

    /// Whether the executable at `path` would be run.
    ///
    /// # Errors
    ///
    /// The agent's text.
    #[cfg(windows)]
    pub fn check(&self, path: &Path) -> Result<(), AgentError> {
        if self.group == GroupRule::Relaxed {
            return Err(windows::refuse_group_rule());
        }
        let who = self.who.as_ref().map_err(Clone::clone)?;
        windows::judge(&path.display().to_string(), &windows::Dacl::of(path), who)
    }
}
