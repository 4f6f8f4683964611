//! One file a command. They share what is in the modules beside this folder, never each other.

#[cfg(feature = "agent")]
mod agent;
#[cfg(any(feature = "daemon", feature = "server"))]
mod audit;
mod completion;
#[cfg(feature = "daemon")]
mod daemon;
mod decrypt;
mod doctor;
mod encrypt;
mod exec;
mod genkeys;
mod man;
#[cfg(feature = "setec")]
mod secret;
#[cfg(feature = "agent")]
mod secret_helper;
#[cfg(feature = "server")]
mod server;
mod version;

use crate::Outcome;
use crate::cli::Command;
use crate::world::World;

/// Runs `command`.
///
/// # Errors
///
/// What the user is to read; nothing was written or started then.
pub fn run(command: Command, world: &World) -> Outcome {
    match command {
        Command::Genkeys(args) => genkeys::run(&args, world),
        Command::Encrypt(args) => encrypt::run(&args, world),
        Command::Decrypt(args) => decrypt::run(&args, world),
        Command::Exec(args) => exec::run(&args, world),
        #[cfg(feature = "daemon")]
        Command::Daemon(args) => daemon::run(&args, world),
        #[cfg(feature = "setec")]
        Command::Secret(args) => secret::run(&args, world),
        #[cfg(feature = "agent")]
        Command::Agent(args) => agent::run(&args, world),
        #[cfg(feature = "agent")]
        Command::SecretHelper(args) => secret_helper::run(&args, world),
        #[cfg(feature = "server")]
        Command::Server(args) => server::run(&args, world),
        Command::Doctor(args) => doctor::run(&args, world),
        #[cfg(any(feature = "daemon", feature = "server"))]
        Command::Audit(args) => audit::run(&args, world),
        Command::Version(args) => version::run(&args, world),
        Command::Completion { shell } => completion::run(shell, world),
        Command::Man(args) => man::run(&args, world),
    }
}
