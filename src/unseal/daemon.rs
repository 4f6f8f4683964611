//! Having a daemon open tokens: those with something sealed in them. For secrets that are named this program asks a secrets
//! server itself, at the same time.

use std::collections::HashMap;

use secretary_envelope::{Failed, Kind, OpenError, Opened, References, Token};

use super::named::{Names, Supplied, while_asking};
use super::{Each, Texts, damaged_hint, needed, not_asked, not_opened};
use crate::failure::{Code, Failure};
use crate::remote::{Answer, Remote, Sealed};
use crate::setec::Getter;

/// What is asked, each once, and who answers for each token.
#[derive(Default)]
struct Question<'t> {
    sealed: Vec<Sealed<'t>>,
    numbers: HashMap<(&'t str, &'t [u8]), usize>,
    references: References,
    who: Vec<Who>,
}

/// Whose answer a token is, and its number among theirs.
#[derive(Clone, Copy)]
enum Who {
    Daemon(usize),
    Server(usize),
    /// Nobody is asked for a damaged token.
    Nobody,
}

/// What became of the question.
struct Answers {
    daemon: Vec<Answer>,
    server: Supplied,
}

/// Both are asked for all tokens at once, and for equal ones once, when nothing has failed that can be told here.
pub(super) fn open_all(
    remote: &Remote,
    texts: &Texts<'_, '_>,
    names: &Names<'_>,
) -> Result<Opened, Failure> {
    check(texts)?;
    let question = Question::about(texts);
    let needs_server = |failure| needed(failure, texts, Kind::Setec);
    let server = names.server_for(question.references.list()).map_err(needs_server)?;
    let (daemon, server) = question.ask(remote, server.as_ref());
    let answers = Answers { daemon: daemon?, server: server.map_err(needs_server)? };
    let plaintext = |who| answers.of(who)?.as_ref().ok().map(|secret| secret.expose());
    let opened: Option<Vec<&[u8]>> = question.who.iter().copied().map(plaintext).collect();
    match opened {
        Some(opened) => Ok(opened.into_iter().collect()),
        None => Err(answers.failure(remote, texts, &question)),
    }
}

/// Both are asked, in the same way, for all tokens that are not damaged, whatever becomes of the others.
pub(super) fn open_each(remote: &Remote, texts: &Texts<'_, '_>, names: &Names<'_>) -> Each {
    let question = Question::about(texts);
    let server = names.server_for(question.references.list());
    let found = server.as_ref().ok().and_then(Option::as_ref);
    let (daemon, supplied) = question.ask(remote, found);
    let supplied = server.and(supplied).map(|supplied| supplied.answers);
    let (mut opened, mut errors) = (Vec::new(), Vec::new());
    for (token, who) in texts.tokens().zip(&question.who) {
        let plaintext = match *who {
            Who::Daemon(number) => one(&daemon, number),
            Who::Server(number) => one(&supplied, number),
            Who::Nobody => Err(damage(&token).map(|error| error.to_string()).unwrap_or_default()),
        };
        opened.push(plaintext.as_ref().copied().unwrap_or_default());
        errors.push(plaintext.err());
    }
    (opened.into_iter().collect(), errors)
}

fn one(answers: &Result<Vec<Answer>, Failure>, number: usize) -> Result<&[u8], String> {
    match answers {
        Ok(answers) => match &answers[number] {
            Ok(secret) => Ok(secret.expose()),
            Err(denied) => Err(denied.sentence.clone()),
        },
        Err(failure) => Err(failure.message().to_string()),
    }
}

impl<'t> Question<'t> {
    fn about(texts: &Texts<'_, 't>) -> Self {
        let mut question = Self::default();
        for (number, text) in texts.texts.iter().enumerate() {
            for token in text.tokens() {
                let who = question.ask_for((texts.key)(number), token);
                question.who.push(who);
            }
        }
        question
    }

    fn ask_for(&mut self, key: &'t str, token: Token<'t>) -> Who {
        match token.kind() {
            _ if token.damage().is_some() => Who::Nobody,
            Kind::Setec => match token.reference() {
                Ok(reference) => Who::Server(self.references.number_of(reference)),
                Err(_) => Who::Nobody,
            },
            Kind::Nacl | Kind::Kms => {
                let next = self.sealed.len();
                let number = *self.numbers.entry((key, token.text())).or_insert(next);
                if number == next {
                    self.sealed.push(Sealed { key, token });
                }
                Who::Daemon(number)
            }
        }
    }

    fn ask(
        &self,
        remote: &Remote,
        server: Option<&Getter>,
    ) -> (Result<Vec<Answer>, Failure>, Result<Supplied, Failure>) {
        while_asking(server, self.references.list(), || match self.sealed.as_slice() {
            [] => Ok(Vec::new()),
            sealed => remote.open_all(sealed),
        })
    }
}

/// A token that nothing can open is none to ask for.
fn check(texts: &Texts<'_, '_>) -> Result<(), Failure> {
    let failed = |(index, token): (usize, Token<'_>)| {
        Some(Failed { index, kind: token.kind(), error: damage(&token)? })
    };
    let damaged: Vec<_> = texts.tokens().enumerate().filter_map(failed).collect();
    if damaged.is_empty() {
        return Ok(());
    }
    let lines = texts.listed(&damaged, |failed| failed.error.to_string());
    let failure = not_opened(Code::Damaged, damaged.len(), texts.tokens().count(), lines);
    let is_named = |kind| kind == Kind::Setec;
    let failure =
        not_asked(failure, "the daemon", &damaged, texts.tokens(), |kind| !is_named(kind));
    let failure = not_asked(failure, "a secrets server", &damaged, texts.tokens(), is_named);
    Err(failure.hint(damaged_hint(&damaged)))
}

fn damage(token: &Token<'_>) -> Option<OpenError> {
    token.damage().map(OpenError::from)
}

impl Answers {
    fn of(&self, who: Who) -> Option<&Answer> {
        match who {
            Who::Daemon(number) => self.daemon.get(number),
            Who::Server(number) => self.server.answers.get(number),
            Who::Nobody => None,
        }
    }

    /// The code and the hint are those of the first token that failed.
    fn failure(&self, remote: &Remote, texts: &Texts<'_, '_>, question: &Question<'_>) -> Failure {
        let mut failed = Vec::new();
        for ((index, token), &who) in texts.tokens().enumerate().zip(&question.who) {
            if matches!(self.of(who), Some(Err(_))) {
                let error = OpenError::NotSupplied { reference: index };
                failed.push(Failed { index, kind: token.kind(), error });
            }
        }
        let denied = |failed: &Failed| self.of(question.who[failed.index])?.as_ref().err();
        let sentence = |failed: &Failed| denied(failed).map(|denied| denied.sentence.clone());
        let lines = texts.listed(&failed, |failed| sentence(failed).unwrap_or_default());
        let first = failed.first().and_then(denied);
        let code = first.map_or(Code::Remote, |denied| denied.code);
        let mut failure = not_opened(code, failed.len(), question.who.len(), lines);
        let is_of =
            |is_named: bool| failed.iter().any(|failed| (failed.kind == Kind::Setec) == is_named);
        if is_of(false) {
            failure = remote.asked().into_iter().fold(failure, Failure::detail);
        }
        if is_of(true) {
            failure = self.server.asked.iter().cloned().fold(failure, Failure::detail);
        }
        match first.map(|denied| denied.hint.as_str()) {
            Some(hint) if !hint.is_empty() => failure.hint(hint),
            _ => failure,
        }
    }
}
