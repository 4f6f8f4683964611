//! Having each source look up the handles that are its own, all sources at the same time and all within a deadline.

mod files;
mod secrets_server;
mod tokens;

use std::collections::HashMap;
use std::process;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use secretary_agent::answer::Answers;
use secretary_agent::handle::{Handle, Source};
use secretary_secret::Secret;

use crate::Outcome;
use crate::cli::AgentProvider;
use crate::kubernetes;
use crate::setec;
use crate::world::World;

/// What is left for everything else when AWS KMS, a server or Kubernetes has used up its time.
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
                scope.spawn(move || self.look_up(source, &handles, &sender));
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

    fn look_up<'t>(
        &self,
        source: Source,
        handles: &[(&'t str, Handle<'t>)],
        sender: &Sender<Resolved<'t>>,
    ) {
        let resolved = match source {
            Source::Tokens | Source::Names => self.open(handles),
            Source::Files => return self.read(handles, sender),
            Source::Kubernetes => self.ask_kubernetes(handles),
            Source::Setec => self.ask_secrets_server(handles),
        };
        for resolved in resolved {
            send(sender, resolved);
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
        time_to_ask(self.time, self.started.elapsed())
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
            Source::Setec => (self.has_server(), "setec: is not turned on: --server URL does that"),
        };
        (!is_on).then(|| what.to_string())
    }

    /// Whether a secrets server is set, be it to what is none, or to what this build can't ask: that is told by who asks.
    fn has_server(&self) -> bool {
        let url = setec::url(&self.flags.keys.setec, &self.world.environ);
        !setec::IS_BUILT_IN || !matches!(url, Ok(None))
    }

    fn trimmed(&self, mut secret: Secret) -> Secret {
        if self.flags.trim_newline {
            let end = secret.expose().iter().rposition(|byte| !b"\r\n".contains(byte));
            secret.resize(end.map_or(0, |end| end + 1));
        }
        secret
    }
}

/// Of a short time a part alone is kept back, or nothing would be left of it. In tenths of a second, because it is told
/// of.
fn time_to_ask(time: Duration, elapsed: Duration) -> Duration {
    let left = time.saturating_sub(elapsed).saturating_sub(MARGIN.min(time / 4));
    Duration::from_millis(100) * u32::try_from(left.as_millis() / 100).unwrap_or(u32::MAX)
}

/// Nobody takes what comes too late.
fn send<'t>(sender: &Sender<Resolved<'t>>, resolved: Resolved<'t>) {
    let _ = sender.send(resolved);
}

/// Names stand for tokens, and all tokens are opened together.
fn asked_with(source: Source) -> Source {
    match source {
        Source::Names => Source::Tokens,
        source => source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_time_to_ask_is_left_of_a_short_time() {
        let elapsed = Duration::from_millis(10);
        for (time, expected) in [(29_000, 28_700), (1000, 700), (500, 300), (250, 100)] {
            let left = time_to_ask(Duration::from_millis(time), elapsed);
            assert_eq!(left, Duration::from_millis(expected), "of {time} ms");
        }
        assert_eq!(time_to_ask(elapsed, 2 * elapsed), Duration::ZERO);
        assert!(time_to_ask(Duration::MAX, elapsed) < Duration::MAX / 1000);
    }
}
