//! The key-encryption key.

use std::fs::File;

use secretary_envelope::SecretKey;
use secretary_secret::Secret;
use secretary_setec_server::seal::{KeyEncryption, KeyEncryptionError, KeyFile, NaclPair, StoreId};

#[cfg(feature = "aws")]
use super::kms_key::KmsKey;
use crate::cli::KekFlags;
use crate::failure::{Code, Failure, shown};
use crate::keys::{self, WEAK_HINT};
use crate::world::World;

/// The most bytes of a key file.
const MAX_FILE: usize = 4096;

/// A key-encryption key of one of the kinds that there are.
pub(super) enum Kek {
    File(KeyFile),
    Pair(NaclPair),
    #[cfg(feature = "aws")]
    Kms(Box<KmsKey>),
}

impl Kek {
    /// The one that is set up.
    ///
    /// # Errors
    ///
    /// When there is none, or it is of no use.
    pub(super) fn find(flags: &KekFlags, world: &World) -> Result<Self, Failure> {
        if let Some(path) = &flags.key_file {
            let text = File::open(path).and_then(|mut file| Secret::read_from(&mut file, MAX_FILE));
            let text = text.map_err(|error| {
                Failure::io("read", &shown(path), &error).with_code(Code::Configuration)
            })?;
            let key = KeyFile::parse(&text).map_err(|error| {
                let message = format!("the key in {} can't be used: {error}", shown(path));
                Failure::new(Code::Configuration, message)
                    .hint("`openssl rand -base64 32` makes one")
            })?;
            return Ok(Self::File(key));
        }
        if let Some(name) = &flags.master_key {
            let found = keys::SERVE_WITH.find_given::<SecretKey>(Some(name), &world.environ)?;
            let found = found.expect("a flag that is given names a key, or is an error");
            let pair = NaclPair::new(&found.key).map_err(|weak| {
                let message = format!("the private key in {} can't be used: {weak}", found.place);
                Failure::new(Code::Configuration, message).hint(WEAK_HINT)
            })?;
            return Ok(Self::Pair(pair));
        }
        if let Some(name) = flags.kms_key_id.as_deref().filter(|name| !name.is_empty()) {
            return Self::of_kms(name, flags, world);
        }
        Err(Failure::new(Code::Configuration, "there is no key-encryption key").hint(
            "give --key-file, --master-key or --kms-key-id; `secretary server --dev` needs none",
        ))
    }

    #[cfg(feature = "aws")]
    fn of_kms(name: &str, flags: &KekFlags, world: &World) -> Result<Self, Failure> {
        KmsKey::new(name, &flags.kms, &world.environ).map(|key| Self::Kms(Box::new(key)))
    }

    #[cfg(not(feature = "aws"))]
    fn of_kms(_: &str, _: &KekFlags, _: &World) -> Result<Self, Failure> {
        let message = "this secretary was built without AWS KMS";
        Err(Failure::new(Code::Configuration, message).hint(
            "use the full build, which has the feature `aws`; or give --key-file or --master-key",
        ))
    }

    /// `failure`, with more about it if the key is of somebody who has said more.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        match self {
            #[cfg(feature = "aws")]
            Self::Kms(key) => key.explain(failure),
            Self::File(_) | Self::Pair(_) => failure,
        }
    }

    /// One that nobody else has, for as long as the process lives.
    pub(super) fn throw_away() -> Self {
        let pair = SecretKey::generate().map(|key| NaclPair::new(&key));
        let pair =
            pair.expect("the system has random bytes").expect("a generated pair is not weak");
        Self::Pair(pair)
    }
}

impl KeyEncryption for Kek {
    fn kind(&self) -> &'static str {
        match self {
            Self::File(key) => key.kind(),
            Self::Pair(key) => key.kind(),
            #[cfg(feature = "aws")]
            Self::Kms(key) => key.kind(),
        }
    }

    async fn wrap(&self, store: &StoreId, key: &Secret) -> Result<Vec<u8>, KeyEncryptionError> {
        match self {
            Self::File(kek) => kek.wrap(store, key).await,
            Self::Pair(kek) => kek.wrap(store, key).await,
            #[cfg(feature = "aws")]
            Self::Kms(kek) => kek.wrap(store, key).await,
        }
    }

    async fn unwrap(&self, store: &StoreId, wrapped: &[u8]) -> Result<Secret, KeyEncryptionError> {
        match self {
            Self::File(kek) => kek.unwrap(store, wrapped).await,
            Self::Pair(kek) => kek.unwrap(store, wrapped).await,
            #[cfg(feature = "aws")]
            Self::Kms(kek) => kek.unwrap(store, wrapped).await,
        }
    }
}
