//! Opening tokens with the keys at hand, AWS KMS and a secrets server.

use secretary_envelope::{
    Failed, Kind, OpenError, Opened, Opener, Opening, PublicKey, SecretKey, Token,
};
use secretary_secret::Secret;

use super::named::{Names, Supplied, while_asking};
use super::{DAMAGED_HINT, Each, Texts, damaged_hint, needed, not_asked, not_opened};
use crate::cli::OpenKeys;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::keys::{self, Lookup, WEAK_HINT};
use crate::kms::{KeyService, Unwrapped};
use crate::remote::Denied;
use crate::setec::Getter;

/// The keys found at the start, and where they came from.
pub(super) struct Here<'a> {
    opener: Opener,
    service: KeyService<'a>,
    used: Vec<String>,
    missing: Vec<Lookup>,
}

/// What services answered: AWS KMS for each wrapped key, and a secrets server for each name.
#[derive(Default)]
struct Answered {
    unwrapped: Unwrapped,
    denied: Vec<Option<Denied>>,
    asked_server: Vec<String>,
}

impl<'a> Here<'a> {
    /// Finds the keys that the flags, `environ` or `./keys/` have. None at all is no error until there is
    /// a token; a place that holds something else than a key always is.
    pub(super) fn find(
        flags: &'a OpenKeys,
        environ: &'a Environ,
        process: &'a Environ,
    ) -> Result<Self, Failure> {
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

    /// What can be done here is done first: AWS KMS and a secrets server are asked, at the same time and each for all at
    /// once, when nothing has failed.
    pub(super) fn open_all(
        &self,
        texts: &Texts<'_, '_>,
        names: &Names<'_>,
    ) -> Result<Opened, Failure> {
        let opening = self.opener.open_all(texts.tokens()).map_err(|failed| {
            let lines = texts.listed(&failed, |failed| failed.error.to_string());
            self.failure(&failed, texts.tokens(), lines)
        })?;
        let needs = |kind| move |failure| needed(failure, texts, kind);
        let server = names.server_for(opening.references()).map_err(needs(Kind::Setec))?;
        if server.is_some() && !opening.wrapped_keys().is_empty() {
            self.service.check_to_open().map_err(needs(Kind::Kms))?;
        }
        let (unwrapped, supplied) = self.ask(&opening, server.as_ref());
        let unwrapped = unwrapped.map_err(needs(Kind::Kms))?;
        let (secrets, answered) = split(unwrapped, supplied.map_err(needs(Kind::Setec))?);
        opening.finish(&answered.unwrapped.keys, secrets).map_err(|failed| {
            let lines = texts.listed(&failed, |failed| answered.sentence(&failed.error));
            answered.failure(&failed, texts.tokens().count(), lines)
        })
    }

    /// Services are asked for all at once, whatever became of the tokens that need none, and of each other.
    pub(super) fn open_each(&self, texts: &Texts<'_, '_>, names: &Names<'_>) -> Each {
        let (opening, failed) = self.opener.open_each(texts.tokens());
        let mut errors = vec![None; texts.tokens().count()];
        for failed in failed {
            errors[failed.index] = Some(self.sentence(&failed.error));
        }
        let server = names.server_for(opening.references());
        let found = server.as_ref().ok().and_then(Option::as_ref);
        let (unwrapped, supplied) = self.ask(&opening, found);
        let mut not_asked = [None, None];
        let mut told = |kind: usize, failure: Failure| {
            not_asked[kind] = Some(failure.message().to_string());
        };
        let unwrapped = unwrapped.unwrap_or_else(|failure| {
            told(0, failure);
            Unwrapped::default()
        });
        let supplied = server.and(supplied).unwrap_or_else(|failure| {
            told(1, failure);
            Supplied::default()
        });
        let (secrets, answered) = split(unwrapped, supplied);
        let (opened, failed) = opening.finish_each(&answered.unwrapped.keys, secrets);
        for failed in failed {
            let whole = &not_asked[usize::from(failed.kind == Kind::Setec)];
            let sentence = whole.clone().unwrap_or_else(|| answered.sentence(&failed.error));
            errors[failed.index] = Some(sentence);
        }
        (opened, errors)
    }

    /// Why a token did not open, for itself.
    fn sentence(&self, error: &OpenError) -> String {
        let mut sentence = error.to_string();
        if matches!(error, OpenError::NoKey) {
            for lookup in &self.missing {
                sentence += &format!("; no {}, looked for: {}", lookup.what, lookup.places());
            }
        }
        sentence
    }

    fn ask(
        &self,
        opening: &Opening,
        server: Option<&Getter>,
    ) -> (Result<Unwrapped, Failure>, Result<Supplied, Failure>) {
        while_asking(server, opening.references(), || match opening.wrapped_keys() {
            [] => Ok(Unwrapped::default()),
            keys => self.service.unwrap_all(keys),
        })
    }

    fn failure<'t>(
        &self,
        failed: &[Failed],
        tokens: impl Iterator<Item = Token<'t>> + Clone,
        lines: Vec<String>,
    ) -> Failure {
        let has =
            |wanted: fn(&OpenError) -> bool| failed.iter().any(|failed| wanted(&failed.error));
        let code = match failed.iter().find(|one| !matches!(one.error, OpenError::NoKey)) {
            Some(Failed { error: OpenError::WeakKey(_), .. }) => Code::Configuration,
            Some(_) => Code::Damaged,
            None => Code::NoKey,
        };
        let mut failure = not_opened(code, failed.len(), tokens.clone().count(), lines);
        for (kind, who) in [(Kind::Kms, "AWS KMS"), (Kind::Setec, "a secrets server")] {
            failure = not_asked(failure, who, failed, tokens.clone(), |of| of == kind);
        }
        if has(|error| matches!(error, OpenError::NoKey)) {
            for lookup in &self.missing {
                failure =
                    failure.detail(format!("no {}; looked for: {}", lookup.what, lookup.places()));
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
        failure.hint(damaged_hint(failed))
    }
}

/// The secrets that a server supplied, and why there are no others.
fn split(unwrapped: Unwrapped, supplied: Supplied) -> (Vec<Option<Secret>>, Answered) {
    let apart = supplied.answers.into_iter().map(|answer| match answer {
        Ok(secret) => (Some(secret), None),
        Err(denied) => (None, Some(denied)),
    });
    let (secrets, denied) = apart.unzip();
    (secrets, Answered { unwrapped, denied, asked_server: supplied.asked })
}

impl Answered {
    fn sentence(&self, error: &OpenError) -> String {
        match self.refusal(error) {
            Some((sentence, ..)) => sentence.to_string(),
            None => "its data key does not open it, so one of the two was changed".to_string(),
        }
    }

    /// What a service said: a sentence, a code, and what to do about it.
    fn refusal(&self, error: &OpenError) -> Option<(&str, Code, &str)> {
        match error {
            OpenError::NotUnwrapped { key } => {
                let refusal = self.unwrapped.refusals.get(*key)?.as_ref()?;
                Some((&refusal.sentence, refusal.code, &refusal.hint))
            }
            OpenError::NotSupplied { reference } => {
                let denied = self.denied.get(*reference)?.as_ref()?;
                Some((&denied.sentence, denied.code, &denied.hint))
            }
            _ => None,
        }
    }

    /// The code and the hint are those of the first token that failed.
    fn failure(&self, failed: &[Failed], total: usize, lines: Vec<String>) -> Failure {
        let refusal = failed.first().and_then(|first| self.refusal(&first.error));
        let (_, code, hint) = refusal.unwrap_or(("", Code::Damaged, DAMAGED_HINT));
        let failure = not_opened(code, failed.len(), total, lines);
        let has_failed = |kind| failed.iter().any(|failed| failed.kind == kind);
        let asked = [(Kind::Kms, &self.unwrapped.asked), (Kind::Setec, &self.asked_server)];
        let asked = asked.into_iter().filter(|(kind, _)| has_failed(*kind));
        let failure =
            asked.flat_map(|(_, lines)| lines).fold(failure, |failure, line| failure.detail(line));
        if hint.is_empty() { failure } else { failure.hint(hint) }
    }
}
