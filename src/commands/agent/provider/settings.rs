//! The file with settings: each flag of `secretary agent` is a key there, so the command line's own rules judge it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, Command, Parser};

use super::text_of;
use crate::cli::{self, AgentProvider, Cli};
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
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
    let flags = flags_of(&text, &path)?;
    // The first two are the program and the command. What is typed comes last, and counts.
    let (program, rest) = world.args.split_at(world.args.len().min(2));
    let args = program.iter().cloned().chain(flags).chain(rest.iter().cloned());
    match Cli::try_parse_from(args) {
        Ok(Cli { command: cli::Command::Agent(agent) }) => Ok(agent.provider),
        _ => Err(wrong(&path, "its settings and the flags do not go together")),
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

/// The flags that a file stands for.
fn flags_of(text: &str, path: &Path) -> Result<Vec<OsString>, Failure> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
        wrong(path, &format!("line {} is no TOML", before.matches('\n').count() + 1))
    })?;
    let known = AgentProvider::augment_args(Command::new("agent").no_binary_name(true));
    let mut flags = Vec::new();
    for (key, value) in &table {
        let long = key.replace('_', "-");
        let is_known = known.get_arguments().any(|flag| flag.get_long() == Some(&long));
        if !is_known || long == "config" {
            let message = format!("{} is no setting", shown(key));
            return Err(wrong(path, &message)
                .hint("`secretary agent --help` lists them; a key is a flag with _ for -"));
        }
        let own = values(value).ok_or_else(|| {
            wrong(path, &format!("{key} is no string, number, true or false, nor a list of them"))
        })?;
        let own: Vec<OsString> =
            own.into_iter().map(|value| format!("--{long}={value}").into()).collect();
        let judged = known.clone().try_get_matches_from(&own);
        if let Some(error) = judged.err().filter(|error| is_about_the_value(error.kind())) {
            // What clap says repeats the value.
            drop(error);
            return Err(wrong(path, &format!("{key} has a value that it does not take"))
                .hint("`secretary agent --help` says what each takes"));
        }
        flags.extend(own);
    }
    Ok(flags)
}

/// One flag by itself may miss another that it goes with.
fn is_about_the_value(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::MissingRequiredArgument)
}

fn values(value: &toml::Value) -> Option<Vec<String>> {
    let one = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    };
    match value {
        toml::Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|value| vec![value]),
    }
}

fn wrong(path: &Path, what: &str) -> Failure {
    Failure::new(Code::Configuration, format!("{}: {what}", shown(path)))
}
