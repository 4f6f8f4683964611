//! `secretary agent test`: does what an agent does with a secret backend.

use crate::Outcome;
use crate::cli::AgentTest;
use crate::failure::{Code, Failure};
use crate::world::World;

pub(super) fn run(_args: &AgentTest, _world: &World) -> Outcome {
    Err(Failure::new(Code::General, "this build cannot do that yet"))
}
