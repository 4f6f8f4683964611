//! The NaCl box: `crypto_box_curve25519xsalsa20poly1305` (Bernstein, "Cryptography in NaCl").
//!
//! The key agreement is X25519 (RFC 7748) and then HSalsa20; it is made once for a pair of keys, and
//! each message costs XSalsa20-Poly1305 alone. The `crypto_box` crate is not used for it: its 0.9
//! reduces the private scalar modulo the group order, so for a public key outside the prime-order
//! subgroup it agrees on another key than Go and libsodium do, and it takes keys that force a
//! result anyone can compute.
//!
//! A box is symmetric: either private key with the other public key makes the same box. So whoever
//! can seal to a recipient with a given private key can also open all that was so sealed.

use crypto_secretbox::aead::{AeadInPlace, KeyInit};
use crypto_secretbox::{Kdf, XSalsa20Poly1305};
use secretary_secret::{Secret, wipe_stack};
use zeroize::Zeroizing;

use crate::key::{PublicKey, SecretKey};
use crate::opener::OpenError;
use crate::token::{self, Damage, Kind, Token};

pub(crate) const NONCE: usize = 24;
pub(crate) const TAG: usize = 16;

/// What sealing adds to the plaintext, in bytes: nonce and tag.
pub const OVERHEAD: usize = NONCE + TAG;

/// The public key is one of the few of low order: whatever the private key, the agreed key is known
/// to everybody. No generated key is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the public key is one of the known weak ones, with which nothing is secret")]
pub struct WeakKey;

/// Not sealed with this pair of keys, or changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was sealed for other keys, or was changed")]
pub struct Forged;

/// The key two pairs agree on, wiped on drop. It is on the heap, so that no move leaves a copy.
pub struct NaclBox(Box<XSalsa20Poly1305>);

impl NaclBox {
    /// Agrees on a key. Costs some 50 microseconds; do it once for a pair.
    ///
    /// # Errors
    ///
    /// [`WeakKey`] when the result would not depend on the private key.
    pub fn agree(own: &SecretKey, peer: &PublicKey) -> Result<Self, WeakKey> {
        let agreed = agree(own, peer);
        wipe_stack();
        agreed.map(Self)
    }

    /// Seals `plaintext` under a random nonce into the text of a token.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub fn seal(&self, plaintext: &Secret) -> Result<String, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        Ok(self.seal_with_nonce(plaintext, &nonce))
    }

    fn seal_with_nonce(&self, plaintext: &Secret, nonce: &[u8; NONCE]) -> String {
        // The plaintext is copied into the body before it is encrypted there, so the body is wiped.
        let mut body = Secret::with_capacity(OVERHEAD + plaintext.len());
        body.extend(nonce);
        body.extend(&[0; TAG]);
        body.extend(plaintext.expose());
        let (head, message) = body.expose_mut().split_at_mut(OVERHEAD);
        let tag = self
            .0
            .encrypt_in_place_detached(nonce.into(), b"", message)
            .expect("XSalsa20-Poly1305 fails for associated data alone, and there is none");
        head[NONCE..].copy_from_slice(&tag);
        token::encode(Kind::Nacl, body.expose())
    }

    /// Opens one token that was sealed under this key.
    ///
    /// # Errors
    ///
    /// [`OpenError`] when it is damaged, of another kind, or was sealed under another key.
    pub fn open(&self, token: &Token<'_>) -> Result<Secret, OpenError> {
        if token.kind() != Kind::Nacl {
            return Err(OpenError::NoKey);
        }
        let mut body = Secret::default();
        body.resize(token.body_bound());
        let len = token.decode_body(body.expose_mut())?;
        let plaintext = self.open_in_place(&mut body.expose_mut()[..len])?.len();
        body.expose_mut().copy_within(len - plaintext..len, 0);
        body.resize(plaintext);
        Ok(body)
    }

    /// Opens `body` (nonce, tag, ciphertext) where it lies and answers its last part, the plaintext.
    /// A body that does not open is left as it was.
    pub(crate) fn open_in_place<'a>(
        &self,
        body: &'a mut [u8],
    ) -> Result<&'a mut [u8], OpenFailure> {
        if body.len() < OVERHEAD {
            return Err(Damage::TooShort { len: body.len(), least: OVERHEAD }.into());
        }
        let (head, message) = body.split_at_mut(OVERHEAD);
        let (nonce, tag) = head.split_at(NONCE);
        self.0
            .decrypt_in_place_detached(nonce.into(), b"", message, tag.into())
            .map_err(|_| Forged)?;
        Ok(message)
    }
}

#[inline(never)]
fn agree(own: &SecretKey, peer: &PublicKey) -> Result<Box<XSalsa20Poly1305>, WeakKey> {
    let shared = own.scalar().diffie_hellman(&x25519_dalek::PublicKey::from(peer.0));
    if !shared.was_contributory() {
        return Err(WeakKey);
    }
    let key = Zeroizing::new(XSalsa20Poly1305::kdf(shared.as_bytes().into(), &Default::default()));
    Ok(Box::new(XSalsa20Poly1305::new(&key)))
}

/// Why one body did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error(transparent)]
    Damaged(#[from] Damage),
    #[error(transparent)]
    Forged(#[from] Forged),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opener::Opener;
    use crate::text::Text;
    use proptest::prelude::*;

    fn pair() -> (NaclBox, Opener) {
        let (config, master) = (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]));
        let seal = NaclBox::agree(&config, &master.public_key()).expect("good keys");
        (seal, Opener::new(Some((master, config.public_key()))))
    }

    fn open(opener: &Opener, token: &str) -> Result<Vec<u8>, Vec<OpenError>> {
        let text = Text::parse(token.as_bytes());
        match opener.open_all(text.tokens()) {
            Ok(opening) => Ok(opening
                .finish(&[], Vec::new())
                .expect("nothing waits")
                .iter()
                .next()
                .expect("one token")
                .to_vec()),
            Err(failed) => Err(failed.into_iter().map(|failed| failed.error).collect()),
        }
    }

    #[test]
    fn refuses_every_point_of_low_order() {
        // All encodings of the points whose order divides the cofactor, as listed at
        // https://cr.yp.to/ecdh.html#validate, the last five with their unused top bit.
        let points = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ];
        for point in points {
            let bytes: [u8; 32] = std::array::from_fn(|n| {
                u8::from_str_radix(&point[2 * n..2 * n + 2], 16).expect("hex")
            });
            assert!(NaclBox::agree(&SecretKey::from(&[7; 32]), &bytes.into()).is_err(), "{point}");
        }
    }

    #[test]
    fn refuses_every_single_bit_flip_of_a_token() {
        let (seal, opener) = pair();
        for len in [0, 1, 31, 32, 100] {
            let token = seal.seal(&vec![b'x'; len].into()).expect("random bytes");
            let mut body = vec![0; token.len()];
            let size =
                Text::parse(token.as_bytes()).tokens().next().expect("one").decode_body(&mut body);
            let body = &mut body[..size.expect("base64")];
            for bit in 0..body.len() * 8 {
                body[bit / 8] ^= 1 << (bit % 8);
                let flipped = token::encode(Kind::Nacl, body);
                assert_eq!(open(&opener, &flipped), Err(vec![OpenError::Forged]), "bit {bit}");
                body[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn opens_what_unclamped_keys_and_twist_points_agree_on() {
        // X25519 with the base point of the twist's subgroup, u = 2: both sides of an agreement can
        // multiply it, and must use the clamped scalar itself, not its remainder.
        let twist = PublicKey::from(std::array::from_fn(|n| if n == 0 { 2 } else { 0 }));
        let (a, b) = (SecretKey::from(&[0xff; 32]), SecretKey::from(&[0x77; 32]));
        let times = |key: &SecretKey, point: &PublicKey| -> PublicKey {
            let product = key.scalar().diffie_hellman(&x25519_dalek::PublicKey::from(point.0));
            PublicKey::from(product.to_bytes())
        };
        let seal = NaclBox::agree(&a, &times(&b, &twist)).expect("no weak key");
        let opener = Opener::new(Some((b, times(&a, &twist))));
        let token = seal.seal(&b"twist".to_vec().into()).expect("random bytes");
        assert_eq!(open(&opener, &token).as_deref(), Ok(b"twist".as_slice()));
    }

    proptest! {
        #[test]
        fn opens_what_it_seals(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let (seal, opener) = pair();
            let token = seal.seal(&bytes.clone().into()).expect("random bytes");
            prop_assert_eq!(open(&opener, &token), Ok(bytes.clone()));
            prop_assert_eq!(open(&opener, &token::fold(&token)), Ok(bytes));
        }
    }
}
