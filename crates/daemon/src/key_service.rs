//! The key service that wrapped the data keys of `ENC[KMS,..]` tokens, as far as a daemon needs it.

use secretary_envelope::{DataKey, WrappedKey};

/// A service that unwraps data keys, such as AWS KMS. It belongs to somebody else, can be slow, and can say no.
pub trait KeyService: Send + Sync + 'static {
    /// Unwraps `keys`, each for itself and in their order, in bounded time.
    fn unwrap_all(
        &self,
        keys: &[WrappedKey],
    ) -> impl Future<Output = Vec<Result<DataKey, KeyServiceError>>> + Send;
}

/// Why a data key was not unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyServiceError {
    /// The service said no.
    Refused,
    /// The service did not answer, or failed.
    Failed,
    /// This program is built without one.
    NotBuiltIn,
}
