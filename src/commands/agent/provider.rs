//! `secretary agent`: answers an agent's request.
//!
//! An agent takes one line of standard error into its log, and drops everything else when the exit code is not 0. So
//! what is wrong with one handle is said in the answer, and only of a request that can't be handled at all here.

mod settings;
mod sources;

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
