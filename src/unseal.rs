//! Opening the tokens of several texts at once, all or none: with the keys at hand, or by a daemon, and those that name a
//! secret by a secrets server in either case.

mod daemon;
mod here;
mod named;

use std::ops::Range;

use secretary_envelope::{Failed, Kind, OpenError, Opened, Text, Token};
use secretary_secret::Secret;

use self::here::Here;
use self::named::Names;
use crate::cli::OpenKeys;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::remote::Remote;
use crate::setec;

const DAMAGED_HINT: &str = "copy the whole token again from where it was encrypted";

const NAME_HINT: &str = "a token that names a secret is ENC[SETEC,NAME] or ENC[SETEC,NAME@VERSION]";

/// Opens tokens with the keys found at the start, and says where they came from when it can't.
pub struct Unsealer<'a> {
    source: Source<'a>,
    names: Names<'a>,
}

enum Source<'a> {
    Here(Box<Here<'a>>),
    Daemon(Box<Remote>),
}

impl<'a> Unsealer<'a> {
    /// Finds the daemon, if one is set up, or the keys that the flags, `environ` or `./keys/` have. `process` is the
    /// process's own part of `environ`: where and as whom others are asked is no matter of a file with variables. A secrets
    /// server is not looked for before a token needs it.
    ///
    /// # Errors
    ///
    /// When a place holds no key, a flag names nothing, or what is needed for a daemon is missing.
    pub fn find(
        flags: &'a OpenKeys,
        environ: &'a Environ,
        process: &'a Environ,
    ) -> Result<Self, Failure> {
        let deploy_key = flags.private_key.as_deref();
        let source = match Remote::find(&flags.daemon, deploy_key, environ, process)? {
            Some(remote) => Source::Daemon(Box::new(remote)),
            None => Source::Here(Box::new(Here::find(flags, environ, process)?)),
        };
        let server = setec::Flags::beside_daemon(&flags.setec, &flags.daemon, environ);
        Ok(Self { source, names: Names::new(server, process) })
    }

    /// Opens every token of a text, or none. `places` names the tokens with those numbers, for the list of those that
    /// do not open.
    ///
    /// # Errors
    ///
    /// A failure that lists each token that does not open.
    pub fn open_text(
        &self,
        text: &Text<'_>,
        places: impl Fn(&[usize]) -> Vec<String>,
    ) -> Result<Opened, Failure> {
        self.open_all(&Texts {
            texts: &[text],
            key: &|_| "",
            places: &|_, indexes| places(indexes),
        })
    }

    /// The values `texts` stand for: each with all its tokens opened. `place` names the text with a number for
    /// people, and `key` the variable that it is the value of, if it is one.
    ///
    /// # Errors
    ///
    /// As [`Self::open_text`].
    pub fn open_values<'t>(
        &self,
        texts: &[Text<'t>],
        key: &dyn Fn(usize) -> &'t str,
        place: impl Fn(usize) -> String,
    ) -> Result<Vec<Secret>, Failure> {
        let borrowed: Vec<_> = texts.iter().collect();
        let places = |number, indexes: &[usize]| vec![place(number); indexes.len()];
        let opened = self.open_all(&Texts { texts: &borrowed, key, places: &places })?;
        let mut values = Vec::with_capacity(texts.len());
        let mut first = 0;
        for text in texts {
            let own = first..first + text.tokens().len();
            first = own.end;
            values.push(value(text, &opened, own));
        }
        Ok(values)
    }

    /// The values `texts` stand for, each for itself: one that does not open keeps no other back, and comes with a
    /// sentence that says why, for whom a list of failures and a hint are too much.
    pub fn open_each(&self, texts: &[Text<'_>]) -> Vec<Result<Secret, String>> {
        let borrowed: Vec<_> = texts.iter().collect();
        let all = Texts { texts: &borrowed, key: &|_| "", places: &|_, _| Vec::new() };
        let (opened, mut errors) = match &self.source {
            Source::Here(here) => here.open_each(&all, &self.names),
            Source::Daemon(remote) => daemon::open_each(remote, &all, &self.names),
        };
        let mut first = 0;
        let value = |text: &Text<'_>| {
            let own = first..first + text.tokens().len();
            first = own.end;
            match errors[own.clone()].iter_mut().find_map(Option::take) {
                Some(error) => Err(error),
                None => Ok(value(text, &opened, own)),
            }
        };
        texts.iter().map(value).collect()
    }

    fn open_all(&self, texts: &Texts<'_, '_>) -> Result<Opened, Failure> {
        match &self.source {
            Source::Here(here) => here.open_all(texts, &self.names),
            Source::Daemon(remote) => daemon::open_all(remote, texts, &self.names),
        }
    }
}

/// What each token of several texts became, and why those failed that did.
type Each = (Opened, Vec<Option<String>>);

/// A text with its tokens, which have the numbers `own`, opened.
fn value(text: &Text<'_>, opened: &Opened, own: Range<usize>) -> Secret {
    let len = text.replaced(opened.range(own.clone())).map(<[u8]>::len).sum();
    let mut value = Secret::with_capacity(len);
    text.replaced(opened.range(own)).for_each(|part| value.extend(part));
    value
}

/// Several texts, whose tokens are numbered through all of them.
struct Texts<'a, 't> {
    texts: &'a [&'a Text<'t>],
    /// The variable that the text with a number is the value of.
    key: &'a dyn Fn(usize) -> &'t str,
    /// Names for tokens of the text with a number.
    places: &'a dyn Fn(usize, &[usize]) -> Vec<String>,
}

impl<'t> Texts<'_, 't> {
    fn tokens(&self) -> impl Iterator<Item = Token<'t>> + Clone {
        self.texts.iter().flat_map(|text| text.tokens())
    }

    /// A line for each of `failed`.
    fn listed(&self, failed: &[Failed], sentence: impl Fn(&Failed) -> String) -> Vec<String> {
        let mut lines = Vec::new();
        let mut first = 0;
        let mut rest = failed;
        for (number, text) in self.texts.iter().enumerate() {
            let next = first + text.tokens().len();
            let (here, later) = rest.split_at(rest.partition_point(|failed| failed.index < next));
            let indexes: Vec<_> = here.iter().map(|failed| failed.index - first).collect();
            let named = (self.places)(number, &indexes).into_iter().zip(here);
            lines.extend(named.map(|(place, failed)| {
                format!("{place}: ENC[{},..]: {}", failed.kind.tag(), sentence(failed))
            }));
            (first, rest) = (next, later);
        }
        lines
    }
}

fn not_opened(code: Code, failed: usize, total: usize, lines: Vec<String>) -> Failure {
    let tokens = if total == 1 { "token" } else { "tokens" };
    let message = format!("{failed} of {total} {tokens} cannot be opened, so nothing was done");
    lines.into_iter().fold(Failure::new(code, message), |failure, line| failure.detail(line))
}

/// What to do about tokens of which at least one is damaged.
fn damaged_hint(failed: &[Failed]) -> &'static str {
    let is_damaged = |failed: &&Failed| matches!(failed.error, OpenError::Damaged(_));
    match failed.iter().find(is_damaged).map(|first| first.kind) {
        Some(Kind::Setec) => NAME_HINT,
        _ => DAMAGED_HINT,
    }
}

/// Says whom nobody has asked for tokens of some kinds, because others have failed already.
fn not_asked<'t>(
    failure: Failure,
    who: &str,
    failed: &[Failed],
    tokens: impl Iterator<Item = Token<'t>>,
    is_theirs: impl Fn(Kind) -> bool,
) -> Failure {
    let all = tokens.filter(|token| is_theirs(token.kind())).count();
    match all - failed.iter().filter(|failed| is_theirs(failed.kind)).count() {
        0 => failure,
        untried => failure.detail(format!("{who} was not asked about {untried} more")),
    }
}

/// Says of a failure that is not about one token what it was needed for: the tokens of a kind.
fn needed(failure: Failure, texts: &Texts<'_, '_>, kind: Kind) -> Failure {
    let mut numbers = texts.tokens().enumerate().filter(|(_, token)| token.kind() == kind);
    let Some((index, _)) = numbers.next() else { return failure };
    let who = if kind == Kind::Setec { "a secrets server" } else { "AWS KMS" };
    let first = Failed { index, kind, error: OpenError::NoKey };
    let lines = texts.listed(&[first], |_| format!("needs {who}"));
    let failure = lines.into_iter().fold(failure, |failure, line| failure.detail(line));
    match numbers.count() {
        0 => failure,
        others => failure.detail(format!("and {others} more")),
    }
}
