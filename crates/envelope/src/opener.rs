//! Opening all tokens of a text, or none of them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use secretary_secret::Secret;

use crate::gob;
use crate::key::{PublicKey, SecretKey};
use crate::kms::{DataKey, WrappedKey};
use crate::nacl::{self, Forged, NONCE, NaclBox, OpenFailure, TAG, WeakKey};
use crate::token::{Damage, Kind, Token};

/// Why a token was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No key for this kind of token is at hand.
    #[error("there is no key for it")]
    NoKey,
    /// Nothing could open it.
    #[error("{0}")]
    Damaged(#[from] Damage),
    /// The keys at hand did not open it.
    #[error("{Forged}")]
    Forged,
    /// Its data key, with this number among the wrapped keys, was not unwrapped.
    #[error("its data key was not unwrapped")]
    NotUnwrapped {
        /// The number, from 0.
        key: usize,
    },
    /// The keys at hand agree on nothing secret.
    #[error(transparent)]
    WeakKey(#[from] WeakKey),
}

/// A token that was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its number among the tokens that were to be opened, from 0.
    pub index: usize,
    /// Its kind.
    pub kind: Kind,
    /// Why.
    pub error: OpenError,
}

/// The keys at hand. The key agreement is made when the first token needs it, and once.
#[derive(Default)]
pub struct Opener {
    nacl: Option<(SecretKey, PublicKey)>,
    agreed: OnceLock<Result<NaclBox, WeakKey>>,
}

impl Opener {
    /// An opener for NaCl tokens sealed between these keys, or for none.
    pub fn new(nacl: Option<(SecretKey, PublicKey)>) -> Self {
        Self { nacl, agreed: OnceLock::new() }
    }

    /// Opens all of `tokens` as far as that goes without a key service. Either all of them can still
    /// open, or the answer lists each one that can't; no service need be asked then.
    ///
    /// # Errors
    ///
    /// Every [`Failed`] token, in order.
    pub fn open_all<'a>(
        &self,
        tokens: impl Iterator<Item = Token<'a>> + Clone,
    ) -> Result<Opening, Vec<Failed>> {
        let (opening, failed) = self.open_each(tokens);
        if failed.is_empty() { Ok(opening) } else { Err(failed) }
    }

    /// The same for who wants each token for itself. In the place of those that [`Failed`] there is nothing.
    ///
    /// The plaintexts are made in one buffer of known size, in one pass: a token is decoded at its
    /// end, opened there, and moved down over what is left of its nonce and tag. A token that waits
    /// for its data key takes its place sealed; its plaintext will have the same length.
    pub fn open_each<'a>(
        &self,
        tokens: impl Iterator<Item = Token<'a>> + Clone,
    ) -> (Opening, Vec<Failed>) {
        let mut opening = Opening::with_room_for(tokens.clone());
        let mut failed = Vec::new();
        for (index, token) in tokens.enumerate() {
            if let Err(error) = self.open(index, &token, &mut opening) {
                opening.opened.keep(0);
                failed.push(Failed { index, kind: token.kind(), error });
            }
        }
        (opening, failed)
    }

    fn open(
        &self,
        index: usize,
        token: &Token<'_>,
        opening: &mut Opening,
    ) -> Result<(), OpenError> {
        let body = opening.opened.room_for(token);
        let len = token.decode_body(body)?;
        let body = &mut body[..len];
        let plaintext = match token.kind() {
            Kind::Nacl => len - self.nacl_box()?.open_in_place(body)?.len()..len,
            Kind::Kms => {
                let (sealed, wrapped, place) = Sealed::read(index, body)?;
                opening.waiting.add(sealed, wrapped);
                place
            }
        };
        let len = plaintext.len();
        body.copy_within(plaintext, 0);
        opening.opened.keep(len);
        Ok(())
    }

    fn nacl_box(&self) -> Result<&NaclBox, OpenError> {
        let agreed = match (self.agreed.get(), &self.nacl) {
            (Some(agreed), _) => agreed,
            (None, Some((own, peer))) => self.agreed.get_or_init(|| NaclBox::agree(own, peer)),
            (None, None) => return Err(OpenError::NoKey),
        };
        agreed.as_ref().map_err(|&weak| weak.into())
    }
}

impl From<NaclBox> for Opener {
    /// An opener for what was sealed under one agreed key.
    fn from(agreed: NaclBox) -> Self {
        Self { nacl: None, agreed: OnceLock::from(Ok(agreed)) }
    }
}

impl From<OpenFailure> for OpenError {
    fn from(failure: OpenFailure) -> Self {
        match failure {
            OpenFailure::Damaged(damage) => Self::Damaged(damage),
            OpenFailure::Forged(_) => Self::Forged,
        }
    }
}

/// Tokens that are open, and tokens that wait for their data keys.
#[derive(Debug)]
pub struct Opening {
    opened: Opened,
    waiting: Waiting,
}

/// What waits, and the keys it waits for. Empty, and without memory of its own, for NaCl alone.
#[derive(Debug, Default)]
struct Waiting {
    tokens: Vec<Sealed>,
    keys: Vec<WrappedKey>,
    numbers: HashMap<WrappedKey, usize>,
}

/// A token in its place among the opened ones, still encrypted.
#[derive(Debug)]
struct Sealed {
    index: usize,
    nonce: [u8; NONCE],
    tag: [u8; TAG],
    /// The number of its wrapped key.
    key: usize,
}

impl Opening {
    fn with_room_for<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Self {
        Self { opened: Opened::with_room_for(tokens), waiting: Waiting::default() }
    }

    /// The data keys that a service has to unwrap, each once, in the order of the tokens.
    pub fn wrapped_keys(&self) -> &[WrappedKey] {
        &self.waiting.keys
    }

    /// Opens what waited. `keys` has an entry for each of [`Self::wrapped_keys`], in their order, and
    /// `None` for one that was not unwrapped.
    ///
    /// # Errors
    ///
    /// Every [`Failed`] token, in order.
    pub fn finish(self, keys: &[Option<DataKey>]) -> Result<Opened, Vec<Failed>> {
        let (opened, failed) = self.finish_each(keys);
        if failed.is_empty() { Ok(opened) } else { Err(failed) }
    }

    /// The same for who wants each token for itself. In the place of those that [`Failed`] there is nothing of use:
    /// they are still sealed.
    pub fn finish_each(mut self, keys: &[Option<DataKey>]) -> (Opened, Vec<Failed>) {
        let mut failed = Vec::new();
        for sealed in &self.waiting.tokens {
            let key = keys.get(sealed.key).and_then(Option::as_ref);
            let message = self.opened.one_mut(sealed.index);
            let result = match key {
                Some(key) => key
                    .open_in_place(&sealed.nonce, &sealed.tag, message)
                    .map_err(|Forged| OpenError::Forged),
                None => Err(OpenError::NotUnwrapped { key: sealed.key }),
            };
            if let Err(error) = result {
                failed.push(Failed { index: sealed.index, kind: Kind::Kms, error });
            }
        }
        (self.opened, failed)
    }
}

impl Waiting {
    fn add(&mut self, mut sealed: Sealed, wrapped: WrappedKey) {
        sealed.key = match self.numbers.get(&wrapped) {
            Some(&number) => number,
            None => {
                self.keys.push(wrapped.clone());
                self.numbers.insert(wrapped, self.keys.len() - 1);
                self.keys.len() - 1
            }
        };
        self.tokens.push(sealed);
    }
}

impl Sealed {
    /// Reads the body of a token: what opens it later, its wrapped key, and the place of what is
    /// encrypted.
    fn read(index: usize, body: &[u8]) -> Result<(Self, WrappedKey, Range<usize>), Damage> {
        let payload = gob::decode(body)?;
        let wrapped = WrappedKey::new(&body[payload.wrapped_key])?;
        let message = &body[payload.message.clone()];
        let tag = message.first_chunk().ok_or(Damage::NotGob)?;
        let sealed = Self { index, nonce: payload.nonce, tag: *tag, key: 0 };
        Ok((sealed, wrapped, payload.message.start + TAG..payload.message.end))
    }
}

/// The plaintexts of tokens, in their order, one behind the other in a single wiped buffer.
#[derive(Debug, Default)]
pub struct Opened {
    bytes: Secret,
    ends: Vec<usize>,
}

impl<'a> FromIterator<&'a [u8]> for Opened {
    /// Takes plaintexts that something else has opened.
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(plaintexts: T) -> Self {
        let mut opened = Self::default();
        for plaintext in plaintexts {
            opened.bytes.extend(plaintext);
            opened.ends.push(opened.bytes.len());
        }
        opened
    }
}

impl Opened {
    /// The plaintexts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.range(0..self.ends.len())
    }

    /// The plaintexts of the tokens numbered so.
    pub fn range(&self, tokens: Range<usize>) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        tokens.map(|n| {
            let start = if n == 0 { 0 } else { self.ends[n - 1] };
            &self.bytes.expose()[start..self.ends[n]]
        })
    }

    /// Plaintext is shorter than its token by the overhead at least, except that the last one needs
    /// its whole body: so this never grows, and never leaves a copy behind.
    fn with_room_for<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Self {
        let (mut count, mut plaintexts, mut largest) = (0, 0, 0);
        for token in tokens {
            count += 1;
            plaintexts += token.body_bound().saturating_sub(nacl::OVERHEAD);
            largest = largest.max(token.body_bound());
        }
        let mut bytes = Secret::default();
        bytes.resize(plaintexts + largest.min(nacl::OVERHEAD));
        Self { bytes, ends: Vec::with_capacity(count) }
    }

    fn one_mut(&mut self, token: usize) -> &mut [u8] {
        let start = if token == 0 { 0 } else { self.ends[token - 1] };
        &mut self.bytes.expose_mut()[start..self.ends[token]]
    }

    fn used(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn room_for(&mut self, token: &Token<'_>) -> &mut [u8] {
        let start = self.used();
        &mut self.bytes.expose_mut()[start..start + token.body_bound()]
    }

    fn keep(&mut self, len: usize) {
        self.ends.push(self.used() + len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Text;

    #[test]
    fn opens_all_or_lists_every_failure() {
        let (config, master) = (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]));
        let seal = NaclBox::agree(&config, &master.public_key()).expect("good keys");
        let tokens: Vec<_> =
            (0..50).map(|n| seal.seal(&vec![n; usize::from(n)].into()).expect("random")).collect();
        let opener = Opener::new(Some((master, config.public_key())));

        let good = tokens.join(" ");
        let text = Text::parse(good.as_bytes());
        let opening = opener.open_all(text.tokens()).expect("all open");
        let opened = opening.finish(&[]).expect("nothing waits");
        assert!(opened.iter().zip(0..).all(|(plain, n)| plain == vec![n; usize::from(n)]));
        assert_eq!(opened.iter().len(), 50);

        let bad = format!("{}ENC[NACL,A]{}ENC[KMS,AAAA] ENC[NACL,AAAA]", tokens[1], tokens[2]);
        let text = Text::parse(bad.as_bytes());
        let failed = opener.open_all(text.tokens()).expect_err("three do not open");
        let errors: Vec<_> = failed.iter().map(|failed| (failed.index, failed.error)).collect();
        let short = Damage::TooShort { len: 3, least: 40 };
        let expected = [(1, Damage::NotBase64), (3, Damage::NotGob), (4, short)];
        assert_eq!(errors, expected.map(|(index, damage)| (index, damage.into())));
    }

    #[test]
    fn opens_each_that_opens() {
        let (config, master) = (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]));
        let seal = NaclBox::agree(&config, &master.public_key()).expect("good keys");
        let token = |text: &[u8]| seal.seal(&text.into()).expect("random");
        let opener = Opener::new(Some((master, config.public_key())));

        let parts = ["ENC[NACL,A]", &token(b"one"), "ENC[KMS,AAAA]", &token(b""), &token(b"two")];
        let text = parts.concat();
        let text = Text::parse(text.as_bytes());
        let (opening, failed) = opener.open_each(text.tokens());
        assert_eq!(failed.iter().map(|failed| failed.index).collect::<Vec<_>>(), [0, 2]);
        let opened = opening.finish(&[]).expect("nothing waits");
        let expected: [&[u8]; 5] = [b"", b"one", b"", b"", b"two"];
        assert!(opened.iter().eq(expected));
    }

    #[test]
    fn says_damaged_before_it_says_that_there_is_no_key() {
        let text = Text::parse(b"ENC[NACL,A]ENC[NACL,AAAA]");
        let failed = Opener::default().open_all(text.tokens()).expect_err("no key");
        assert_eq!(failed[0].error, OpenError::Damaged(Damage::NotBase64));
        assert_eq!(failed[1].error, OpenError::NoKey);
    }
}
