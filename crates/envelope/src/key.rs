//! Keys: who holds them, their two halves, and their text forms.

use std::fmt;

use secretary_secret::{Secret, wipe_stack};
use subtle::ConstantTimeEq;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use crate::pem;

/// Largest key text that is looked at, in bytes. A key file has 109.
pub const MAX_KEY_TEXT: usize = 64 * 1024;

/// Whose key pair it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Secrets are sealed to it; its private half stays with the administrators.
    Master,
    /// Its private half seals secrets in the config repository.
    Config,
    /// One for each deployment, so that a daemon can tell who asks.
    Deploy,
    /// One for each image or node, beside the deploy key.
    Service,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Master, Self::Config, Self::Deploy, Self::Service];

    /// As in file names: `master-public-key.pem`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Config => "config",
            Self::Deploy => "deploy",
            Self::Service => "service",
        }
    }
}

/// Which half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Half {
    /// May be known to anybody.
    Public,
    /// May be known to its owner alone.
    Private,
}

impl Half {
    /// As in file names: `master-public-key.pem`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Public => "NACL PUBLIC KEY",
            Self::Private => "NACL PRIVATE KEY",
        }
    }
}

/// Why a text is no key. Says nothing of the text itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither a PEM block nor base64.
    #[error("neither a PEM block nor base64 of a key")]
    NoKey,
    /// A key has 32 bytes.
    #[error("{0} bytes where a key has 32")]
    Length(usize),
    /// More than [`MAX_KEY_TEXT`].
    #[error("longer than {MAX_KEY_TEXT} bytes, so no key")]
    TooLong,
}

/// The public half of a pair: an X25519 u-coordinate (RFC 7748 §5), 32 bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey(pub(crate) [u8; 32]);

impl PublicKey {
    /// Reads PEM or bare base64, exactly the forms the Go program reads.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when `text` is not that, or is not of 32 bytes.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        Ok(Self(bytes_of(&parse(text)?)))
    }

    /// The raw bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// The text of a key file, 107 bytes.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(Half::Public.label(), &self.0)
    }

    /// Whether these bytes are in truth the private half of a pair: a mix-up the format cannot see.
    pub fn is_really(&self, private: &SecretKey) -> bool {
        self.0.as_slice().ct_eq(private.0.expose()).into()
    }
}

impl From<[u8; 32]> for PublicKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for PublicKey {
    /// Not the bytes: a private key may have been stored as a public one by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(..)")
    }
}

/// The private half of a pair: 32 bytes on the heap, wiped on drop, never printed.
pub struct SecretKey(Secret);

impl SecretKey {
    /// A new key from the system's random bytes.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = Secret::default();
        bytes.resize(32);
        getrandom::fill(bytes.expose_mut())?;
        Ok(Self(bytes))
    }

    /// Reads PEM or bare base64, exactly the forms the Go program reads.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when `text` is not that, or is not of 32 bytes.
    pub fn parse(text: &[u8]) -> Result<Self, KeyError> {
        let parsed = parse(text).map(Self);
        wipe_stack();
        parsed
    }

    /// The other half.
    pub fn public_key(&self) -> PublicKey {
        let public = PublicKey(x25519_dalek::PublicKey::from(&self.scalar()).to_bytes());
        wipe_stack();
        public
    }

    /// The text of a key file, 109 bytes.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let text = pem::encode(Half::Private.label(), self.0.expose());
        wipe_stack();
        text
    }

    /// The same key once more, in wiped memory of its own. There is no `Clone`, so that each copy is one on purpose.
    pub fn copy(&self) -> Self {
        Self(Secret::from(self.0.expose()))
    }

    /// Whether both are the same key, compared in constant time.
    pub fn is(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// The key for one multiplication. It is on the stack: see [`wipe_stack`].
    pub(crate) fn scalar(&self) -> StaticSecret {
        StaticSecret::from(bytes_of(&self.0))
    }
}

impl From<&[u8; 32]> for SecretKey {
    /// The bytes need not be clamped; X25519 does that when it multiplies.
    fn from(bytes: &[u8; 32]) -> Self {
        Self(Secret::from(bytes.as_slice()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

fn bytes_of(key: &Secret) -> [u8; 32] {
    key.expose()
        .try_into()
        .expect("a key is made with 32 bytes in one of three places, all in this crate")
}

fn parse(text: &[u8]) -> Result<Secret, KeyError> {
    if text.len() > MAX_KEY_TEXT {
        return Err(KeyError::TooLong);
    }
    pem::decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_belong_together() {
        let private = SecretKey::generate().expect("random bytes");
        let again = SecretKey::parse(private.to_pem().as_bytes()).expect("its own text");
        assert!(private.is(&again));
        assert_eq!(private.public_key(), again.public_key());
        assert!(!private.is(&SecretKey::generate().expect("random bytes")));
    }

    #[test]
    fn debug_shows_no_bytes() {
        let key = SecretKey::from(&[0x41; 32]);
        assert_eq!(format!("{key:?} {:?}", key.public_key()), "SecretKey(..) PublicKey(..)");
    }

    #[test]
    fn a_private_key_stored_as_a_public_one_is_seen() {
        let key = SecretKey::from(&[0x41; 32]);
        assert!(PublicKey::from([0x41; 32]).is_really(&key));
        assert!(!key.public_key().is_really(&key));
    }

    #[test]
    fn a_key_of_more_than_64_kib_is_not_looked_at() {
        assert_eq!(PublicKey::parse(&vec![b' '; MAX_KEY_TEXT + 1]), Err(KeyError::TooLong));
        assert_eq!(PublicKey::parse(&vec![b' '; MAX_KEY_TEXT]), Err(KeyError::Length(0)));
    }
}
