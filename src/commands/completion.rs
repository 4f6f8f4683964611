//! `secretary completion`

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Outcome;
use crate::cli::Cli;
use crate::world::World;

pub(super) fn run(shell: Shell, world: &World) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "secretary", &mut script);
    world.print(&script)?;
    Ok(ExitCode::SUCCESS)
}
