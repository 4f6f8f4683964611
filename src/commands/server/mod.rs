//! `secretary server`: named, versioned secrets for programs that may have them.

mod callers;
mod kek;
mod serve;
mod settings;

use crate::Outcome;
use crate::cli::Server;
use crate::world::World;

pub(super) fn run(args: &Server, world: &World) -> Outcome {
    match &args.command {
        None => serve::run(&settings::find(&args.flags, world)?, world),
        Some(command) => match *command {},
    }
}
