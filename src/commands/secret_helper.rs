//! `secretary secret-helper`: answers as the helpers in the agents' images do, in whose place it is put.
//!
//! Their answers, errors and exit codes are kept, because scripts and agents know them; but `..`, links that lead out
//! of the folder and files that others may change are refused, and nothing is cut or replaced.

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use secretary_agent::files::{Limits, read_anywhere};
use secretary_agent::image_helper::folder::Folder;
use secretary_agent::image_helper::prefix::Source;
use secretary_agent::image_helper::request::{self, RequestError};
use secretary_agent::image_helper::{Answers, Helper};
use secretary_secret::Secret;

use crate::Outcome;
use crate::cli::{SecretHelper, SecretHelperCommand, SecretHelperRead};
use crate::failure::shown;
use crate::kubernetes;
use crate::world::{World, to_stderr};

/// How long the image helper waits for Kubernetes.
const KUBERNETES_TIMEOUT: Duration = Duration::from_secs(10);

/// What Go makes of the exit code -1.
const GO_FAILED: u8 = 255;

pub(super) fn run(args: &SecretHelper, world: &World) -> Outcome {
    match &args.command {
        SecretHelperCommand::Read(args) => read(args, world),
        SecretHelperCommand::Python { root_folder } => python(root_folder, world),
    }
}

fn read(args: &SecretHelperRead, world: &World) -> Outcome {
    let handles = match handles(Helper::Go, world) {
        Ok(handles) => handles,
        Err(error) => {
            to_stderr(&format!("Error: {error}\n"));
            return Ok(ExitCode::from(GO_FAILED));
        }
    };
    let dir = args.dir.as_deref().unwrap_or(Path::new("."));
    let folder = Folder::open(Helper::Go, dir, Limits::default());
    let answers = match args.with_provider_prefixes {
        true => with_prefixes(&handles, &folder, args, world),
        false => below(&handles, &folder),
    };
    print(&answers, Helper::Go, world)
}

fn python(root: &Path, world: &World) -> Outcome {
    let folder = Folder::open(Helper::Python, root, Limits::default());
    if !folder.is_there() {
        let root = shown(root);
        to_stderr(&format!(
            "usage: readsecret.py [-h] root_folder\nreadsecret.py: error: argument root_folder: The folder {root} does not exist\n"
        ));
        return Ok(ExitCode::from(2));
    }
    match handles(Helper::Python, world) {
        Ok(handles) => print(&below(&handles, &folder), Helper::Python, world),
        Err(error) => {
            to_stderr(&format!("{error}\n"));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What standard input asks for. One that can't be read is as good as an empty one.
fn handles(helper: Helper, world: &World) -> Result<Vec<String>, RequestError> {
    let read = |mut input| Secret::read_from(&mut input, request::MAX_SIZE);
    let text: io::Result<Secret> = world.stdin().and_then(read);
    request::parse(helper, text.unwrap_or_default().expose())
}

fn below(handles: &[String], folder: &Folder) -> Answers {
    let mut answers = Answers::default();
    for handle in handles {
        if !answers.has(handle) {
            answers.insert(handle.clone(), folder.read(handle));
        }
    }
    answers
}

fn with_prefixes(
    handles: &[String],
    folder: &Folder,
    args: &SecretHelperRead,
    world: &World,
) -> Answers {
    let mut answers = Answers::default();
    let mut keys = Vec::new();
    for handle in handles {
        let answer = match Source::of(handle) {
            _ if answers.has(handle) => continue,
            Source::Below(name) => folder.read(name),
            Source::File(path) => {
                let read = read_anywhere(Path::new(path), Limits::default());
                read.map_err(|error| error.to_string())
            }
            Source::Unknown(prefix) => Err(format!("provider not supported: {prefix}")),
            Source::Kubernetes(name) => {
                keys.push((handle.as_str(), name));
                continue;
            }
        };
        answers.insert(handle.clone(), answer);
    }
    let account = &args.service_account;
    for (handle, answer) in kubernetes::read(&keys, account, KUBERNETES_TIMEOUT, &world.environ) {
        answers.insert(handle.to_string(), answer);
    }
    answers
}

fn print(answers: &Answers, helper: Helper, world: &World) -> Outcome {
    world.print(answers.to_json(helper).expose())?;
    Ok(ExitCode::SUCCESS)
}
