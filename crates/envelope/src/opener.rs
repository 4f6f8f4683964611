//! Opening all tokens of a text, or none of them.

mod opened;
mod opening;

use std::sync::OnceLock;

use crate::key::{PublicKey, SecretKey};
use crate::nacl::{Forged, NaclBox, OpenFailure, WeakKey};
use crate::token::{Damage, Kind, Token};

pub use opened::Opened;
pub use opening::Opening;

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
    /// The secret that it names, with this number among the references, was not supplied.
    #[error("the secret it names was not supplied")]
    NotSupplied {
        /// The number, from 0.
        reference: usize,
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

    /// Opens all of `tokens` as far as that goes without a service. Either all of them can still
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
    /// for its data key takes its place sealed; its plaintext will have the same length. A secret that
    /// is only named stays where a server's answer has put it.
    pub fn open_each<'a>(
        &self,
        tokens: impl Iterator<Item = Token<'a>> + Clone,
    ) -> (Opening, Vec<Failed>) {
        let mut opening = Opening::with_room_for(tokens.clone());
        let mut failed = Vec::new();
        for (index, token) in tokens.enumerate() {
            if let Err(error) = self.open(index, &token, &mut opening) {
                opening.keep_nothing();
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
        match token.kind() {
            Kind::Nacl => {
                let body = opening.decoded(token)?;
                let plaintext = self.nacl_box()?.open_in_place(body)?.len();
                let place = body.len() - plaintext..body.len();
                opening.keep(place);
            }
            Kind::Kms => opening.wait_for_key(index, token)?,
            Kind::Setec => opening.wait_for_secret(index, token.reference()?),
        }
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

#[cfg(test)]
mod tests {
    use secretary_secret::Secret;

    use super::*;
    use crate::reference::ReferenceError;
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
        let opened = opening.finish(&[], Vec::new()).expect("nothing waits");
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
        let opened = opening.finish(&[], Vec::new()).expect("nothing waits");
        let expected: [&[u8]; 5] = [b"", b"one", b"", b"", b"two"];
        assert!(opened.iter().eq(expected));
    }

    #[test]
    fn each_name_is_asked_for_once() {
        let agreed =
            NaclBox::agree(&SecretKey::from(&[1; 32]), &SecretKey::from(&[2; 32]).public_key());
        let agreed = agreed.expect("good keys");
        let sealed = agreed.seal(&b"sealed".as_slice().into()).expect("random");
        let opener = Opener::from(agreed);
        let text = format!("ENC[SETEC,a]{sealed}ENC[SETEC,b@2]ENC[SETEC,a] ENC[SETEC,b]");
        let text = Text::parse(text.as_bytes());
        let open = || opener.open_all(text.tokens()).expect("all may open");
        let named: Vec<_> = open().references().iter().map(ToString::to_string).collect();
        assert_eq!(named, ["a", "b@2", "b"]);

        let secret = |text: &str| Some(Secret::from(text.as_bytes()));
        let secrets = || vec![secret("A"), secret(""), secret("B")];
        let opened = open().finish(&[], secrets()).expect("all are there");
        let expected = ["A", "sealed", "", "A", "B"].map(str::as_bytes);
        assert!(opened.iter().eq(expected));
        assert!(opened.range(2..4).eq(expected[2..4].iter().copied()));

        let missing = |index, reference| Failed {
            index,
            kind: Kind::Setec,
            error: OpenError::NotSupplied { reference },
        };
        let failed = open().finish(&[], vec![None, secret("x")]).expect_err("some are missing");
        assert_eq!(failed, [missing(0, 0), missing(3, 0), missing(4, 2)]);
        let (opened, failed) = open().finish_each(&[], vec![None, secret("x"), secret("B")]);
        assert_eq!(failed, [missing(0, 0), missing(3, 0)]);
        assert!(opened.iter().eq(["", "sealed", "x", "", "B"].map(str::as_bytes)));
    }

    #[test]
    fn what_names_no_secret_is_told_of_before_anybody_is_asked() {
        let text = Text::parse(b"ENC[SETEC,a@] ENC[SETEC,a]ENC[SETEC,] ENC[SETEC,a b]");
        let failed = Opener::default().open_all(text.tokens()).expect_err("three name nothing");
        let errors: Vec<_> = failed.iter().map(|failed| (failed.index, failed.error)).collect();
        let damaged = |error: ReferenceError| OpenError::Damaged(error.into());
        assert_eq!(
            errors,
            [
                (0, damaged(ReferenceError::Version)),
                (2, damaged(ReferenceError::NoName)),
                (3, damaged(ReferenceError::WhiteSpace)),
            ]
        );
    }

    #[test]
    fn says_damaged_before_it_says_that_there_is_no_key() {
        let text = Text::parse(b"ENC[NACL,A]ENC[NACL,AAAA]");
        let failed = Opener::default().open_all(text.tokens()).expect_err("no key");
        assert_eq!(failed[0].error, OpenError::Damaged(Damage::NotBase64));
        assert_eq!(failed[1].error, OpenError::NoKey);
    }
}
