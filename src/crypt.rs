//! Sealing, and opening the tokens of several texts at once, with the keys at hand.

use std::ffi::OsStr;

use secretary_envelope::{
    Failed, Kind, NaclBox, OpenError, Opened, Opener, PublicKey, SecretKey, Text,
};
use secretary_secret::Secret;

use crate::cli::{OpenKeys, SealKeys};
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::keys::{self, Found, Lookup};

/// Largest secret that is sealed, in bytes.
pub const MAX_SECRET: usize = 64 << 20;

/// Seals secrets with the keys found at the start.
pub struct Sealer(NaclBox);

impl Sealer {
    /// Finds the keys that the flags, the environment or `./keys/` have.
    ///
    /// # Errors
    ///
    /// When a key is missing, wrong or weak, or AWS KMS was asked for.
    pub fn find(flags: &SealKeys, environ: &Environ) -> Result<Self, Failure> {
        flags.refuse_kms(environ)?;
        let to: Found<PublicKey> = required(keys::SEAL_TO, flags.public_key.as_deref(), environ)?;
        let with: Found<SecretKey> =
            required(keys::SEAL_WITH, flags.private_key.as_deref(), environ)?;
        let agreed = NaclBox::agree(&with.key, &to.key);
        agreed.map(Self).map_err(|weak| {
            Failure::new(Code::Configuration, format!("{}: {weak}", to.place)).hint(WEAK_HINT)
        })
    }

    /// The token for `plaintext`.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub fn seal(&self, plaintext: &Secret) -> Result<String, Failure> {
        let sealed = self.0.seal(plaintext);
        sealed.map_err(|error| Failure::new(Code::General, format!("no random bytes: {error}")))
    }
}

/// What to do about a weak key, wherever it is met.
const WEAK_HINT: &str =
    "get the right public key from who made the pair; `secretary genkeys` never makes this one";

fn required<K: keys::Key>(
    lookup: Lookup,
    flag: Option<&OsStr>,
    environ: &Environ,
) -> Result<Found<K>, Failure> {
    lookup.find(flag, environ)?.ok_or_else(|| {
        Failure::new(
            Code::Configuration,
            format!("there is no {} to encrypt with", lookup.name()),
        )
        .detail(format!("looked for: {}", lookup.places()))
        .hint("run this in the folder that holds keys/, or make key pairs with `secretary genkeys`")
    })
}

/// Opens tokens with the keys found at the start, and says where they came from when it can't.
pub struct Unsealer {
    opener: Opener,
    used: Vec<String>,
    missing: Vec<Lookup>,
}

impl Unsealer {
    /// Finds the keys that the flags, the environment or `./keys/` have. None at all is no error
    /// until there is a token; a place that holds something else than a key always is.
    ///
    /// # Errors
    ///
    /// When a place holds no key, or a flag names nothing.
    pub fn find(flags: &OpenKeys, environ: &Environ) -> Result<Self, Failure> {
        flags.refuse_a_daemon(environ)?;
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
        })
    }

    /// Opens every token of all `texts`, or none. `place` names the token with a number in a text
    /// with a number, for the list of those that do not open.
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
        self.opener.open_all(tokens).map_err(|failed| {
            let mut lines = Vec::new();
            let mut first = 0;
            let mut rest = failed.as_slice();
            for (number, text) in texts.iter().enumerate() {
                let next = first + text.tokens().len();
                let (here, later) =
                    rest.split_at(rest.partition_point(|failed| failed.index < next));
                let indexes: Vec<_> = here.iter().map(|failed| failed.index - first).collect();
                let named = places(number, &indexes).into_iter().zip(here);
                lines.extend(named.map(|(place, failed)| {
                    format!("{place}: ENC[{},..]: {}", failed.kind.tag(), failed.error)
                }));
                (first, rest) = (next, later);
            }
            self.failure(&failed, first, lines)
        })
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

    fn failure(&self, failed: &[Failed], total: usize, lines: Vec<String>) -> Failure {
        let has =
            |wanted: fn(&OpenError) -> bool| failed.iter().any(|failed| wanted(&failed.error));
        let code = match failed.iter().find(|one| !matches!(one.error, OpenError::NoKey(_))) {
            Some(Failed { error: OpenError::WeakKey(_), .. }) => Code::Configuration,
            Some(_) => Code::Damaged,
            None => Code::NoKey,
        };
        let tokens = if total == 1 { "token" } else { "tokens" };
        let mut failure = Failure::new(
            code,
            format!("{} of {total} {tokens} cannot be opened, so nothing was done", failed.len()),
        );
        for line in lines {
            failure = failure.detail(line);
        }
        if has(|error| matches!(error, OpenError::NoKey(Kind::Nacl))) {
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
        if has(|error| matches!(error, OpenError::NoKey(Kind::Kms))) {
            return failure.hint("this version of secretary has no access to AWS KMS");
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
        failure.hint("copy the whole token again from where it was encrypted")
    }
}
