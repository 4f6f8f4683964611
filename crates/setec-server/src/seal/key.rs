//! The data key, and what it seals.
//!
//! ```text
//! sealed value    0x01 │ number of the data key, u32 │ nonce, 24 bytes │ tag, 16 bytes │ ciphertext
//! associated data "secretary value" │ 0x01 │ number of the data key, u32 │ store, 16 bytes │ version, u32 │ name
//! ```
//!
//! Numbers are big endian. All parts of the associated data but the last have a fixed length, so no two places
//! have the same. The number of the key is there for a store to have several while one replaces another.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use secretary_secret::{Secret, wipe_stack};

use super::header::StoreId;
use crate::version::Version;

/// Bytes of a data key, and of a key in a key file.
pub const KEY: usize = 32;

const FORMAT: u8 = 1;
const NONCE: usize = 24;
const TAG: usize = 16;
const NUMBER: usize = 4;
const HEAD: usize = 1 + NUMBER + NONCE + TAG;

/// What sealing adds to a value, in bytes.
pub const OVERHEAD: usize = HEAD;

/// A value nobody can read without the data key. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Arc<[u8]>);

impl Sealed {
    /// What to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&[u8]> for Sealed {
    /// What was stored. Whether it is a sealed value at all shows when it is opened.
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// Why a stored value does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is none, or of a later program.
    #[error("a stored value is no sealed value that this program knows")]
    Format,
    /// The store does not have the data key it was sealed under.
    #[error("a stored value was sealed under data key {0}, which the store does not have")]
    NoKey(u32),
    /// It was changed, or was stored in another place.
    #[error("a stored value was changed, or moved here from another place")]
    Forged,
}

/// A data key, on the heap, so that no move leaves a copy. Wiped on drop.
struct DataKey {
    number: u32,
    cipher: Box<XChaCha20Poly1305>,
}

/// The data keys of a store: all open, the last one seals.
pub struct DataKeys {
    store: StoreId,
    keys: Vec<DataKey>,
    sealing: usize,
}

impl DataKeys {
    /// The keys of `store`, each a number and [`KEY`] bytes. `None` when there is none, or one of another length.
    pub fn new<'a>(
        store: StoreId,
        keys: impl IntoIterator<Item = (u32, &'a Secret)>,
    ) -> Option<Self> {
        let key = |(number, bytes): (u32, &Secret)| {
            let cipher = in_heap(bytes.expose());
            wipe_stack();
            cipher.map(|cipher| DataKey { number, cipher })
        };
        let keys: Vec<DataKey> = keys.into_iter().map(key).collect::<Option<_>>()?;
        let sealing = keys.len().checked_sub(1)?;
        Some(Self { store, keys, sealing })
    }

    /// Seals `value` for one place.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub fn seal(
        &self,
        name: &str,
        version: Version,
        value: &Secret,
    ) -> Result<Sealed, getrandom::Error> {
        let key = &self.keys[self.sealing];
        // The value is copied there before it is encrypted there, so the buffer is one that gets wiped.
        let mut sealed = Secret::with_capacity(HEAD + value.len());
        sealed.extend(&[FORMAT]);
        sealed.extend(&key.number.to_be_bytes());
        sealed.resize(HEAD);
        sealed.extend(value.expose());
        let (head, message) = sealed.expose_mut().split_at_mut(HEAD);
        let (nonce, tag) = head[1 + NUMBER..].split_at_mut(NONCE);
        getrandom::fill(nonce)?;
        let nonce = XNonce::try_from(&*nonce).expect("the head was cut for it");
        let made = key
            .cipher
            .encrypt_inout_detached(&nonce, &self.place(key.number, name, version), message.into())
            .expect("no value is as long as the 256 GiB that one nonce is good for");
        tag.copy_from_slice(&made);
        wipe_stack();
        Ok(Sealed::from(sealed.expose()))
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    pub fn open(&self, name: &str, version: Version, sealed: &Sealed) -> Result<Secret, OpenError> {
        let (head, message) = sealed.0.split_at_checked(HEAD).ok_or(OpenError::Format)?;
        let (&format, head) = head.split_first().ok_or(OpenError::Format)?;
        if format != FORMAT {
            return Err(OpenError::Format);
        }
        let (number, head) = head.split_at(NUMBER);
        let number = u32::from_be_bytes(number.try_into().expect("the head was cut for it"));
        let (nonce, tag) = head.split_at(NONCE);
        let nonce = XNonce::try_from(nonce).expect("the head was cut for it");
        let tag = Tag::try_from(tag).expect("the head was cut for it");
        let key = self.keys.iter().find(|key| key.number == number);
        let key = key.ok_or(OpenError::NoKey(number))?;
        let mut value = Secret::from(message);
        let opened = key.cipher.decrypt_inout_detached(
            &nonce,
            &self.place(number, name, version),
            InOutBuf::from(value.expose_mut()),
            &tag,
        );
        wipe_stack();
        opened.map(|()| value).map_err(|_| OpenError::Forged)
    }

    /// The associated data.
    fn place(&self, number: u32, name: &str, version: Version) -> Vec<u8> {
        let store = self.store.as_bytes();
        let version = version.number().to_be_bytes();
        let parts: [&[u8]; 6] = [
            b"secretary value",
            &[FORMAT],
            &number.to_be_bytes(),
            store,
            &version,
            name.as_bytes(),
        ];
        parts.concat()
    }
}

impl fmt::Debug for DataKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKeys({} of {:?})", self.keys.len(), self.store)
    }
}

#[inline(never)]
pub(super) fn in_heap(key: &[u8]) -> Option<Box<XChaCha20Poly1305>> {
    XChaCha20Poly1305::new_from_slice(key).ok().map(Box::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(store: u8, numbers: &[u32]) -> DataKeys {
        let secrets: Vec<(u32, Secret)> =
            numbers.iter().map(|number| (*number, vec![*number as u8; KEY].into())).collect();
        let borrowed = secrets.iter().map(|(number, key)| (*number, key));
        DataKeys::new(StoreId::from([store; 16]), borrowed).unwrap()
    }

    fn version(number: u32) -> Version {
        Version::new(number).unwrap()
    }

    fn secret(bytes: &[u8]) -> Secret {
        Secret::from(bytes)
    }

    #[test]
    fn a_value_opens_in_its_own_place_alone() {
        let here = keys(1, &[1]);
        let sealed = here.seal("dev/db", version(3), &secret(b"hunter2")).unwrap();
        assert_eq!(here.open("dev/db", version(3), &sealed).unwrap().expose(), b"hunter2");
        for (keys, name, number) in [
            (&here, "dev/db", 4),
            (&here, "dev/d", 3),
            (&here, "dev/db2", 3),
            (&here, "", 3),
            (&keys(2, &[1]), "dev/db", 3),
        ] {
            let opened = keys.open(name, version(number), &sealed);
            assert_eq!(opened.unwrap_err(), OpenError::Forged, "{name} {number}");
        }
    }

    #[test]
    fn no_version_passes_for_the_beginning_of_a_name() {
        let keys = keys(1, &[1]);
        let sealed = keys.seal("a", version(0x6162_6364), &secret(b"x")).unwrap();
        for name in ["bcda", "abcda", "a\0"] {
            assert!(keys.open(name, version(1), &sealed).is_err());
        }
    }

    #[test]
    fn refuses_every_flipped_bit_and_every_shorter_text() {
        let keys = keys(1, &[1]);
        for len in [0, 1, 33] {
            let sealed = keys.seal("a", version(1), &secret(&vec![b'x'; len])).unwrap();
            let mut bytes = sealed.as_bytes().to_vec();
            assert_eq!(bytes.len(), len + OVERHEAD);
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                let opened = keys.open("a", version(1), &Sealed::from(&bytes[..]));
                assert!(opened.is_err(), "bit {bit}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            for end in 0..bytes.len() {
                assert!(keys.open("a", version(1), &Sealed::from(&bytes[..end])).is_err());
            }
        }
    }

    #[test]
    fn two_keys_open_and_the_last_one_seals() {
        let (old, both) = (keys(1, &[1]), keys(1, &[1, 2]));
        let sealed = old.seal("a", version(1), &secret(b"old")).unwrap();
        assert_eq!(both.open("a", version(1), &sealed).unwrap().expose(), b"old");
        let sealed = both.seal("a", version(1), &secret(b"new")).unwrap();
        assert_eq!(both.open("a", version(1), &sealed).unwrap().expose(), b"new");
        assert_eq!(old.open("a", version(1), &sealed).unwrap_err(), OpenError::NoKey(2));
    }

    #[test]
    fn a_key_has_32_bytes_and_there_is_one() {
        let store = StoreId::from([1; 16]);
        assert!(DataKeys::new(store, []).is_none());
        for len in [0, 31, 33] {
            assert!(DataKeys::new(store, [(1, &vec![1; len].into())]).is_none());
        }
    }

    #[test]
    fn prints_no_bytes() {
        let keys = keys(0xab, &[1, 2]);
        let sealed = keys.seal("a", version(1), &secret(b"hunter2")).unwrap();
        let printed = format!("{keys:?} {sealed:?}");
        assert_eq!(
            printed,
            "DataKeys(2 of StoreId(abababababababababababababababab)) Sealed(52 bytes)"
        );
    }

    proptest! {
        #[test]
        fn opens_what_it_seals(
            name in ".{0,20}",
            number in 1..=u32::MAX,
            value in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let keys = keys(1, &[1]);
            let sealed = keys.seal(&name, version(number), &secret(&value)).unwrap();
            let opened = keys.open(&name, version(number), &sealed).unwrap();
            prop_assert_eq!(opened.expose(), &value[..]);
        }
    }
}
