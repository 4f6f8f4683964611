//! A build without AWS KMS says so, and what to enable, when it meets a token that needs it.

use secretary_envelope::{DataKey, WrappedKey};

use super::{KeyService, Unwrapped};
use crate::failure::{Code, Failure};

impl KeyService<'_> {
    /// Says so when AWS KMS is to seal: a NaCl token in its place would be open to other people.
    ///
    /// # Errors
    ///
    /// When a key of AWS KMS is chosen.
    pub fn check(&self) -> Result<(), Failure> {
        if self.is_chosen() { self.generate(0).map(drop) } else { Ok(()) }
    }

    /// Finds nothing wrong: nothing is used.
    ///
    /// # Errors
    ///
    /// None.
    pub fn check_to_open(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Finds nothing wrong: nothing is used.
    ///
    /// # Errors
    ///
    /// None.
    pub fn check_flags(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Says that this can't be done.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn generate(&self, _: usize) -> Result<Vec<(DataKey, WrappedKey)>, Failure> {
        Err(absent(Code::Configuration).hint(
            "use the full build, which has the feature `aws`; or, to encrypt with NaCl keys, unset $KMS_KEY_ID or give --kms-key-id \"\"",
        ))
    }

    /// Says that this can't be done.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn unwrap_all(&self, _: &[WrappedKey]) -> Result<Unwrapped, Failure> {
        Err(absent(Code::NoKey).hint("use the full build, which has the feature `aws`"))
    }
}

fn absent(code: Code) -> Failure {
    Failure::new(code, "this secretary was built without AWS KMS")
}

/// Nothing that a daemon could ask.
#[cfg(feature = "daemon")]
pub struct Served(());

#[cfg(feature = "daemon")]
impl Served {
    /// Finds nothing wrong: nothing is used.
    ///
    /// # Errors
    ///
    /// None.
    pub fn new(
        _: Option<String>,
        _: crate::cli::KmsFlags,
        _: crate::environ::Environ,
    ) -> Result<Self, Failure> {
        Ok(Self(()))
    }
}

#[cfg(feature = "daemon")]
impl secretary_daemon::key_service::KeyService for Served {
    async fn unwrap_all(
        &self,
        keys: &[WrappedKey],
    ) -> Vec<Result<DataKey, secretary_daemon::key_service::KeyServiceError>> {
        let error = secretary_daemon::key_service::KeyServiceError::NotBuiltIn;
        keys.iter().map(|_| Err(error)).collect()
    }
}
