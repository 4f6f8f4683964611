//! A build without the daemon's client says so, rather than open tokens with keys that are for something else.

use super::{Answer, Sealed, url};
use crate::cli::AskFlags;
use crate::environ::Environ;
use crate::failure::{Code, Failure};

/// Nobody: it can't be made.
pub enum Remote {}

impl Remote {
    /// Finds nobody.
    ///
    /// # Errors
    ///
    /// When a daemon is to be asked.
    pub fn find(
        flags: &AskFlags,
        _: Option<&std::ffi::OsStr>,
        environ: &Environ,
        _: &Environ,
    ) -> Result<Option<Self>, Failure> {
        let Some((place, _)) = url(flags, environ)? else { return Ok(None) };
        let message = format!(
            "{place} is set, and this secretary was built without the part that asks a daemon"
        );
        Err(Failure::new(Code::Configuration, message).hint(
            "use the full build, which has the feature `daemon`; or, to use local keys, unset it or give --secretary-url \"\"",
        ))
    }

    /// Nothing is wrong with nobody.
    ///
    /// # Errors
    ///
    /// None: there is nobody to ask.
    pub fn check(&self) -> Result<(), Failure> {
        match *self {}
    }

    /// Asks nobody.
    ///
    /// # Errors
    ///
    /// None: there is nobody to ask.
    pub fn open_all(&self, _: &[Sealed<'_>]) -> Result<Vec<Answer>, Failure> {
        match *self {}
    }

    /// Nobody is described.
    pub fn described(&self) -> Vec<String> {
        match *self {}
    }

    /// Nothing is asked.
    pub fn asked(&self) -> Vec<String> {
        match *self {}
    }
}
