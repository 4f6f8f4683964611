//! Failures of a secrets server in the user's words: the code to leave with, and what to do.

use secretary_setec_client::{Error, Obstacle, Refusal, SetupError};

use crate::failure::Code;

/// The code to leave with.
pub fn code(error: &Error) -> Code {
    match error {
        Error::NotChanged | Error::TooLarge(_) => Code::General,
        Error::NotFound
        | Error::AccessDenied
        | Error::VersionClaimed
        | Error::Status { code: 400..=499, .. } => Code::Denied,
        _ => Code::Remote,
    }
}

/// What to do about it, or nothing.
pub fn hint(error: &Error) -> &'static str {
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
        Error::Status { refusal: Some(refusal), .. } => on_refusal(*refusal),
        Error::Status { code: 401, .. } => "give a token by --token-file, or a certificate",
        Error::Status { code: 429 | 503, .. } => "try again later",
        Error::Status { .. } | Error::BadAnswer => {
            "is there a secrets server at this URL? It is given without /api"
        }
        Error::Redirect(_) => "give the URL that it leads to",
        Error::Unreachable(obstacle) => on_obstacle(obstacle),
        Error::Broken | Error::Late(_) => {
            "check that the server runs, and what is before it; what was to be changed may have been"
        }
        _ => "",
    }
}

fn on_refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Internal => {
            "the server's log says more; it answers so, too, to a name that is empty or begins with _internal/, and to the end of an active version"
        }
        Refusal::Unidentified => {
            "the server does not know who asks: give --token-file or --client-cert, or ask from a node of its tailnet"
        }
        Refusal::InvalidName => {
            "a new secret's name has at most 1024 bytes, and no control characters"
        }
        Refusal::Method | Refusal::ContentType | Refusal::Browser | Refusal::Malformed => {
            "find out what is between this machine and the server, and changes requests"
        }
        _ => "",
    }
}

fn on_obstacle(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Untrusted => {
            "give the certificate of who signed the server's by --server-ca or $SECRETARY_SERVER_CA"
        }
        Obstacle::CertificateExpired | Obstacle::CertificateNotYet => {
            "give the server another certificate, or check this machine's clock"
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
            "give the server a certificate, and the URL https://; or, to ask without, give --client-cert \"\" --client-key \"\""
        }
        _ => "",
    }
}
