//! Opening the tokens of several texts at once, all or none, with the keys at hand and AWS KMS.

use secretary_envelope::{
    Failed, Kind, OpenError, Opened, Opener, Opening, PublicKey, SecretKey, Text, Token,
};
use secretary_secret::Secret;

use crate::cli::OpenKeys;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::keys::{self, Lookup, WEAK_HINT};
use crate::kms::{KeyService, Refusal, Unwrapped};

/// Opens tokens with the keys found at the start, and says where they came from when it can't.
pub struct Unsealer<'a> {
    opener: Opener,
    service: KeyService<'a>,
    used: Vec<String>,
    missing: Vec<Lookup>,
}

impl<'a> Unsealer<'a> {
    /// Finds the keys that the flags, `environ` or `./keys/` have. None at all is no error until there is
    /// a token; a place that holds something else than a key always is. `process` is the process's own
    /// part of `environ`, see [`KeyService::new`].
    ///
    /// # Errors
    ///
    /// When a place holds no key, or a flag names nothing.
    pub fn find(
        flags: &'a OpenKeys,
        environ: &'a Environ,
        process: &'a Environ,
    ) -> Result<Self, Failure> {
        flags.refuse_a_daemon(environ)?;
        let service = KeyService::new(flags.kms_key_id.as_deref(), &flags.kms, environ, process);
        service.check_flags()?;
        let private = keys::OPEN_WITH.find::<SecretKey>(flags.private_key.as_deref(), environ)?;
        let public = keys::OPEN_FROM.find::<PublicKey>(flags.config_key.as_deref(), environ)?;
        let places = [
            (private.as_ref().map(|found| found.place.clone()), keys::OPEN_WITH),
            (public.as_ref().map(|found| found.place.clone()), keys::OPEN_FROM),
        ];
        let missing = places.iter().filter(|(place, _)| place.is_none()).map(|(_, lookup)| *lookup);
        Ok(Self {
            missing: missing.collect(),
            used: places.iter().filter_map(|(place, _)| place.clone()).collect(),
            opener: Opener::new(private.zip(public).map(|(own, peer)| (own.key, peer.key))),
            service,
        })
    }

    /// Opens every token of all `texts`, or none. `places` names the tokens with those numbers in a text
    /// with a number, for the list of those that do not open.
    ///
    /// What can be done here is done first: AWS KMS is asked, for all data keys at once, when nothing
    /// has failed.
    ///
    /// # Errors
    ///
    /// A failure that lists each token that does not open.
    pub fn open_all(
        &self,
        texts: &[&Text<'_>],
        places: impl Fn(usize, &[usize]) -> Vec<String>,
    ) -> Result<Opened, Failure> {
        let tokens = texts.iter().flat_map(|text| text.tokens());
        let listed = |failed: &[Failed], sentence: &dyn Fn(&OpenError) -> String| {
            listed(failed, texts, &places, sentence)
        };
        let opening = self.opener.open_all(tokens.clone()).map_err(|failed| {
            let lines = listed(&failed, &OpenError::to_string);
            self.failure(&failed, tokens.clone(), lines)
        })?;
        let unwrapped = self.unwrap(&opening).map_err(|failure| {
            let places = |first: &[Failed]| listed(first, &|_| "needs AWS KMS".to_string());
            needed(failure, tokens.clone(), places)
        })?;
        opening.finish(&unwrapped.keys).map_err(|failed| {
            let lines = listed(&failed, &|error| unwrapped.sentence(error));
            unwrapped.failure(&failed, tokens.clone().count(), lines)
        })
    }

    fn unwrap(&self, opening: &Opening) -> Result<Unwrapped, Failure> {
        match opening.wrapped_keys() {
            [] => Ok(Unwrapped::default()),
            keys => self.service.unwrap_all(keys),
        }
    }

    /// The values `texts` stand for: each with all its tokens opened. `place` names the text with a
    /// number.
    ///
    /// # Errors
    ///
    /// As [`Self::open_all`].
    pub fn open_values(
        &self,
        texts: &[Text<'_>],
        place: impl Fn(usize) -> String,
    ) -> Result<Vec<Secret>, Failure> {
        let borrowed: Vec<_> = texts.iter().collect();
        let opened =
            self.open_all(&borrowed, |number, indexes| vec![place(number); indexes.len()])?;
        let mut values = Vec::with_capacity(texts.len());
        let mut first = 0;
        for text in texts {
            let own = first..first + text.tokens().len();
            first = own.end;
            let len = text.replaced(opened.range(own.clone())).map(<[u8]>::len).sum();
            let mut value = Secret::with_capacity(len);
            text.replaced(opened.range(own)).for_each(|part| value.extend(part));
            values.push(value);
        }
        Ok(values)
    }

    fn failure<'t>(
        &self,
        failed: &[Failed],
        tokens: impl Iterator<Item = Token<'t>>,
        lines: Vec<String>,
    ) -> Failure {
        let (mut total, mut untried) = (0, 0);
        for token in tokens {
            total += 1;
            untried += usize::from(token.kind() == Kind::Kms);
        }
        untried -= failed.iter().filter(|failed| failed.kind == Kind::Kms).count();
        let has =
            |wanted: fn(&OpenError) -> bool| failed.iter().any(|failed| wanted(&failed.error));
        let code = match failed.iter().find(|one| !matches!(one.error, OpenError::NoKey)) {
            Some(Failed { error: OpenError::WeakKey(_), .. }) => Code::Configuration,
            Some(_) => Code::Damaged,
            None => Code::NoKey,
        };
        let mut failure = not_opened(code, failed, total, lines);
        if untried > 0 {
            failure = failure.detail(format!("AWS KMS was not asked about {untried} more"));
        }
        if has(|error| matches!(error, OpenError::NoKey)) {
            for lookup in &self.missing {
                failure = failure.detail(format!(
                    "no {}; looked for: {}",
                    lookup.name(),
                    lookup.places()
                ));
            }
            return failure
                .hint("give the missing key, and see `secretary doctor` for what is in reach");
        }
        let used = format!("keys used: {}", self.used.join(" and "));
        if has(|error| matches!(error, OpenError::WeakKey(_))) {
            return failure.detail(used).hint(WEAK_HINT);
        }
        if has(|error| matches!(error, OpenError::Forged)) {
            return failure
                .detail(used)
                .hint("`secretary doctor` says which keys in reach open which tokens");
        }
        failure.hint(DAMAGED_HINT)
    }
}

impl Unwrapped {
    fn sentence(&self, error: &OpenError) -> String {
        match self.refusal(error) {
            Some(refusal) => refusal.sentence.clone(),
            None => "its data key does not open it, so one of the two was changed".to_string(),
        }
    }

    fn refusal(&self, error: &OpenError) -> Option<&Refusal> {
        match error {
            OpenError::NotUnwrapped { key } => self.refusals.get(*key)?.as_ref(),
            _ => None,
        }
    }

    /// The code and the hint are those of the first token that failed.
    fn failure(&self, failed: &[Failed], total: usize, lines: Vec<String>) -> Failure {
        let refusal = failed.first().and_then(|first| self.refusal(&first.error));
        let code = refusal.map_or(Code::Damaged, |refusal| refusal.code);
        let hint = refusal.map_or(DAMAGED_HINT, |refusal| refusal.hint.as_str());
        let failure = not_opened(code, failed, total, lines);
        self.asked.iter().fold(failure, |failure, line| failure.detail(line)).hint(hint)
    }
}

const DAMAGED_HINT: &str = "copy the whole token again from where it was encrypted";

fn not_opened(code: Code, failed: &[Failed], total: usize, lines: Vec<String>) -> Failure {
    let tokens = if total == 1 { "token" } else { "tokens" };
    let message =
        format!("{} of {total} {tokens} cannot be opened, so nothing was done", failed.len());
    lines.into_iter().fold(Failure::new(code, message), |failure, line| failure.detail(line))
}

/// Says of a failure that is not about one token what it was needed for.
fn needed<'t>(
    failure: Failure,
    tokens: impl Iterator<Item = Token<'t>>,
    places: impl Fn(&[Failed]) -> Vec<String>,
) -> Failure {
    let mut numbers = tokens.enumerate().filter(|(_, token)| token.kind() == Kind::Kms);
    let Some((index, _)) = numbers.next() else { return failure };
    let first = Failed { index, kind: Kind::Kms, error: OpenError::NotUnwrapped { key: 0 } };
    let failure = places(&[first]).into_iter().fold(failure, |failure, line| failure.detail(line));
    match numbers.count() {
        0 => failure,
        others => failure.detail(format!("and {others} more")),
    }
}

/// A line for each of `failed`, which are numbered through all `texts`.
fn listed(
    failed: &[Failed],
    texts: &[&Text<'_>],
    places: &impl Fn(usize, &[usize]) -> Vec<String>,
    sentence: &dyn Fn(&OpenError) -> String,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut first = 0;
    let mut rest = failed;
    for (number, text) in texts.iter().enumerate() {
        let next = first + text.tokens().len();
        let (here, later) = rest.split_at(rest.partition_point(|failed| failed.index < next));
        let indexes: Vec<_> = here.iter().map(|failed| failed.index - first).collect();
        let named = places(number, &indexes).into_iter().zip(here);
        lines.extend(named.map(|(place, failed)| {
            format!("{place}: ENC[{},..]: {}", failed.kind.tag(), sentence(&failed.error))
        }));
        (first, rest) = (next, later);
    }
    lines
}
