//! Getting secrets by name for who opens tokens or answers an agent: many at once, and each for itself.

use std::cell::OnceCell;
use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use secretary_envelope::Reference;
use secretary_secret::Secret;
use secretary_setec_client::{Client, Error};
use tokio::time::{Instant, sleep, timeout_at};

use super::advice::{self, Purpose};
use super::{Flags, SecretsServer};
use crate::environ::Environ;
use crate::failure::Failure;
use crate::remote::{Answer, Denied};
use crate::runtime;

/// How many questions are asked at the same time, each by a connection that is then used for the next one.
const AT_ONCE: usize = 16;

/// When a question is asked again that may be answered in a moment: one for a value changes nothing.
const AGAIN_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// A secrets server that nothing on this machine keeps from being asked.
#[derive(Debug)]
pub struct Getter {
    server: SecretsServer,
    client: Client,
}

impl Getter {
    /// The server that is set up, with what is needed to ask it. No connection is made yet.
    ///
    /// # Errors
    ///
    /// When there is none, or a setting or a file is of no use.
    pub fn find(flags: Flags<'_>, process: &Environ) -> Result<Self, Failure> {
        let server = SecretsServer::find(flags, process)?;
        let client = server.client()?;
        Ok(Self { server, client })
    }

    /// The secrets that `references` name, or why there is none, in their order.
    ///
    /// # Errors
    ///
    /// When the system has no descriptors left.
    pub fn get_all(&self, references: &[Reference]) -> Result<Vec<Answer>, Failure> {
        runtime::wait_for(async {
            let deadline = Instant::now() + self.server.timeout();
            let lost = OnceCell::new();
            let answers = stream::iter(references).map(|reference| {
                let answer = self.get(reference, deadline, &lost);
                async { answer.await.map_err(|error| self.denied(&error)) }
            });
            answers.buffered(AT_ONCE).collect().await
        })
    }

    /// Whom was asked as whom.
    pub fn asked(&self) -> Vec<String> {
        self.server.asked()
    }

    /// One secret, by `deadline`. What keeps the server from answering anything is put into `lost`, and nothing more is
    /// asked then: each question would wait for as long.
    async fn get(
        &self,
        reference: &Reference,
        deadline: Instant,
        lost: &OnceCell<Error>,
    ) -> Result<Secret, Error> {
        let version = reference.version().map_or(0, NonZeroU32::get);
        let mut waits = AGAIN_AFTER.into_iter();
        loop {
            if let Some(error) = lost.get() {
                return Err(error.clone());
            }
            let answer = self.client.get_version(reference.name(), version);
            let error = match timeout_at(deadline, answer).await {
                Ok(Ok(answer)) => return Ok(answer.value),
                Ok(Err(error)) => error,
                Err(_) => Error::Late(self.server.timeout()),
            };
            let wait = waits.next().filter(|_| error.may_pass());
            match wait.filter(|wait| Instant::now() + *wait < deadline) {
                Some(wait) => sleep(wait).await,
                None => {
                    if matches!(error, Error::Unreachable(_) | Error::Late(_)) {
                        // Another question may have put the same there.
                        let _ = lost.set(error.clone());
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Why there is no secret, without its name.
    fn denied(&self, error: &Error) -> Denied {
        let hint = match error {
            Error::NotFound => {
                "`secretary secret info NAME` says which versions there are, and `secretary secret list` which names"
            }
            _ => self.server.hint(error, Purpose::Read),
        };
        Denied { sentence: error.to_string(), code: advice::code(error), hint: hint.to_string() }
    }
}
