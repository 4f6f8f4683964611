//! `secretary completion`

use std::process::ExitCode;

use clap_complete::Shell;

use crate::Outcome;
use crate::cli::Cli;
use crate::world::World;

pub(super) fn run(shell: Shell, world: &World) -> Outcome {
    let mut script = Vec::new();
    let mut program = Cli::with_commands_of_commands();
    clap_complete::generate(shell, &mut program, "secretary", &mut script);
    world.print(&script)?;
    Ok(ExitCode::SUCCESS)
}
