//! Whether an agent runs an executable at all.

pub mod unix;
pub mod windows;

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
