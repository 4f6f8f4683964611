//! `secretary agent`: the secret backend of the StackState and Datadog agents, and what belongs to it.

mod install;
mod provider;
mod test;

use crate::Outcome;
use crate::cli::{Agent, AgentCommand};
use crate::world::World;

pub(super) fn run(args: &Agent, world: &World) -> Outcome {
    match &args.command {
        None => provider::run(args, world),
        Some(AgentCommand::Test(args)) => test::run(args, world),
        Some(AgentCommand::Install(args)) => install::run(args, world),
    }
}
