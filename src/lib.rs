//! Gets secrets from a config repository into a running program.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | what was typed; looks nothing up |
//! | [`commands`] | one file a command |
//! | [`world`] | the one reader of the process's environment and standard streams |
//! | `invoked` | names by which other programs call this one |
//! | [`input`] | a file or standard input, up to a limit |
//! | [`keys`] | which flag, variable or file a key comes from |
//! | [`kms`], [`runtime`] | AWS KMS, and the one runtime that work on the network is done in |
//! | `kubernetes` | keys of Kubernetes secrets, for who answers an agent |
//! | [`remote`] | a daemon that opens tokens in this program's place |
//! | [`setec`] | a secrets server, and who asks it |
//! | [`seal`], [`unseal`] | sealing, and opening the tokens of several texts at once |
//! | [`environ`], [`env_file`] | variables and the tokens in them |
//! | [`mod@format`] | how variables are printed so that their reader gets the exact bytes |
//! | [`output`] | standard output, or a file that is replaced as a whole |
//! | [`prompt`] | asking for a secret at the terminal |
//! | [`process`] | becoming another program, or another user |
//! | `serving` | what servers have in common |
//! | `settings` | flags in a file |
//! | [`signals`] | signals that wait |
//! | [`harden`] | no core dump, no tracing |
//! | [`before_main`] | what Rust's runtime changes before `main` |
//! | `c_library` | what a static binary leaves out of the C library |
//! | `start` | the static binary's first instructions |
//! | [`failure`] | what the user reads and the code the shell gets |

pub mod before_main;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_feature = "crt-static",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod c_library;
pub mod cli;
pub mod commands;
pub mod env_file;
pub mod environ;
pub mod failure;
pub mod format;
pub mod harden;
pub mod input;
#[cfg(feature = "agent")]
pub mod invoked;
pub mod keys;
pub mod kms;
#[cfg(feature = "agent")]
pub mod kubernetes;
pub mod output;
#[cfg(unix)]
pub mod process;
pub mod prompt;
pub mod remote;
#[cfg(any(
    feature = "aws",
    feature = "daemon",
    feature = "kubernetes",
    feature = "server",
    feature = "setec"
))]
pub mod runtime;
pub mod seal;
#[cfg(any(feature = "daemon", feature = "server"))]
mod serving;
pub mod setec;
#[cfg(any(feature = "agent", feature = "server"))]
mod settings;
#[cfg(unix)]
pub mod signals;
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    target_feature = "crt-static",
    target_arch = "x86_64"
))]
mod start;
pub mod unseal;
pub mod world;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;

use crate::failure::{Code, Failure};
use crate::world::World;

/// Runs the command that `world` was started with.
pub fn run(world: &World) -> ExitCode {
    let args = &world.args;
    // A caller must be able to tell our failure from the started program's own exit code, so `exec` does
    // as env(1) does.
    let is_exec = failure::is_exec(args);
    let bug = if is_exec { Code::Exec } else { Code::General };
    failure::report_panics(bug);
    let done = panic::catch_unwind(AssertUnwindSafe(|| match cli::Cli::try_parse_from(args) {
        Ok(cli) => match commands::run(cli.command, world) {
            Ok(code) => code,
            Err(failure) if is_exec => failure.within_exec().print(world),
            Err(failure) => failure.print(world),
        },
        Err(error) => failure::print_usage(&error, args, world),
    }));
    done.unwrap_or(ExitCode::from(bug as u8))
}

/// What every command answers: the code to leave with, or what went wrong.
pub type Outcome = Result<ExitCode, Failure>;
