//! `secretary agent test`: does what an agent does with a secret backend.

mod json;
mod outcome;
mod payload;
mod user;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use secretary_agent::tester::environment::{self, prefix};
use secretary_agent::tester::payload::Version;
use secretary_agent::tester::rights::{GroupRule, Judge};
use secretary_agent::tester::run::Limits;
use secretary_agent::tester::session::{Backend, Session, Show};
use secretary_agent::tester::settings::{self, Settings};
use secretary_agent::tester::tree::{Main, Tree};

use self::outcome::{Configuration, Found};
use self::user::User;
use crate::Outcome;
use crate::cli::AgentTest;
use crate::failure::{Code, Failure};
use crate::world::World;

pub(super) fn run(args: &AgentTest, world: &World) -> Outcome {
    let user = User::become_one(args.user.as_deref())?;
    #[cfg(windows)]
    if let Some(note) = user.note() {
        world.note(note);
    }
    if let Some(request) = &args.payload {
        let Some(backend) = backend(args, &Settings::default(), &user, world) else {
            return Err(Failure::new(Code::Usage, "--command is empty"));
        };
        return payload::run(request, &backend, &user, world);
    }
    let tree = Tree::read(&args.config).map_err(|error| {
        let failure = Failure::new(Code::Configuration, error.to_string());
        match args.user {
            Some(_) => failure.hint("the user that an agent runs as has to be able to read it"),
            None => failure.hint("check the path, and who may read it"),
        }
    })?;
    let settings = settings_of(tree.mains.first(), world);
    let backend = backend(args, &settings, &user, world);
    let skips_checks = settings.skip_checks.unwrap_or_default();
    let found = resolve(args, tree, backend, skips_checks, user, world);
    let text = if args.json { found.json(args.configcheck) } else { found.text() };
    world.print(text.expose())?;
    Ok(match found.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(Code::General as u8),
    })
}

/// The settings of the main file, and the environment's. Without a main file either prefix is as good.
fn settings_of(main: Option<&Main>, world: &World) -> Settings {
    let variable = |prefix: &str, key: &str| {
        let name = format!("{prefix}{}", key.to_uppercase());
        // An empty variable is none to an agent.
        let value = world.environ.get(name).filter(|value| !value.is_empty());
        value.map(|value| value.to_string_lossy().into_owned())
    };
    match main {
        Some(main) => {
            let prefix = prefix(&main.origin);
            Settings::of(main.root.as_ref().ok(), &|key| variable(prefix, key))
        }
        None => Settings::of(None, &|key| variable("STS_", key).or_else(|| variable("DD_", key))),
    }
}

/// What flags say, and else the settings. Nothing if neither names an executable.
fn backend(args: &AgentTest, settings: &Settings, user: &User, world: &World) -> Option<Backend> {
    let command = args.command.clone().or_else(|| settings.command.clone().map(OsString::from));
    let arguments = match args.arguments.as_slice() {
        [] => settings.arguments.iter().flatten().map(OsString::from).collect(),
        given => given.to_vec(),
    };
    let is_relaxed = args.allow_group_exec.or(settings.allow_group_exec).unwrap_or_default();
    let timeout = args.timeout.map(Duration::from_secs).or(settings.timeout);
    Some(Backend {
        command: command.filter(|command| !command.is_empty())?,
        arguments,
        variables: user.variables.clone(),
        path: world.environ.get("PATH").unwrap_or_default().to_owned(),
        judge: Judge {
            who: user.who.clone(),
            group: if is_relaxed { GroupRule::Relaxed } else { GroupRule::Strict },
            rules: args.rules.into(),
        },
        limits: Limits {
            timeout: timeout.unwrap_or(settings::TIMEOUT),
            max_size: args.max_size.or(settings.max_size).unwrap_or(settings::MAX_SIZE),
            patience: Duration::from_secs(args.patience),
        },
        version: Version::from(args.payload_version),
    })
}

/// Goes through the main configuration and then the checks, as an agent does.
fn resolve(
    args: &AgentTest,
    tree: Tree,
    backend: Option<Backend>,
    skips_checks: bool,
    user: User,
    world: &World,
) -> Found {
    let show = match (args.configcheck, args.show_secrets) {
        (false, _) => Show::Nothing,
        (true, false) => Show::Masked,
        (true, true) => Show::Plain,
    };
    let notice = |text: &str| world.note(text);
    let mut session = Session::new(backend.as_ref(), show, &notice);
    session.skips_checks = skips_checks;
    let mut configurations = Vec::new();
    for mut main in tree.mains {
        if let Ok(root) = &mut main.root {
            let variables = world.environ.iter();
            let as_text =
                variables.filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
            environment::merge(root, prefix(&main.origin), as_text);
        }
        let (origin, path) = (main.origin.clone(), main.path.clone());
        configurations.push(Configuration::of_main(origin, path, session.main(main)));
    }
    let variable = |name: &str| world.environ.get(name)?.to_str();
    for mut check in tree.checks {
        for section in &mut check.sections {
            environment::fill(&mut section.value, &variable);
        }
        let resolved = session.check(&mut check);
        configurations.push(Configuration::of_check(check, resolved));
    }
    let (cache, calls, has_unresolved) = (session.cache, session.calls, session.has_unresolved);
    let (refused, hints) = (tree.refused, tree.hints);
    Found { user, show, configurations, refused, hints, cache, calls, has_unresolved, backend }
}
