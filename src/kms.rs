//! AWS KMS as this program uses it: settings from flags and variables, failures in the user's words.
//!
//! Nothing is looked up, built or asked before the first token needs it.

#[cfg(not(feature = "aws"))]
mod absent;
#[cfg(feature = "aws")]
mod advice;
#[cfg(feature = "aws")]
mod aws;
#[cfg(all(feature = "aws", feature = "daemon"))]
mod served;

use secretary_envelope::DataKey;

use crate::cli::KmsFlags;
use crate::environ::Environ;
use crate::failure::{Code, Failure};

#[cfg(all(not(feature = "aws"), feature = "daemon"))]
pub use absent::Served;
#[cfg(all(feature = "aws", feature = "daemon"))]
pub use served::Served;
#[cfg(all(feature = "aws", feature = "server"))]
pub(crate) use {advice::Operation, aws::refusal};

/// Whether this program can ask AWS KMS at all.
pub const IS_BUILT_IN: bool = cfg!(feature = "aws");

/// The variable with the key that encrypts.
const KEY_VARIABLE: &str = "KMS_KEY_ID";

/// AWS KMS, as far as flags and variables say how to ask it.
#[derive(Clone, Copy)]
pub struct KeyService<'a> {
    key: Option<&'a str>,
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing is asked"))]
    flags: &'a KmsFlags,
    environ: &'a Environ,
    #[cfg_attr(not(feature = "aws"), expect(dead_code, reason = "nothing is asked"))]
    process: &'a Environ,
}

/// What became of wrapped data keys, in their order.
#[derive(Default)]
pub struct Unwrapped {
    /// Each key, unless it failed.
    pub keys: Vec<Option<DataKey>>,
    /// Why those failed that did.
    pub refusals: Vec<Option<Refusal>>,
    /// How AWS KMS was asked, in lines fit to be printed.
    pub asked: Vec<String>,
}

/// Why a data key was not made or not unwrapped.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What went wrong.
    pub sentence: String,
    /// The code to leave with.
    pub code: Code,
    /// What to do about it.
    pub hint: String,
}

impl<'a> KeyService<'a> {
    /// Keeps what was typed. `key` is the flag's value; an empty one says that no key is to be used,
    /// whatever the variable says. Key and context may be in any of `environ`; where and as whom AWS is
    /// asked is a matter of the `process` alone, and not of a file with variables for a service.
    pub fn new(
        key: Option<&'a str>,
        flags: &'a KmsFlags,
        environ: &'a Environ,
        process: &'a Environ,
    ) -> Self {
        Self { key, flags, environ, process }
    }

    /// Whether secrets are to be sealed by AWS KMS, be it with a key that is none.
    pub fn is_chosen(&self) -> bool {
        !matches!(self.key_to_seal(), Ok(None))
    }

    /// The key that seals: the flag's, or else the variable's.
    fn key_to_seal(&self) -> Result<Option<(&'static str, &'a str)>, Failure> {
        let key = match self.key {
            Some(key) => Some(("--kms-key-id", key)),
            None => self.variable(KEY_VARIABLE)?.map(|key| ("$KMS_KEY_ID", key)),
        };
        Ok(key.filter(|(_, key)| !key.is_empty()))
    }

    /// The value of a variable of ours that is set and not empty.
    fn variable(&self, name: &str) -> Result<Option<&'a str>, Failure> {
        let value = self.environ.get(name).filter(|value| !value.is_empty());
        let text = value.map(|value| {
            let not_text = || bad(&format!("${name}"), &"it is not UTF-8");
            value.to_str().ok_or_else(not_text)
        });
        text.transpose()
    }
}

fn bad(place: &str, error: &impl std::fmt::Display) -> Failure {
    Failure::new(Code::Configuration, format!("{place} can't be used: {error}"))
}
