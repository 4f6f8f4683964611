//! Why there is no answer, in words of ours.

use std::path::PathBuf;
use std::time::Duration;

use secretary_setec_api::Refusal;
use secretary_transport::tls::TlsError;
use secretary_transport::{Cut, Obstacle};

/// What was set up is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The URL has no host, or another scheme than `http` and `https`.
    #[error("the URL of the secrets server is neither http:// nor https:// with a host")]
    Url,
    /// The URL has more in it than leads to a server. What that is, is not said: it may be a password.
    #[error("the URL of the secrets server has a user, a password, a \"?\" or a \"#\" in it")]
    UrlParts,
    /// The token is empty, or has in it what no header can have.
    #[error("the token is not one line of printable ASCII")]
    Token,
    /// Others could read the token on its way.
    #[error("a token is sent by https:// alone, or to this machine")]
    TokenInClear,
    /// A certificate is shown to who speaks TLS, and to nobody else.
    #[error("the client certificate in {} is of no use without https://", .0.display())]
    CertificateInClear(PathBuf),
    /// A file of certificates, or the key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why there is no answer.
///
/// Nothing in it was written by the other side, but a number: a refusal is one that setec has, and known by its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such secret, or no such version of it.
    #[error("not found")]
    NotFound,
    /// Whoever calls may not do that.
    #[error("access denied")]
    AccessDenied,
    /// The active version is the one that the caller has.
    #[error("value not changed")]
    NotChanged,
    /// There is, or was, a version of that number.
    #[error("version is already claimed")]
    VersionClaimed,
    /// The server said no in another way.
    #[error("{}", status(*.code, *.refusal))]
    Status {
        /// The HTTP status.
        code: u16,
        /// What the server meant by it, if that is known.
        refusal: Option<Refusal>,
    },
    /// Something wants to be asked elsewhere.
    #[error(
        "the secrets server's URL leads to a redirect, which is not followed (HTTP status {0})"
    )]
    Redirect(u16),
    /// There was no connection, and nothing was sent.
    #[error("the secrets server can't be reached: {0}")]
    Unreachable(Obstacle),
    /// The connection ended in the middle.
    #[error("the connection to the secrets server broke")]
    Broken,
    /// The time was over.
    #[error("the secrets server did not answer within {} s", .0.as_secs_f64())]
    Late(Duration),
    /// The answer has more bytes than it may have.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// The answer is none to what was asked.
    #[error("the answer is not one of a secrets server")]
    BadAnswer,
}

impl Error {
    /// Whether the same call may go well in a moment. The client itself never makes one again.
    ///
    /// A call that changes something may have done so although there was no answer ([`Self::Broken`], [`Self::Late`], a
    /// status of 500 and more). To put the same value again is harmless; a version that was created then is claimed.
    ///
    /// setec answers a call that can never go well with status 500 as well: with an empty or reserved name, version 0,
    /// or the active version to be deleted.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(obstacle) => obstacle.may_pass(),
            Self::Broken | Self::Late(_) => true,
            Self::Status { code, .. } => matches!(code, 408 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }
}

impl From<Cut> for Error {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Unreachable(obstacle) => Self::Unreachable(obstacle),
            Cut::Broken => Self::Broken,
        }
    }
}

/// The words of setec's client, which people search for.
fn status(code: u16, refusal: Option<Refusal>) -> String {
    match refusal {
        Some(refusal) => format!("request returned status {code}: {:?}", refusal.text()),
        None => format!("request returned status {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> Error {
        Error::Status { code, refusal: None }
    }

    #[test]
    fn says_what_setecs_client_says() {
        for (error, expected) in [
            (Error::NotFound, "not found"),
            (Error::AccessDenied, "access denied"),
            (Error::NotChanged, "value not changed"),
            (Error::VersionClaimed, "version is already claimed"),
            (
                Error::Status { code: 500, refusal: Some(Refusal::Internal) },
                "request returned status 500: \"internal error\"",
            ),
            (status(502), "request returned status 502"),
            (
                Error::Late(Duration::from_millis(1500)),
                "the secrets server did not answer within 1.5 s",
            ),
        ] {
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn what_may_be_gone_in_a_moment_may_be_tried_again() {
        let passing = [
            Error::Unreachable(Obstacle::Refused),
            Error::Broken,
            Error::Late(Duration::ZERO),
            status(429),
            status(500),
            status(503),
        ];
        let lasting = [
            Error::NotFound,
            Error::AccessDenied,
            Error::NotChanged,
            Error::VersionClaimed,
            Error::Unreachable(Obstacle::Untrusted),
            Error::Redirect(302),
            Error::TooLarge(1),
            Error::BadAnswer,
            status(400),
            status(401),
            status(413),
            status(501),
        ];
        assert!(passing.iter().all(Error::may_pass));
        assert!(!lasting.iter().any(Error::may_pass));
    }
}
