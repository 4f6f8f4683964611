//! What came of it, for people.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use secretary_agent::tester::AgentError;
use secretary_agent::tester::cache::Cache;
use secretary_agent::tester::check::Check;
use secretary_agent::tester::configcheck;
use secretary_agent::tester::faults;
use secretary_agent::tester::hints::Hint;
use secretary_agent::tester::report::{self, Details, Rights};
use secretary_agent::tester::scrub::Scrubber;
use secretary_agent::tester::session::{Backend, Call, Resolved, Show};
use secretary_agent::tester::tree::Refused;
use secretary_secret::Secret;

use super::user::User;
use crate::failure::printable;

/// All that came of it.
pub(super) struct Found {
    pub(super) user: User,
    pub(super) show: Show,
    /// Nothing where none is configured.
    pub(super) backend: Option<Backend>,
    pub(super) configurations: Vec<Configuration>,
    pub(super) refused: Vec<Refused>,
    /// About the files. Those about the executable are made when they are asked for.
    pub(super) hints: Vec<Hint>,
    pub(super) cache: Cache,
    pub(super) calls: Vec<Call>,
    pub(super) has_unresolved: bool,
}

/// A main configuration or a check.
pub(super) struct Configuration {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Nothing for a main configuration.
    pub(super) check: Option<Check>,
    pub(super) resolved: Resolved,
}

impl Configuration {
    pub(super) fn of_main(name: String, path: PathBuf, resolved: Resolved) -> Self {
        Self { name, path, check: None, resolved }
    }

    pub(super) fn of_check(check: Check, resolved: Resolved) -> Self {
        Self { name: check.name.clone(), path: check.path.clone(), check: Some(check), resolved }
    }

    /// What an agent says when it does without it.
    pub(super) fn failure(&self) -> Option<String> {
        let error = self.resolved.error.as_ref()?;
        let Self { name, check, .. } = self;
        Some(match check {
            None => format!("unable to decrypt secret from {name}: {error}"),
            Some(check) if check.is_template => {
                format!(
                    "error decrypting secrets in config {name} for each service it matches: {error}"
                )
            }
            Some(_) => format!("Dropping conf for '{name}': {error}"),
        })
    }
}

impl Found {
    /// Whether all main configurations can be resolved. What else fails keeps no agent from its start.
    pub(super) fn starts(&self) -> bool {
        let mut mains = self.configurations.iter().filter(|one| one.check.is_none());
        mains.all(|main| main.resolved.error.is_none())
    }

    /// How many checks an agent would do without.
    pub(super) fn dropped(&self) -> usize {
        let checks = self.configurations.iter().filter(|one| one.check.is_some());
        let refused = self.refused.iter().filter(|refused| !refused.is_empty).count();
        checks.filter(|check| check.resolved.error.is_some()).count() + refused
    }

    /// Whether everything would work.
    pub(super) fn is_good(&self) -> bool {
        self.starts() && self.is_allowed() && self.dropped() == 0 && !self.has_unresolved
    }

    /// Whether the executable may be run, if there is one.
    fn is_allowed(&self) -> bool {
        self.rights().is_none_or(|rights| rights.is_ok())
    }

    fn rights(&self) -> Option<Result<(), AgentError>> {
        let backend = self.backend.as_ref()?;
        Some(backend.judge.check(&backend.file().path))
    }

    /// What an agent reports of the command as it is configured, without a search for it.
    pub(super) fn reported_rights(&self) -> Option<Rights> {
        let backend = self.backend.as_ref()?;
        let path = Path::new(&backend.command);
        Some(Rights {
            command: backend.name(),
            verdict: backend.judge.check(path),
            #[cfg(unix)]
            details: Details::of(path, &self.user.accounts),
            #[cfg(windows)]
            details: Details::of(path),
        })
    }

    /// All hints, those about the executable first.
    pub(super) fn hints(&self) -> Vec<Hint> {
        let mut hints = Vec::new();
        if let Some(backend) = &self.backend {
            let file = backend.file().path;
            if let Some(Err(error)) = self.rights() {
                let name = self.user.name();
                let group = backend.judge.group;
                hints.extend(faults::of_rights(&error.to_string(), &file, &name, group));
            }
            hints.extend(faults::of_calls(&self.calls, backend));
            hints.extend(faults::of_silence(&self.calls, backend));
            if file.as_os_str() != backend.command.as_os_str() {
                hints.push(Hint::at(
                    Path::new(&backend.command),
                    "an agent finds it in PATH, but reports the rights of a file of that name in its working folder",
                    "configure the whole path",
                ));
            } else if !file.is_absolute() {
                hints.push(Hint::at(
                    &file,
                    "an agent looks for it from its own working folder, which may be another than this one",
                    "configure the whole path",
                ));
            }
        } else if self.has_unresolved && self.starts() {
            hints.push(Hint {
                place: "secret_backend_command".to_string(),
                text: "it is not set, so an agent uses secrets as the texts they are written as"
                    .to_string(),
                advice: "set it in the main file; a check's file is not the place for it"
                    .to_string(),
            });
        }
        if self.configurations.is_empty() && self.refused.is_empty() {
            hints.push(Hint {
                place: "--config".to_string(),
                text: "there was no configuration to look at, so nothing is known of its secrets"
                    .to_string(),
                advice: "name an agent's folder".to_string(),
            });
        }
        hints.extend(self.hints.iter().cloned());
        hints
    }

    /// For people: the agent's report, the configurations if they are to be shown, and what would happen.
    pub(super) fn text(&self) -> Secret {
        let mut text = Secret::default();
        match self.reported_rights() {
            None => text.extend(report::DISABLED.as_bytes()),
            Some(rights) => text.extend(report::text(&rights, &self.cache).as_bytes()),
        }
        if self.show != Show::Nothing {
            text.extend(self.configcheck().expose());
        }
        text.extend(self.result().as_bytes());
        text
    }

    fn configcheck(&self) -> Secret {
        let mut text = Secret::default();
        for configuration in &self.configurations {
            let Configuration { name, check, resolved, .. } = configuration;
            match check {
                None => configcheck::push_main(&mut text, name, resolved),
                Some(check) => {
                    configcheck::push_check(&mut text, check, resolved, self.show == Show::Plain);
                }
            }
        }
        match self.show {
            Show::Plain => text,
            Show::Masked | Show::Nothing => Scrubber::new().scrub(&text),
        }
    }

    fn result(&self) -> String {
        let mut text = String::from("\n=== Result ===\n");
        for configuration in &self.configurations {
            if let Some(failure) = configuration.failure() {
                let (failure, path) = (printable(&failure), configuration.path.to_string_lossy());
                let _ = writeln!(text, "{failure} ({})", printable(&path));
            }
        }
        for Refused { path, error, .. } in &self.refused {
            let path = printable(&path.to_string_lossy());
            let _ = writeln!(text, "{path} is not a valid config file: {error}");
        }
        if let Some(slowest) = self.calls.iter().map(|call| call.took).max() {
            let (count, seconds) = (self.calls.len(), slowest.as_secs_f32());
            let _ = writeln!(text, "Processes: {count}, the slowest took {seconds:.3} s");
        }
        let all = self.configurations.len() + self.refused.len();
        let verdict = match (self.starts(), self.dropped(), self.has_unresolved) {
            (false, _, _) => "The agent would not start.".to_string(),
            (true, 0, false) if !self.is_allowed() => {
                "The agent would start, and not run the executable.".to_string()
            }
            (true, 0, false) => "The agent would start.".to_string(),
            (true, 0, true) => {
                "The agent would start, and use secrets as the texts they are written as."
                    .to_string()
            }
            (true, dropped, _) => {
                format!("The agent would start, and do without {dropped} of {all} configurations.")
            }
        };
        let _ = writeln!(text, "{verdict}");
        push_hints(&mut text, &self.hints());
        text
    }
}

/// Appends hints, each with what to do.
pub(super) fn push_hints(text: &mut String, hints: &[Hint]) {
    if !hints.is_empty() {
        text.push_str("\n=== Hints ===\n");
    }
    for Hint { place, text: what, advice } in hints {
        let (place, what, advice) = (printable(place), printable(what), printable(advice));
        let _ = writeln!(text, "{place}: {what}\n  hint: {advice}");
    }
}
