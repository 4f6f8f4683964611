//! What a store says of itself: its name, and its data keys, wrapped.
//!
//! It is stored beside what the keys seal, so that a copy of a store is whole. It holds no secret:
//!
//! ```json
//! {"store":"<base64>","keys":[{"number":1,"by":"key file","wrapped":"<base64>"}]}
//! ```

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::{DataKeys, KEY};
use super::wrap::{KeyEncryption, KeyEncryptionError};

/// Which store it is: 16 random bytes, so that no value of one store opens in another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId([u8; 16]);

impl StoreId {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 16]> for StoreId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreId(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A store's name and its wrapped data keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    store: Base64<StoreId>,
    keys: Vec<Wrapped>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wrapped {
    number: u32,
    by: String,
    wrapped: Base64<Vec<u8>>,
}

/// Why the data keys of a store can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnwrapError {
    /// The header is none, or of a later program.
    #[error("the store's header is damaged, or of a later version of this program")]
    Damaged,
    /// The data keys are wrapped by another kind of key-encryption key.
    #[error("the store's data key is wrapped by {by}, and not by {given}")]
    OtherKind {
        /// What it is wrapped by.
        by: String,
        /// What was to unwrap it.
        given: &'static str,
    },
    /// The key-encryption key did not do it.
    #[error(transparent)]
    KeyEncryption(#[from] KeyEncryptionError),
    /// The system gave no random bytes.
    #[error("the system has no random bytes to give")]
    Random,
}

impl Header {
    /// A new store, with a new data key that `wrapping` wraps.
    ///
    /// # Errors
    ///
    /// When there are no random bytes, or the key is not wrapped.
    pub async fn generate(wrapping: &impl KeyEncryption) -> Result<Self, UnwrapError> {
        let mut store = [0; 16];
        getrandom::fill(&mut store).map_err(|_| UnwrapError::Random)?;
        let mut key = Secret::default();
        key.resize(KEY);
        getrandom::fill(key.expose_mut()).map_err(|_| UnwrapError::Random)?;
        let store = StoreId(store);
        let wrapped = Wrapped::new(1, store, &key, wrapping).await?;
        Ok(Self { store: Base64(store), keys: vec![wrapped] })
    }

    /// Which store it is.
    pub fn store(&self) -> StoreId {
        self.store.0
    }

    /// The data keys, unwrapped by the key that wrapped them.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`].
    pub async fn unwrap(&self, wrapping: &impl KeyEncryption) -> Result<DataKeys, UnwrapError> {
        let keys = self.secrets(wrapping).await?;
        let borrowed = keys.iter().map(|(number, key)| (*number, key));
        DataKeys::new(self.store(), borrowed).ok_or(UnwrapError::Damaged)
    }

    /// The same data keys, wrapped by another key-encryption key. No value has to be sealed anew.
    ///
    /// # Errors
    ///
    /// [`UnwrapError`].
    pub async fn rewrap(
        &self,
        from: &impl KeyEncryption,
        to: &impl KeyEncryption,
    ) -> Result<Self, UnwrapError> {
        let mut keys = Vec::new();
        for (number, key) in self.secrets(from).await? {
            keys.push(Wrapped::new(number, self.store(), &key, to).await?);
        }
        Ok(Self { store: Base64(self.store()), keys })
    }

    async fn secrets(
        &self,
        wrapping: &impl KeyEncryption,
    ) -> Result<Vec<(u32, Secret)>, UnwrapError> {
        let mut keys = Vec::new();
        for key in &self.keys {
            if key.by != wrapping.kind() {
                let by = key.by.clone();
                return Err(UnwrapError::OtherKind { by, given: wrapping.kind() });
            }
            keys.push((key.number, wrapping.unwrap(&self.store(), &key.wrapped.0).await?));
        }
        Ok(keys)
    }

    /// What to store.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and lists have a JSON form")
    }

    /// What was stored.
    ///
    /// # Errors
    ///
    /// [`UnwrapError::Damaged`].
    pub fn parse(json: &str) -> Result<Self, UnwrapError> {
        serde_json::from_str(json).map_err(|_| UnwrapError::Damaged)
    }
}

impl Wrapped {
    async fn new(
        number: u32,
        store: StoreId,
        key: &Secret,
        wrapping: &impl KeyEncryption,
    ) -> Result<Self, KeyEncryptionError> {
        let wrapped = Base64(wrapping.wrap(&store, key).await?);
        Ok(Self { number, by: wrapping.kind().to_string(), wrapped })
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({} by {})", self.number, self.by)
    }
}

/// Bytes that are base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Base64<T>(T);

impl<T: AsBytes> Serialize for Base64<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.0.bytes()))
    }
}

impl<'de, T: TryFrom<Vec<u8>>> Deserialize<'de> for Base64<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| T::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| serde::de::Error::custom("not base64 of it"))
    }
}

trait AsBytes {
    fn bytes(&self) -> &[u8];
}

impl AsBytes for StoreId {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsBytes for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl TryFrom<Vec<u8>> for StoreId {
    type Error = ();

    fn try_from(bytes: Vec<u8>) -> Result<Self, ()> {
        bytes.try_into().map(Self).map_err(drop)
    }
}
