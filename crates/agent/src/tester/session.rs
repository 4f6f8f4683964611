//! An agent's life as far as secrets go: what it resolves, in its order, with what it has learned before.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use secretary_secret::Secret;

use super::cache::Cache;
use super::check::{Check, Kind};
use super::rights::Judge;
use super::run::{self, Finished, Limits};
use super::tree::Main;
use super::{AgentError, MASK, lookup, payload, secrets, verdict};
use crate::yaml::{self, Value};

/// The executable, and how an agent is set to run it.
#[derive(Clone, Debug)]
pub struct Backend {
    /// As configured.
    pub command: OsString,
    /// What it is started with.
    pub arguments: Vec<OsString>,
    /// Variables that it gets beside those there are.
    pub variables: Vec<(&'static str, OsString)>,
    /// The variable `PATH`.
    pub path: OsString,
    /// Who judges its rights.
    pub judge: Judge,
    /// Time and sizes.
    pub limits: Limits,
    /// Which agent's request it gets.
    pub version: payload::Version,
}

impl Backend {
    /// The command as errors name it.
    pub fn name(&self) -> String {
        self.command.to_string_lossy().into_owned()
    }

    /// The file that would be run.
    pub fn file(&self) -> lookup::Found {
        lookup::find(&self.command, &self.path)
    }

    /// Runs it with `payload`, whatever its rights are.
    pub fn run(&self, payload: &str, notice: &dyn Fn(&str)) -> Finished {
        let found = self.file();
        match found.refused {
            None => {
                let mut command = Command::new(&found.path);
                command.args(&self.arguments).envs(self.variables.iter().cloned());
                run::run(&self.name(), command, payload, &self.limits, notice)
            }
            Some(reason) => {
                let text = format!("error while running '{}': {reason}", self.name());
                Finished { failed: Some(AgentError(text)), ..Finished::default() }
            }
        }
    }
}

/// What is kept of resolved sections, to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing.
    Nothing,
    /// The text with a mask in the place of each secret.
    Masked,
    /// The text as a check gets it.
    Plain,
}

/// A process that was run, without what it said.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which configuration asked.
    pub origin: String,
    /// Which part of it.
    pub section: Kind,
    /// How many handles were asked for.
    pub handles: usize,
    /// How long it took.
    pub took: Duration,
    /// How long others held its pipes when it had ended.
    pub held: Duration,
    /// Whether they still did in the end.
    pub is_still_held: bool,
    /// Whether it was killed because its time was up.
    pub was_killed: bool,
    /// Bytes it wrote to standard output and standard error.
    pub sizes: [usize; 2],
    /// What was wrong with it, if it was.
    pub error: Option<AgentError>,
}

impl Call {
    /// What is kept of a process that was asked for `handles`, with what was wrong in the end.
    pub fn of(
        finished: &Finished,
        origin: &str,
        section: Kind,
        handles: &[String],
        error: Option<AgentError>,
    ) -> Self {
        let distinct: BTreeSet<&String> = handles.iter().collect();
        Self {
            origin: origin.to_string(),
            section,
            handles: distinct.len(),
            took: finished.took,
            held: finished.held,
            is_still_held: finished.is_still_held,
            was_killed: finished.was_killed,
            sizes: [finished.stdout.len(), finished.stderr.len()],
            error,
        }
    }
}

/// A section as it is when its secrets are resolved.
#[derive(Debug)]
pub struct Shown {
    /// Which one.
    pub kind: Kind,
    /// The text, if it was to be kept.
    pub text: Secret,
    /// Whether there is a secret in it.
    pub has_secret: bool,
    /// What an agent identifies an instance by beside its contents.
    pub name: Option<String>,
}

/// A configuration, and what became of it.
#[derive(Debug)]
pub struct Resolved {
    /// Its sections up to the one that failed.
    pub sections: Vec<Shown>,
    /// Why an agent does without it, or does not start.
    pub error: Option<AgentError>,
}

/// An agent from its start on.
pub struct Session<'a> {
    /// `None` where no command is set: everything stays as it is then.
    backend: Option<&'a Backend>,
    show: Show,
    notice: &'a dyn Fn(&str),
    /// Whether checks are left as they are: `secret_backend_skip_checks`.
    pub skips_checks: bool,
    /// The configuration that an agent would never be done with, because something holds the executable's output.
    waits_for: Option<String>,
    /// Whether there are secrets and no command to resolve them.
    pub has_unresolved: bool,
    /// What is known by now.
    pub cache: Cache,
    /// The processes there were.
    pub calls: Vec<Call>,
}

impl<'a> Session<'a> {
    /// An agent that has just started.
    pub fn new(backend: Option<&'a Backend>, show: Show, notice: &'a dyn Fn(&str)) -> Self {
        Self {
            backend,
            show,
            notice,
            skips_checks: false,
            waits_for: None,
            has_unresolved: false,
            cache: Cache::default(),
            calls: Vec::new(),
        }
    }

    /// Resolves a main configuration.
    pub fn main(&mut self, main: Main) -> Resolved {
        let Main { origin, text, root, refused, .. } = main;
        let root = match root {
            Ok(root) => root,
            Err(error) => return Resolved { sections: Vec::new(), error: Some(error) },
        };
        match self.section(Kind::Main, root, &origin) {
            // Without a secret nothing is written anew, so comments and order stay.
            Ok(shown) if !shown.has_secret && self.show != Show::Nothing => {
                Resolved { sections: vec![Shown { text, ..shown }], error: refused }
            }
            Ok(shown) => Resolved { sections: vec![shown], error: refused },
            Err(error) => Resolved { sections: Vec::new(), error: Some(error) },
        }
    }

    /// Resolves a check, section by section, until one fails.
    pub fn check(&mut self, check: &mut Check) -> Resolved {
        let mut sections = Vec::new();
        for section in std::mem::take(&mut check.sections) {
            match self.section(section.kind, section.value, &check.name) {
                Ok(shown) => sections.push(shown),
                Err(error) => {
                    return Resolved { sections, error: Some(section.kind.wrap(&error)) };
                }
            }
        }
        Resolved { sections, error: None }
    }

    fn section(&mut self, kind: Kind, mut value: Value, origin: &str) -> Result<Shown, AgentError> {
        let name = ["name", "namespace"]
            .iter()
            .filter_map(|key| value.get(key)?.as_str())
            .find(|name| !name.is_empty())
            .map(str::to_string);
        let has_secret = self.resolve(&mut value, kind, origin)?;
        let text = match self.show {
            Show::Nothing => Secret::default(),
            Show::Masked | Show::Plain => yaml::emit(&value),
        };
        Ok(Shown { kind, text, has_secret, name })
    }

    /// Resolves the secrets in `value`, and answers whether there are any.
    fn resolve(&mut self, value: &mut Value, kind: Kind, origin: &str) -> Result<bool, AgentError> {
        if self.skips_checks && kind != Kind::Main {
            return Ok(false);
        }
        let handles = secrets::handles(value);
        if self.backend.is_none() {
            self.has_unresolved |= !handles.is_empty();
            return Ok(false);
        }
        if handles.is_empty() {
            return Ok(false);
        }
        let new: Vec<String> =
            handles.into_iter().filter(|handle| !self.cache.note(handle, origin)).collect();
        if !new.is_empty() {
            self.fetch(&new, kind, origin)?;
        }
        let mask = Secret::from(MASK.as_bytes());
        match self.show {
            Show::Nothing => {}
            Show::Masked => secrets::resolve(value, &|_| Some(&mask)),
            Show::Plain => secrets::resolve(value, &|handle| self.cache.value(handle)),
        }
        Ok(true)
    }

    fn fetch(&mut self, handles: &[String], kind: Kind, origin: &str) -> Result<(), AgentError> {
        let Some(backend) = self.backend else { return Ok(()) };
        if let Some(other) = &self.waits_for {
            return Err(AgentError(format!(
                "not tried, because an agent would still wait for the output of '{}' for {other}",
                backend.name()
            )));
        }
        backend.judge.check(&backend.file().path)?;
        let payload = payload::of(handles, backend.version, backend.limits.timeout);
        let finished = backend.run(&payload, self.notice);
        let judged = match &finished.failed {
            Some(error) => Err(error.clone()),
            None => {
                let judged = verdict::judge(finished.stdout.expose(), handles, &self.cache);
                for (handle, value) in judged.values {
                    self.cache.keep(&handle, value, origin);
                }
                judged.verdict
            }
        };
        self.waits_for = finished.is_still_held.then(|| origin.to_string());
        let error = judged.as_ref().err().cloned();
        self.calls.push(Call::of(&finished, origin, kind, handles, error));
        judged
    }
}
