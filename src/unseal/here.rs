//! Opening tokens with the keys at hand and AWS KMS.

use secretary_envelope::{
    Failed, Kind, OpenError, Opened, Opener, Opening, PublicKey, SecretKey, Token,
};

use super::{DAMAGED_HINT, Each, Texts, not_opened};
use crate::cli::OpenKeys;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::keys::{self, Lookup, WEAK_HINT};
use crate::kms::{KeyService, Refusal, Unwrapped};

/// The keys found at the start, and where they came from.
pub(super) struct Here<'a> {
    opener: Opener,
    service: KeyService<'a>,
    used: Vec<String>,
    missing: Vec<Lookup>,
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

    /// What can be done here is done first: AWS KMS is asked, for all data keys at once, when nothing
    /// has failed.
    pub(super) fn open_all(&self, texts: &Texts<'_, '_>) -> Result<Opened, Failure> {
        let opening = self.opener.open_all(texts.tokens()).map_err(|failed| {
            let lines = texts.listed(&failed, |failed| failed.error.to_string());
            self.failure(&failed, texts.tokens(), lines)
        })?;
        let unwrapped = self.unwrap(&opening).map_err(|failure| needed(failure, texts))?;
        opening.finish(&unwrapped.keys, Vec::new()).map_err(|failed| {
            let lines = texts.listed(&failed, |failed| unwrapped.sentence(&failed.error));
            unwrapped.failure(&failed, texts.tokens().count(), lines)
        })
    }

    /// AWS KMS is asked for all data keys at once, whatever became of the tokens that need none.
    pub(super) fn open_each(&self, texts: &Texts<'_, '_>) -> Each {
        let (opening, failed) = self.opener.open_each(texts.tokens());
        let mut errors = vec![None; texts.tokens().count()];
        for failed in failed {
            errors[failed.index] = Some(self.sentence(&failed.error));
        }
        let (unwrapped, not_asked) = match self.unwrap(&opening) {
            Ok(unwrapped) => (unwrapped, None),
            Err(failure) => (Unwrapped::default(), Some(failure.message().to_string())),
        };
        let (opened, failed) = opening.finish_each(&unwrapped.keys, Vec::new());
        for failed in failed {
            let sentence = not_asked.clone().unwrap_or_else(|| unwrapped.sentence(&failed.error));
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

    fn unwrap(&self, opening: &Opening) -> Result<Unwrapped, Failure> {
        match opening.wrapped_keys() {
            [] => Ok(Unwrapped::default()),
            keys => self.service.unwrap_all(keys),
        }
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
        let mut failure = not_opened(code, failed.len(), total, lines);
        if untried > 0 {
            failure = failure.detail(format!("AWS KMS was not asked about {untried} more"));
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
        let failure = not_opened(code, failed.len(), total, lines);
        self.asked.iter().fold(failure, |failure, line| failure.detail(line)).hint(hint)
    }
}

/// Says of a failure that is not about one token what it was needed for.
fn needed(failure: Failure, texts: &Texts<'_, '_>) -> Failure {
    let mut numbers = texts.tokens().enumerate().filter(|(_, token)| token.kind() == Kind::Kms);
    let Some((index, _)) = numbers.next() else { return failure };
    let first = Failed { index, kind: Kind::Kms, error: OpenError::NotUnwrapped { key: 0 } };
    let lines = texts.listed(&[first], |_| "needs AWS KMS".to_string());
    let failure = lines.into_iter().fold(failure, |failure, line| failure.detail(line));
    match numbers.count() {
        0 => failure,
        others => failure.detail(format!("and {others} more")),
    }
}
