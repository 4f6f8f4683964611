//! `secretary agent`: answers an agent's request.
//!
//! An agent takes one line of standard error into its log, and drops everything else when the exit code is not 0. So
//! what is wrong with one handle is said in the answer, and only of a request that can't be handled at all here.

mod settings;
mod sources;

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use secretary_agent::answer::Answers;
use secretary_agent::request::{MAX_REQUEST, Request};
use secretary_secret::Secret;

use self::sources::Resolver;
use crate::Outcome;
use crate::cli::{Agent, AgentProvider};
use crate::failure::{Code, Failure};
use crate::world::World;

/// Old agents, and old templates for newer ones, wait for 5 seconds.
const DEADLINE: Duration = Duration::from_secs(4);

/// What an agent that says how long it waits has left for starting this program and reading its answer.
const MARGIN: Duration = Duration::from_secs(1);

pub(super) fn run(args: &Agent, world: &World) -> Outcome {
    match answer(&args.provider, world) {
        Ok(code) => Ok(code),
        Err(failure) => Ok(failure.print_in_a_line()),
    }
}

fn answer(typed: &AgentProvider, world: &World) -> Outcome {
    let started = Instant::now();
    let flags = settings::find(typed, world)?;
    let request = read(world)?;
    let time = time_for(&request, &flags);
    let resolver = Resolver { flags: &flags, world, started, time };
    resolver.resolve(&request.handles, |answers| write(answers, flags.max_output, world))
}

fn read(world: &World) -> Result<Request, Failure> {
    if world.stdin_is_terminal() {
        world.note("reading an agent's request from the terminal");
    }
    let unreadable = |error| Failure::io("read", "standard input", &error);
    let text = world
        .stdin()
        .and_then(|mut stdin| Secret::read_from(&mut stdin, MAX_REQUEST))
        .map_err(unreadable)?;
    Request::parse(text.expose()).map_err(|error| Failure::new(Code::General, error.to_string()))
}

/// The text of a file that is set up for this program. Whoever may change it could have other secrets answered, and a
/// pipe would be waited for.
fn text_of(path: &Path, limit: usize) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(io::Error::other("it is not a regular file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0 {
        return Err(io::Error::other("everybody may write to it"));
    }
    let text = Secret::read_from(&mut File::open(path)?, limit)?;
    let not_text = |_| io::Error::other("it is not UTF-8");
    str::from_utf8(text.expose()).map(str::to_string).map_err(not_text)
}

fn time_for(request: &Request, flags: &AgentProvider) -> Duration {
    match request.timeout {
        // Half of what is not much.
        Some(timeout) => timeout.saturating_sub(MARGIN).max(timeout / 2),
        None => flags.deadline.unwrap_or(DEADLINE),
    }
}

fn write(answers: &Answers, limit: usize, world: &World) -> Outcome {
    let json =
        answers.to_json(limit).map_err(|error| Failure::new(Code::General, error.to_string()))?;
    world.print(json.expose())?;
    Ok(ExitCode::SUCCESS)
}
