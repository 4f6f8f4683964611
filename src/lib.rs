//! Gets secrets from a config repository into a running program.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | what was typed; looks nothing up |
//! | [`commands`] | one file a command |
//! | [`world`] | the one reader of the process's environment and standard streams |
//! | [`input`] | a file or standard input, up to a limit |
//! | [`keys`] | which flag, variable or file a key comes from |
//! | [`crypt`] | sealing, and opening the tokens of several texts at once |
//! | [`environ`], [`env_file`] | variables and the tokens in them |
//! | [`mod@format`] | how variables are printed so that their reader gets the exact bytes |
//! | [`output`] | standard output, or a file that is replaced as a whole |
//! | [`process`] | becoming another program |
//! | [`signals`] | signals that wait |
//! | [`harden`] | no core dump, no tracing |
//! | [`before_main`] | what Rust's runtime changes before `main` |
//! | [`failure`] | what the user reads and the code the shell gets |

pub mod before_main;
pub mod cli;
pub mod commands;
pub mod crypt;
pub mod env_file;
pub mod environ;
pub mod failure;
pub mod format;
pub mod harden;
pub mod input;
pub mod keys;
pub mod output;
#[cfg(unix)]
pub mod process;
#[cfg(unix)]
pub mod signals;
pub mod world;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::failure::Failure;
use crate::world::World;

/// Runs the command in `args`, the first of which is the program's own name.
pub fn run(args: impl Iterator<Item = OsString>, world: World) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let result = match cli::Cli::try_parse_from(&args) {
        Ok(cli) => commands::run(cli.command, &world),
        Err(error) => return failure::print_usage(&error, &args, &world),
    };
    match result {
        Ok(code) => code,
        // A caller must be able to tell our failure from the started program's own exit code, so
        // `exec` does as env(1) does.
        Err(failure) if failure::is_exec(&args) => failure.within_exec().print(&world),
        Err(failure) => failure.print(&world),
    }
}

/// What every command answers: the code to leave with, or what went wrong.
pub type Outcome = Result<ExitCode, Failure>;
