//! A secrets server as this program asks it: settings from flags and variables, failures in the user's words.
//!
//! Nothing is read, built or asked before the first secret is needed.

#[cfg(not(feature = "setec"))]
mod absent;
#[cfg(feature = "setec")]
mod advice;
#[cfg(feature = "setec")]
mod asking;
#[cfg(feature = "setec")]
mod getting;

use std::path::Path;

use crate::cli::{AskFlags, CertificateFlags, SetecFlags};
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::remote;

#[cfg(not(feature = "setec"))]
pub use absent::{Getter, SecretsServer};
#[cfg(feature = "setec")]
pub use asking::SecretsServer;
#[cfg(feature = "setec")]
pub use getting::Getter;

/// Whether this program can ask a secrets server at all.
pub const IS_BUILT_IN: bool = cfg!(feature = "setec");

/// What was typed about a server and who asks it.
#[derive(Clone, Copy, Debug)]
pub struct Flags<'a> {
    /// The server, and the token.
    pub server: &'a SetecFlags,
    /// The file with a certificate.
    pub certificate: Option<&'a Path>,
    /// The file with its private key.
    pub key: Option<&'a Path>,
    /// Whether a daemon is set up, too, which the certificate may be for. The token then says who asks the server.
    pub is_beside_daemon: bool,
}

impl<'a> Flags<'a> {
    /// Those of a command that asks nobody else. The variables may be those of others that ask a daemon.
    ///
    /// # Errors
    ///
    /// When a token and a certificate were typed: one of them would be left out without a word.
    pub fn new(
        server: &'a SetecFlags,
        certificate: &'a CertificateFlags,
        environ: &Environ,
    ) -> Result<Self, Failure> {
        let CertificateFlags { client_cert, client_key } = certificate;
        let (certificate, key) = (client_cert.as_deref(), client_key.as_deref());
        let is_beside_daemon = has_daemon(&AskFlags::default(), environ);
        let flags = Self { server, certificate, key, is_beside_daemon };
        if flags.are_of_two_callers() { Err(two_callers_typed()) } else { Ok(flags) }
    }

    /// Those of a command that asks a daemon, too, if one is set up in its flags or in `environ`, and has one certificate
    /// for both.
    pub fn beside_daemon(server: &'a SetecFlags, daemon: &'a AskFlags, environ: &Environ) -> Self {
        let AskFlags { client_cert, client_key, .. } = daemon;
        let (certificate, key) = (client_cert.as_deref(), client_key.as_deref());
        Self { server, certificate, key, is_beside_daemon: has_daemon(daemon, environ) }
    }

    /// Whether a token and a certificate were typed. Empty ones say that there is none.
    fn are_of_two_callers(&self) -> bool {
        self.server.token_file.as_deref().is_some_and(is_given)
            && self.certificate.is_some_and(is_given)
    }
}

/// A URL that is of no use was to be a daemon's.
fn has_daemon(flags: &AskFlags, environ: &Environ) -> bool {
    !matches!(remote::url(flags, environ), Ok(None))
}

fn is_given(file: &Path) -> bool {
    !file.as_os_str().is_empty()
}

fn two_callers_typed() -> Failure {
    let message = "--token-file and --client-cert are both given, and one of them says who asks";
    Failure::new(Code::Usage, message).hint("leave one of them out")
}

/// The server's URL and where it is set, unless none is. An empty flag means that there is none, whatever the variables
/// say.
pub(crate) fn url(
    flags: &SetecFlags,
    process: &Environ,
) -> Result<Option<(&'static str, String)>, Failure> {
    let url = match &flags.server {
        Some(url) => Some(("--server", url.clone())),
        None => match text(process, "SECRETARY_SERVER")? {
            Some(url) => Some(("$SECRETARY_SERVER", url)),
            None => text(process, "SETEC_SERVER")?.map(|url| ("$SETEC_SERVER", url)),
        },
    };
    Ok(url.filter(|(_, url)| !url.is_empty()))
}

/// The value of a variable that is set and not empty.
fn text(process: &Environ, name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = process.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let value = value.to_str().ok_or_else(|| {
        Failure::new(Code::Configuration, format!("${name} can't be used: it is not UTF-8"))
    });
    value.map(|value| Some(value.to_string()))
}

/// Nobody is set up who could be asked. It is setec's sentence, which people search for.
fn no_server() -> Failure {
    Failure::new(Code::Configuration, "no server address is set")
        .detail("looked for: --server, $SECRETARY_SERVER, $SETEC_SERVER")
        .hint("give the URL of a secrets server, as https://secrets.example.com")
}
