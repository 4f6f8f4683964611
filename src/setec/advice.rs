//! Failures of a secrets server in the user's words: the code to leave with, and what to do.

use secretary_setec_client::{Error, Obstacle, Refusal, SetupError};

use crate::failure::Code;

/// How a server was to know who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// The address.
    Address,
    /// A token.
    Token,
    /// A certificate.
    Certificate,
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It changes nothing, whatever becomes of it.
    Read,
    /// It may have changed something although there was no answer.
    Write,
}

/// The code to leave with.
pub(super) fn code(error: &Error) -> Code {
    match error {
        Error::NotChanged | Error::TooLarge(_) => Code::General,
        Error::NotFound
        | Error::AccessDenied
        | Error::VersionClaimed
        // setec has status 500 for it, and it is no failure of the server: another token helps, and waiting does not.
        | Error::Status { refusal: Some(Refusal::Unidentified), .. }
        | Error::Status { code: 400..=499, .. } => Code::Denied,
        _ => Code::Remote,
    }
}

/// What to do about it, or nothing.
pub(super) fn hint(error: &Error, known_by: KnownBy, purpose: Purpose) -> &'static str {
    match error {
        Error::NotFound => {
            "`secretary secret list` shows the secrets and versions that you may know of"
        }
        Error::AccessDenied => {
            "whom the server takes you for needs a grant for this action and this name; its audit log says who that is"
        }
        Error::VersionClaimed => {
            "numbers of versions are not given twice, not even those of deleted ones"
        }
        Error::Status { refusal: Some(refusal), .. } => on_refusal(*refusal, known_by),
        Error::Status { code: 401, .. } => on_unknown(known_by),
        Error::Status { code: 429 | 503, .. } => LATER,
        Error::Status { .. } | Error::BadAnswer => {
            "is there a secrets server at this URL? It is given without /api"
        }
        Error::Redirect(_) => "give the URL that it leads to",
        Error::Unreachable(obstacle) => on_obstacle(obstacle, known_by),
        Error::Broken | Error::Late(_) => match purpose {
            Purpose::Read => "check that the server runs, and what is before it",
            Purpose::Write => {
                "check that the server runs, and what is before it; what was to be changed may have been"
            }
        },
        _ => "",
    }
}

const LATER: &str = "try again later";

fn on_refusal(refusal: Refusal, known_by: KnownBy) -> &'static str {
    match refusal {
        Refusal::Internal => {
            "its audit log says why: a name that is empty or begins with _internal/, the end of an active version, or a failure, of which the server's log says more"
        }
        Refusal::Unidentified => on_unknown(known_by),
        Refusal::Sealed => {
            "the server has no key for its store yet; its log says why, and it goes on trying"
        }
        Refusal::Overloaded => LATER,
        Refusal::TooLarge => "give a smaller value: the server takes none of this size",
        Refusal::InvalidName => {
            "a new secret's name has at most 1024 bytes, and no control characters"
        }
        Refusal::Method | Refusal::ContentType | Refusal::Browser | Refusal::Malformed => {
            "find out what is between this machine and the server, and changes requests"
        }
        _ => "",
    }
}

/// The server does not know who asks, by what it was given for that.
fn on_unknown(known_by: KnownBy) -> &'static str {
    match known_by {
        KnownBy::Address => {
            "the server does not know who asks: give --token-file or --client-cert, or ask from a node of its tailnet"
        }
        KnownBy::Token => {
            "the server does not know this token, or it has expired; its log says which"
        }
        KnownBy::Certificate => {
            "the server does not know who asks by this certificate; its log says why"
        }
    }
}

fn on_obstacle(obstacle: &Obstacle, known_by: KnownBy) -> &'static str {
    match obstacle {
        // A server that refuses a certificate ends TLS with an alert, and says no more.
        Obstacle::Tls if known_by == KnownBy::Certificate => {
            "is --client-cert signed by one of the server's --client-ca-file?"
        }
        Obstacle::Untrusted => {
            "give the certificate of who signed the server's by --server-ca or $SECRETARY_SERVER_CA"
        }
        Obstacle::CertificateExpired | Obstacle::CertificateNotYet => {
            "give the server another certificate, or check this machine's clock"
        }
        Obstacle::AuthorityCertificate => {
            "give the server a certificate that signs no others: with openssl, -addext basicConstraints=critical,CA:FALSE"
        }
        Obstacle::OtherName => "the URL has to have a name that is in the server's certificate",
        Obstacle::NoTls => "a server without a certificate has a URL with http://",
        Obstacle::NoHttp => "a server with a certificate has a URL with https://",
        Obstacle::ProxyAuthorization => "HTTPS_PROXY takes http://USER:PASSWORD@HOST:PORT",
        Obstacle::ProxyRefuses | Obstacle::NoProxy(_) => {
            "check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names what is asked without one"
        }
        _ => "check the URL of the server, and that it runs",
    }
}

/// What to do about a setting.
pub(super) fn on_setup(error: &SetupError) -> &'static str {
    match error {
        SetupError::Url | SetupError::UrlParts => {
            "it is https://HOST:PORT, without /api; who asks is said by --token-file or --client-cert"
        }
        SetupError::Token => "it is what the file holds as a whole; look for a line too many",
        SetupError::TokenInClear => "give the server a certificate, and the URL https://",
        SetupError::CertificateInClear(_) => {
            "give the server a certificate, and the URL https://; or, to ask without, leave out what names it, a flag or $SECRETARY_CLIENT_CERT, and its key"
        }
        _ => "",
    }
}
