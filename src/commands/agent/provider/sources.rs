//! Having each source look up the handles that are its own, all sources at the same time and all within a deadline.

mod files;
mod tokens;

use std::collections::HashMap;
use std::process;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use secretary_agent::answer::Answers;
use secretary_agent::handle::{Handle, Source};
use secretary_secret::Secret;

use crate::Outcome;
use crate::cli::AgentProvider;
use crate::kubernetes;
use crate::world::World;

/// What is left for everything else when AWS KMS, a daemon or Kubernetes has used up its time.
const MARGIN: Duration = Duration::from_millis(200);

/// What became of one handle.
type Resolved<'a> = (&'a str, Result<Secret, String>);

/// Where and how long handles are looked up.
#[derive(Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub(super) flags: &'a AgentProvider,
    pub(super) world: &'a World,
    pub(super) started: Instant,
    pub(super) time: Duration,
}

impl Resolver<'_> {
    /// Looks up `handles`, and has `done` write the answers.
    ///
    /// A source that has not answered in time is not waited for: the program ends at once then, so that the agent gets
    /// what the others said.
    pub(super) fn resolve(
        &self,
        handles: &[String],
        done: impl FnOnce(&Answers) -> Outcome,
    ) -> Outcome {
        let mut answers = Answers::default();
        let mut asked: HashMap<Source, Vec<(&str, Handle<'_>)>> = HashMap::new();
        for text in handles {
            let handle = Handle::parse(text);
            match self.refusal(&handle) {
                Some(refusal) => answers.insert(text.clone(), Err(refusal)),
                None => asked.entry(asked_with(handle.source())).or_default().push((text, handle)),
            }
        }
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for (source, handles) in asked {
                let sender = sender.clone();
                scope.spawn(move || {
                    for resolved in self.look_up(source, &handles) {
                        // Nobody takes what comes too late.
                        let _ = sender.send(resolved);
                    }
                });
            }
            drop(sender);
            if self.collect(&receiver, &mut answers) {
                return done(&answers);
            }
            for handle in handles.iter().filter(|handle| !answers.has(handle)).collect::<Vec<_>>() {
                let seconds = self.time.as_secs_f64();
                answers
                    .insert(handle.clone(), Err(format!("there was no answer within {seconds} s")));
            }
            // Leaving the scope would wait for who is late.
            match done(&answers) {
                Ok(_) => process::exit(0),
                Err(failure) => {
                    failure.print_in_a_line();
                    process::exit(1)
                }
            }
        })
    }

    /// Takes what is sent until everybody is done, or time is up.
    fn collect(&self, receiver: &Receiver<Resolved<'_>>, answers: &mut Answers) -> bool {
        loop {
            let left = self.time.saturating_sub(self.started.elapsed());
            match receiver.recv_timeout(left) {
                Ok((handle, result)) => {
                    answers.insert(handle.to_string(), result.map(|it| self.trimmed(it)))
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return true,
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    fn look_up<'t>(&self, source: Source, handles: &[(&'t str, Handle<'t>)]) -> Vec<Resolved<'t>> {
        match source {
            Source::Tokens | Source::Names => self.open(handles),
            Source::Files => self.read(handles),
            Source::Kubernetes => self.ask_kubernetes(handles),
            // Nobody is asked.
            Source::Setec => Vec::new(),
        }
    }

    fn ask_kubernetes<'t>(&self, handles: &[(&'t str, Handle<'t>)]) -> Vec<Resolved<'t>> {
        let keys = handles.iter().filter_map(|(text, handle)| match handle {
            Handle::KubernetesSecret(name) => Some((*text, *name)),
            _ => None,
        });
        let keys: Vec<_> = keys.collect();
        kubernetes::read(
            &keys,
            &self.flags.service_account,
            self.time_to_ask(),
            &self.world.environ,
        )
    }

    /// What is left to ask others in, and to tell what they said.
    fn time_to_ask(&self) -> Duration {
        let left = self.time.saturating_sub(self.started.elapsed()).saturating_sub(MARGIN);
        // In tenths of a second, because it is told of.
        Duration::from_millis(100) * u32::try_from(left.as_millis() / 100).unwrap_or(u32::MAX)
    }

    /// Why nobody is asked for a handle, unless somebody is.
    fn refusal(&self, handle: &Handle<'_>) -> Option<String> {
        let flags = self.flags;
        let (is_on, what) = match handle.source() {
            Source::Tokens => (flags.tokens, "tokens are turned off: tokens = false"),
            Source::Names => {
                (!flags.names.is_empty(), "there are no names: --names FILE lists them")
            }
            Source::Files => {
                (!flags.file_root.is_empty(), "file@ is not turned on: --file-root DIR does that")
            }
            Source::Kubernetes => {
                (flags.kubernetes, "k8s_secret@ is not turned on: --kubernetes does that")
            }
            Source::Setec => (false, "this secretary has no client for a secrets server"),
        };
        (!is_on).then(|| what.to_string())
    }

    fn trimmed(&self, mut secret: Secret) -> Secret {
        if self.flags.trim_newline {
            let end = secret.expose().iter().rposition(|byte| !b"\r\n".contains(byte));
            secret.resize(end.map_or(0, |end| end + 1));
        }
        secret
    }
}

/// Names stand for tokens, and all tokens are opened together.
fn asked_with(source: Source) -> Source {
    match source {
        Source::Names => Source::Tokens,
        source => source,
    }
}
