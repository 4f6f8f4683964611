//! `secretary agent install`: copies this executable to where an agent may run it.

use crate::Outcome;
use crate::cli::AgentInstall;
use crate::failure::{Code, Failure};
use crate::world::World;

pub(super) fn run(_args: &AgentInstall, _world: &World) -> Outcome {
    Err(Failure::new(Code::General, "this build cannot do that yet"))
}
