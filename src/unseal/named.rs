//! Tokens that name a secret: a secrets server is asked for all of them, each name once, while somebody else is asked for
//! what opens the others.

use std::panic::resume_unwind;
use std::thread;

use secretary_envelope::Reference;

use crate::environ::Environ;
use crate::failure::{Failure, shown};
use crate::remote::{Answer, Denied};
use crate::setec::{Flags, Getter};

/// Who may be asked for what tokens name.
pub(super) struct Names<'a> {
    flags: Flags<'a>,
    process: &'a Environ,
}

/// What a secrets server answered for each reference, in their order.
#[derive(Default)]
pub(super) struct Supplied {
    pub(super) answers: Vec<Answer>,
    /// Whom was asked, in lines fit to be printed.
    pub(super) asked: Vec<String>,
}

impl<'a> Names<'a> {
    pub(super) fn new(flags: Flags<'a>, process: &'a Environ) -> Self {
        Self { flags, process }
    }

    /// Who is to be asked for `references`: nobody, if there are none. Nothing is asked yet.
    pub(super) fn server_for(&self, references: &[Reference]) -> Result<Option<Getter>, Failure> {
        match references {
            [] => Ok(None),
            _ => Getter::find(self.flags, self.process).map(Some),
        }
    }
}

/// Does `other` while `server`, if there is one, is asked for `references`.
pub(super) fn while_asking<T>(
    server: Option<&Getter>,
    references: &[Reference],
    other: impl FnOnce() -> T,
) -> (T, Result<Supplied, Failure>) {
    let Some(server) = server else { return (other(), Ok(Supplied::default())) };
    thread::scope(|scope| {
        let supplied = scope.spawn(|| {
            let answers = server.get_all(references)?.into_iter().zip(references);
            let answers = answers
                .map(|(answer, reference)| answer.map_err(|denied| named(denied, reference)));
            Ok(Supplied { answers: answers.collect(), asked: server.asked() })
        });
        let other = other();
        (other, supplied.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Says which secret it is about, which the place of a token does not.
fn named(denied: Denied, reference: &Reference) -> Denied {
    let sentence = format!("{}: {}", shown(reference.to_string()), denied.sentence);
    Denied { sentence, ..denied }
}
