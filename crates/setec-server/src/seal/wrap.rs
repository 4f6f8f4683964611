//! Key-encryption keys: what wraps a store's data key.
//!
//! A wrapped key is bound to its store: in another store's header it does not unwrap.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use secretary_envelope::{NaclBox, SecretKey, Token, WeakKey};
use secretary_secret::{Secret, wipe_stack};

use super::header::StoreId;
use super::key::{KEY, in_heap};

/// A key that wraps data keys, and unwraps what it wrapped. It may belong to somebody else, as AWS KMS does: it can be
/// slow, and can say no. An implementation gives up in bounded time, and binds what it wraps to the store. Its sentences
/// have nothing in them that another system wrote.
pub trait KeyEncryption: Send + Sync {
    /// What it is, in words for an error: `key file`. A header says which kind wrapped its keys.
    fn kind(&self) -> &'static str;

    /// Wraps the key of `store`.
    fn wrap(
        &self,
        store: &StoreId,
        key: &Secret,
    ) -> impl Future<Output = Result<Vec<u8>, KeyEncryptionError>> + Send;

    /// Unwraps what [`KeyEncryption::wrap`] made for the same store.
    fn unwrap(
        &self,
        store: &StoreId,
        wrapped: &[u8],
    ) -> impl Future<Output = Result<Secret, KeyEncryptionError>> + Send;
}

/// Why a key was not wrapped or unwrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyEncryptionError {
    /// It is another key than the one that wrapped, or what was wrapped was changed, or is another store's.
    #[error(
        "the data key was wrapped by another key-encryption key, or for another store, or was changed"
    )]
    Refused,
    /// Whoever has the key said no, for a reason of theirs that lasts. The sentence is for the operator.
    #[error("{0}")]
    Denied(String),
    /// It could not be asked, or did not answer. Later it may. The sentence is for the operator.
    #[error("{0}")]
    Unreachable(String),
    /// The system gave no random bytes.
    #[error("the system has no random bytes to give")]
    Random,
}

const NONCE: usize = 24;
const TAG: usize = 16;

/// A key from a file: 32 random bytes, as base64. `openssl rand -base64 32` makes one.
pub struct KeyFile(Box<XChaCha20Poly1305>);

/// The text of a key file is something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64 of {KEY} bytes")]
pub struct NoKey;

impl KeyFile {
    /// Reads the text of a key file: base64 of 32 bytes, and white space around it.
    ///
    /// # Errors
    ///
    /// [`NoKey`].
    pub fn parse(text: &Secret) -> Result<Self, NoKey> {
        let text = text.expose().trim_ascii();
        let mut bytes = Secret::default();
        bytes.resize(base64::decoded_len_estimate(text.len()));
        let len = STANDARD.decode_slice(text, bytes.expose_mut()).map_err(|_| NoKey);
        bytes.resize(len?);
        let key = in_heap(bytes.expose()).ok_or(NoKey);
        wipe_stack();
        key.map(Self)
    }

    fn context(store: &StoreId) -> Vec<u8> {
        [b"secretary data key\x01".as_slice(), store.as_bytes()].concat()
    }

    /// Nonce, tag, ciphertext.
    fn seal(&self, store: &StoreId, key: &Secret) -> Result<Vec<u8>, KeyEncryptionError> {
        let mut wrapped = Secret::with_capacity(NONCE + TAG + key.len());
        wrapped.resize(NONCE + TAG);
        wrapped.extend(key.expose());
        let (head, message) = wrapped.expose_mut().split_at_mut(NONCE + TAG);
        let (nonce, tag) = head.split_at_mut(NONCE);
        getrandom::fill(nonce).map_err(|_| KeyEncryptionError::Random)?;
        let nonce = XNonce::try_from(&*nonce).expect("the head was cut for it");
        let made = self
            .0
            .encrypt_inout_detached(&nonce, &Self::context(store), message.into())
            .expect("a key is not as long as the 256 GiB that one nonce is good for");
        tag.copy_from_slice(&made);
        Ok(wrapped.expose().to_vec())
    }

    fn open(&self, store: &StoreId, wrapped: &[u8]) -> Option<Secret> {
        let (nonce, rest) = wrapped.split_at_checked(NONCE)?;
        let (tag, message) = rest.split_at_checked(TAG)?;
        let mut key = Secret::from(message);
        let buffer = InOutBuf::from(key.expose_mut());
        let nonce = XNonce::try_from(nonce).ok()?;
        let tag = Tag::try_from(tag).ok()?;
        let opened = self.0.decrypt_inout_detached(&nonce, &Self::context(store), buffer, &tag);
        opened.ok().map(|()| key)
    }
}

impl KeyEncryption for KeyFile {
    fn kind(&self) -> &'static str {
        "key file"
    }

    async fn wrap(&self, store: &StoreId, key: &Secret) -> Result<Vec<u8>, KeyEncryptionError> {
        let wrapped = self.seal(store, key);
        wipe_stack();
        wrapped
    }

    async fn unwrap(&self, store: &StoreId, wrapped: &[u8]) -> Result<Secret, KeyEncryptionError> {
        let key = self.open(store, wrapped);
        wipe_stack();
        key.ok_or(KeyEncryptionError::Refused)
    }
}

/// A NaCl key pair, whose private half is given: the data key is a token the pair sealed to itself. A box has no
/// associated data, so the store's name is sealed before the key.
pub struct NaclPair(NaclBox);

impl NaclPair {
    /// The pair with this private half.
    ///
    /// # Errors
    ///
    /// [`WeakKey`], which no generated pair is.
    pub fn new(private: &SecretKey) -> Result<Self, WeakKey> {
        NaclBox::agree(private, &private.public_key()).map(Self)
    }
}

impl KeyEncryption for NaclPair {
    fn kind(&self) -> &'static str {
        "NaCl pair"
    }

    async fn wrap(&self, store: &StoreId, key: &Secret) -> Result<Vec<u8>, KeyEncryptionError> {
        let mut plain = Secret::with_capacity(store.as_bytes().len() + key.len());
        plain.extend(store.as_bytes());
        plain.extend(key.expose());
        let token = self.0.seal(&plain).map_err(|_| KeyEncryptionError::Random)?;
        Ok(token.into_bytes())
    }

    async fn unwrap(&self, store: &StoreId, wrapped: &[u8]) -> Result<Secret, KeyEncryptionError> {
        let token = Token::parse(wrapped).ok_or(KeyEncryptionError::Refused)?;
        let plain = self.0.open(&token).map_err(|_| KeyEncryptionError::Refused)?;
        let key = plain.expose().strip_prefix(store.as_bytes());
        key.map(Secret::from).ok_or(KeyEncryptionError::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{Header, UnwrapError};
    use super::*;
    use crate::block_on;
    use crate::version::Version;

    fn key_file(byte: u8) -> KeyFile {
        let text = format!(" {}\n", STANDARD.encode([byte; KEY]));
        KeyFile::parse(&text.into_bytes().into()).unwrap()
    }

    fn pair(byte: u8) -> NaclPair {
        NaclPair::new(&SecretKey::from(&[byte; 32])).unwrap()
    }

    fn keeps_its_promises(own: &impl KeyEncryption, other: &impl KeyEncryption) {
        let (here, there) = (StoreId::from([1; 16]), StoreId::from([2; 16]));
        let key = Secret::from(vec![7; KEY]);
        let mut wrapped = block_on(own.wrap(&here, &key)).unwrap();
        assert_eq!(block_on(own.unwrap(&here, &wrapped)).unwrap(), key);
        assert_ne!(wrapped, block_on(own.wrap(&here, &key)).unwrap());
        let refused = Err(KeyEncryptionError::Refused);
        assert_eq!(block_on(own.unwrap(&there, &wrapped)), refused);
        assert_eq!(block_on(other.unwrap(&here, &wrapped)), refused);
        assert_eq!(block_on(own.unwrap(&here, b"")), refused);
        let last = wrapped.len() - 2;
        wrapped[last] ^= 1;
        assert_eq!(block_on(own.unwrap(&here, &wrapped)), refused);
    }

    #[test]
    fn a_key_file_unwraps_what_it_wrapped_for_the_same_store_alone() {
        keeps_its_promises(&key_file(1), &key_file(2));
    }

    #[test]
    fn a_pair_unwraps_what_it_wrapped_for_the_same_store_alone() {
        keeps_its_promises(&pair(1), &pair(2));
    }

    #[test]
    fn a_key_file_has_one_key_of_32_bytes() {
        for text in ["", "AAAA", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33]), "\u{fc}"] {
            assert_eq!(KeyFile::parse(&Secret::from(text.as_bytes())).err(), Some(NoKey), "{text}");
        }
    }

    #[test]
    fn a_header_outlasts_its_text_and_another_key_encryption_key() {
        let (old, new) = (key_file(1), pair(1));
        let header = block_on(Header::generate(&old)).unwrap();
        let keys = block_on(header.unwrap(&old)).unwrap();
        let sealed = keys.seal("a", Version::FIRST, &Secret::from(b"x".as_slice())).unwrap();
        let moved = block_on(header.rewrap(&old, &new)).unwrap();
        let read = Header::parse(&moved.to_json()).unwrap();
        assert_eq!(read, moved);
        let keys = block_on(read.unwrap(&new)).unwrap();
        assert_eq!(keys.open("a", Version::FIRST, &sealed).unwrap().expose(), b"x");
        let error = block_on(read.unwrap(&old)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store's data key is wrapped by NaCl pair, and not by key file"
        );
    }

    #[test]
    fn no_two_stores_have_the_same_name_or_key() {
        let (one, two) =
            (block_on(Header::generate(&pair(1))), block_on(Header::generate(&pair(1))));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_ne!(one.store(), two.store());
        assert!(block_on(two.unwrap(&pair(2))).is_err());
    }

    #[test]
    fn a_damaged_header_says_so() {
        let json = block_on(Header::generate(&pair(1))).unwrap().to_json();
        let broken = [json[1..].to_string(), json.replace("==", ""), json.replace("number", "n")];
        for json in broken {
            assert!(matches!(Header::parse(&json), Err(UnwrapError::Damaged)), "{json}");
        }
    }
}
