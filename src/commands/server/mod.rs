//! `secretary server`: named, versioned secrets for programs that may have them.

mod callers;
mod kek;
#[cfg(feature = "aws")]
mod kms_key;
mod policy;
mod serve;
mod settings;
mod token;

use crate::Outcome;
use crate::cli::{PolicyCommand, Server, ServerCommand};
use crate::world::World;

pub(super) fn run(args: &Server, world: &World) -> Outcome {
    match &args.command {
        None => serve::run(&settings::find(&args.flags, world)?, world),
        Some(ServerCommand::Policy(args)) => match &args.command {
            PolicyCommand::Test(args) => policy::test(args, world),
        },
        Some(ServerCommand::Token(args)) => token::run(args, world),
    }
}
