//! A daemon that opens tokens in this program's place: who asks it, with which keys, and how its answers are told.

#[cfg(not(feature = "daemon"))]
mod absent;
#[cfg(feature = "daemon")]
mod advice;
#[cfg(feature = "daemon")]
mod asking;
#[cfg(feature = "daemon")]
mod refused;

use secretary_envelope::Token;
use secretary_secret::Secret;

use crate::cli::AskFlags;
use crate::environ::Environ;
use crate::failure::{Code, Failure};

#[cfg(not(feature = "daemon"))]
pub use absent::Remote;
#[cfg(feature = "daemon")]
pub use asking::Remote;

/// A token, and the variable that it is in.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// The variable's name, or nothing.
    pub key: &'a str,
    /// The token.
    pub token: Token<'a>,
}

/// What a daemon made of one token.
pub type Answer = Result<Secret, Denied>;

/// Why one token was not opened.
#[derive(Clone, Debug)]
pub struct Denied {
    /// What went wrong.
    pub sentence: String,
    /// The code to leave with.
    pub code: Code,
    /// What to do about it.
    pub hint: String,
}

/// The daemon's URL and where it is set, unless none is. An empty flag means that there is none, whatever the variable
/// says.
pub(crate) fn url(
    flags: &AskFlags,
    environ: &Environ,
) -> Result<Option<(&'static str, String)>, Failure> {
    let url = match &flags.secretary_url {
        Some(url) => Some(("--secretary-url", url.clone())),
        None => text(environ, "SECRETARY_URL")?.map(|url| ("$SECRETARY_URL", url)),
    };
    Ok(url.filter(|(_, url)| !url.is_empty()))
}

/// The value of a variable that is set and not empty.
fn text(environ: &Environ, name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = environ.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let value = value.to_str().ok_or_else(|| {
        Failure::new(Code::Configuration, format!("${name} can't be used: it is not UTF-8"))
    });
    value.map(|value| Some(value.to_string()))
}
