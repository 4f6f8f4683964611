//! `secretary agent`: answers an agent's request.

use crate::Outcome;
use crate::cli::Agent;
use crate::failure::{Code, Failure};
use crate::world::World;

pub(super) fn run(_args: &Agent, _world: &World) -> Outcome {
    Err(Failure::new(Code::General, "this build cannot do that yet"))
}
