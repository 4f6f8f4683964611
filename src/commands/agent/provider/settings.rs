//! The file with settings: each flag of `secretary agent` is a key there, so the command line's own rules judge it.

#[cfg(windows)]
use std::path::Path;
use std::path::PathBuf;

use clap::{Args, Command, Parser};

use crate::cli::{self, AgentProvider, Cli};
use crate::environ::Environ;
use crate::failure::{Failure, shown};
use crate::settings::{Known, text_of};
use crate::world::World;

const VARIABLE: &str = "SECRETARY_AGENT_CONFIG";

/// The most bytes of such a file.
const MAX_FILE: usize = 1024 * 1024;

/// The flags as the file has them and, where it has others, as they were typed.
///
/// # Errors
///
/// When a file is named that is not there, or one has something in it that is no setting.
pub(super) fn find(typed: &AgentProvider, world: &World) -> Result<AgentProvider, Failure> {
    let named = typed
        .config
        .clone()
        .or_else(|| world.environ.get(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from));
    let path = named.clone().or_else(|| default_file(&world.environ));
    let Some(path) = path else { return Ok(typed.clone()) };
    let text = match text_of(&path, MAX_FILE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            return Ok(typed.clone());
        }
        text => text.map_err(|error| Failure::io("read", &shown(&path), &error))?,
    };
    let known = AgentProvider::augment_args(Command::new("agent"));
    let known = Known::new(known, &["config"], "secretary agent");
    let flags = known.of_file(&text, &path)?;
    // The first two are the program and the command. What is typed comes last, and counts.
    let (program, rest) = world.args.split_at(world.args.len().min(2));
    let args = program.iter().cloned().chain(flags).chain(rest.iter().cloned());
    match Cli::try_parse_from(args) {
        Ok(Cli { command: cli::Command::Agent(agent) }) => Ok(agent.provider),
        _ => Err(known.do_not_go_together(&shown(&path))),
    }
}

#[cfg(not(windows))]
fn default_file(_: &Environ) -> Option<PathBuf> {
    Some(PathBuf::from("/etc/secretary/agent.toml"))
}

#[cfg(windows)]
fn default_file(environ: &Environ) -> Option<PathBuf> {
    Some(Path::new(environ.get("ProgramData")?).join("secretary").join("agent.toml"))
}
