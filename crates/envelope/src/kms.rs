//! The KMS box: a data key, and the same key as a key service wrapped it, beside what it sealed.
//!
//! The data key is 32 bytes and seals by NaCl's secretbox, XSalsa20-Poly1305. Every token carries its
//! wrapped key, so it opens by itself; several tokens may share one.

use std::fmt;

use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{AeadInPlace, KeyInit};
use secretary_secret::{Secret, wipe_stack};

use crate::gob;
use crate::nacl::{Forged, NONCE, TAG};
use crate::token::{self, Damage, Kind};

/// Bytes of a data key.
pub const DATA_KEY: usize = 32;

/// The largest `CiphertextBlob` that `Decrypt` of AWS KMS takes, in bytes.
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>
pub const MAX_WRAPPED_KEY: usize = 6144;

/// A data key has another length than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data key has {0} bytes instead of {DATA_KEY}")]
pub struct WrongLength(pub usize);

/// A data key in the clear, wiped on drop. It is on the heap, so that no move leaves a copy.
pub struct DataKey(Box<XSalsa20Poly1305>);

impl DataKey {
    /// Takes the key a service made or unwrapped.
    ///
    /// # Errors
    ///
    /// When it does not have 32 bytes.
    pub fn new(bytes: &Secret) -> Result<Self, WrongLength> {
        let key = in_heap(bytes.expose()).ok_or(WrongLength(bytes.len()));
        wipe_stack();
        key.map(Self)
    }

    /// Seals `plaintext` under a random nonce into the text of a token, which carries `wrapped`.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub fn seal(
        &self,
        wrapped: &WrappedKey,
        plaintext: &Secret,
    ) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        // The plaintext is copied into the message before it is encrypted there.
        let mut message = Secret::with_capacity(TAG + plaintext.len());
        message.extend(&[0; TAG]);
        message.extend(plaintext.expose());
        let (tag, sealed) = message.expose_mut().split_at_mut(TAG);
        let made = self
            .0
            .encrypt_in_place_detached(&nonce.into(), b"", sealed)
            .expect("XSalsa20-Poly1305 fails for associated data alone, and there is none");
        tag.copy_from_slice(&made);
        let body = gob::encode(wrapped.as_bytes(), &nonce, message.expose());
        Ok(token::encode(Kind::Kms, &body))
    }

    pub(crate) fn open_in_place(
        &self,
        nonce: &[u8; NONCE],
        tag: &[u8; TAG],
        message: &mut [u8],
    ) -> Result<(), Forged> {
        let opened = self.0.decrypt_in_place_detached(nonce.into(), b"", message, tag.into());
        opened.map_err(|_| Forged)
    }
}

#[inline(never)]
fn in_heap(key: &[u8]) -> Option<Box<XSalsa20Poly1305>> {
    XSalsa20Poly1305::new_from_slice(key).ok().map(Box::new)
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// A data key as a key service wrapped it, which alone can unwrap it. No secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WrappedKey(Vec<u8>);

impl WrappedKey {
    /// Takes what a token or a key service says is one.
    ///
    /// # Errors
    ///
    /// When it is empty or longer than [`MAX_WRAPPED_KEY`], so that no service would take it.
    pub fn new(bytes: &[u8]) -> Result<Self, Damage> {
        match bytes.len() {
            1..=MAX_WRAPPED_KEY => Ok(Self(bytes.to_vec())),
            len => Err(Damage::WrappedKey { len }),
        }
    }

    /// What to hand to the key service.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrappedKey({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opener::{OpenError, Opener};
    use crate::text::Text;
    use proptest::prelude::*;

    fn data_key(byte: u8) -> DataKey {
        DataKey::new(&vec![byte; DATA_KEY].into()).expect("32 bytes")
    }

    fn wrapped(byte: u8) -> WrappedKey {
        WrappedKey::new(&[byte; 184]).expect("a good length")
    }

    #[test]
    fn a_data_key_has_32_bytes() {
        for len in [0, 16, 31, 33, 64] {
            let error = DataKey::new(&vec![1; len].into()).expect_err("another length");
            assert_eq!(error, WrongLength(len));
        }
    }

    #[test]
    fn what_no_service_would_unwrap_is_no_wrapped_key() {
        for len in [0, MAX_WRAPPED_KEY + 1] {
            assert_eq!(WrappedKey::new(&vec![1; len]), Err(Damage::WrappedKey { len }));
        }
    }

    #[test]
    fn tokens_that_share_a_data_key_name_it_once() {
        let tokens = [1, 2, 1, 2, 1].map(|key| {
            data_key(key).seal(&wrapped(key), &vec![key; 5].into()).expect("random bytes")
        });
        let joined = tokens.concat();
        let text = Text::parse(joined.as_bytes());
        let opening = Opener::default().open_all(text.tokens()).expect("well formed");
        assert_eq!(opening.wrapped_keys(), [wrapped(1), wrapped(2)]);
        let opened =
            opening.finish(&[Some(data_key(1)), Some(data_key(2))], Vec::new()).expect("opens");
        assert!(opened.iter().zip([1, 2, 1, 2, 1]).all(|(plain, key)| plain == [key; 5]));
    }

    #[test]
    fn says_of_each_token_why_it_did_not_open() {
        let tokens = [1, 2, 3]
            .map(|key| data_key(key).seal(&wrapped(key), &vec![key; 5].into()).expect("random"));
        let joined = tokens.concat();
        let text = Text::parse(joined.as_bytes());
        let opening = Opener::default().open_all(text.tokens()).expect("well formed");
        let failed = opening.finish(&[Some(data_key(1)), None, Some(data_key(9))], Vec::new());
        let errors: Vec<_> =
            failed.expect_err("two fail").iter().map(|one| (one.index, one.error)).collect();
        assert_eq!(errors, [(1, OpenError::NotUnwrapped { key: 1 }), (2, OpenError::Forged)]);
    }

    proptest! {
        #[test]
        fn opens_what_it_seals(
            before in proptest::collection::vec(any::<u8>(), 0..300),
            after in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let key = data_key(7);
            let seal = |plain: &[u8]| key.seal(&wrapped(1), &plain.into()).expect("random");
            let joined = format!("{}{}", seal(&before), token::fold(&seal(&after)));
            let text = Text::parse(joined.as_bytes());
            let opening = Opener::default().open_all(text.tokens()).expect("well formed");
            let opened = opening.finish(&[Some(data_key(7))], Vec::new()).expect("opens");
            prop_assert!(opened.iter().eq([before.as_slice(), after.as_slice()]));
        }
    }
}
