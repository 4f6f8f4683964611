//! Failures of a daemon in the user's words: the code to leave with, and what to do.

use std::time::Duration;

use secretary_daemon::Obstacle;
use secretary_daemon::channel::Layer;
use secretary_daemon::client::Cause;

use super::Denied;
use super::refused::{self, Keys};
use crate::failure::{Code, Failure};

pub(super) const DAMAGED_HINT: &str = "copy the whole token again from where it was encrypted";

/// A failure of everything that was asked.
pub(super) fn failure(cause: &Cause, keys: Keys) -> Failure {
    let failure = Failure::new(code(cause), sentence(cause, keys));
    match hint(cause, keys) {
        "" => failure,
        hint => failure.hint(hint),
    }
}

/// A failure of one token.
pub(super) fn denied(cause: &Cause, keys: Keys) -> Denied {
    let (sentence, hint) = (sentence(cause, keys), hint(cause, keys).to_string());
    Denied { sentence, code: code(cause), hint }
}

fn sentence(cause: &Cause, keys: Keys) -> String {
    match cause {
        Cause::Refused(refusal) => refused::sentence(*refusal, keys),
        Cause::Status(status) => {
            format!("what answers at the daemon's URL failed with HTTP status {status}")
        }
        Cause::Late { timeout, last: Some(last) } => {
            format!("{}; gave up after {} s", sentence(last, keys), seconds(*timeout))
        }
        other => other.to_string(),
    }
}

fn seconds(timeout: Duration) -> f64 {
    timeout.as_secs_f64()
}

fn code(cause: &Cause) -> Code {
    match cause {
        Cause::Damaged(_)
        | Cause::Forged(_)
        | Cause::Echo
        | Cause::Unreadable
        | Cause::OtherRequest
        | Cause::OtherToken
        | Cause::Unbound => Code::Damaged,
        Cause::TooLarge | Cause::Random => Code::General,
        Cause::Refused(refusal) if !refused::is_a_fault(*refusal) => Code::Denied,
        Cause::Status(400..=499) => Code::Denied,
        _ => Code::Remote,
    }
}

fn hint(cause: &Cause, keys: Keys) -> &'static str {
    match cause {
        Cause::Refused(refusal) => refused::hint(*refusal, keys),
        Cause::Late { last: Some(last), .. } => hint(last, keys),
        Cause::Unreachable(obstacle) => on_obstacle(obstacle),
        Cause::Forged(Layer::Deploy) => {
            "the master public key is to be that of the daemon; does the URL lead to the right one?"
        }
        Cause::Forged(Layer::Service) => {
            "the app or task may have no service key; then none is to be used here"
        }
        Cause::Broken | Cause::Late { .. } => {
            "check that the daemon runs and what is before it: /v1/status answers with 200"
        }
        Cause::Redirect(_) => "give the URL that it leads to",
        Cause::Status(429 | 503) => "try again later",
        Cause::Status(_) | Cause::Unreadable | Cause::LargeAnswer => {
            "is there a daemon at this URL? It is given without /v1/decrypt, and its /v1/status answers with 200"
        }
        Cause::Echo | Cause::OtherRequest | Cause::OtherToken => {
            "use https://, and find out what is between this machine and the daemon"
        }
        Cause::Unbound => "bring the daemon up to date, or do without --require-bound-answers",
        Cause::Damaged(_) => DAMAGED_HINT,
        _ => "",
    }
}

fn on_obstacle(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Untrusted => {
            "give the certificate of who signed the daemon's by --ca-file or $SECRETARY_CA_FILE"
        }
        Obstacle::CertificateExpired | Obstacle::CertificateNotYet => {
            "give the daemon another certificate, or check this machine's clock"
        }
        Obstacle::AuthorityCertificate => {
            "give the daemon a certificate that signs no others: with openssl, -addext basicConstraints=critical,CA:FALSE"
        }
        Obstacle::OtherName => "the URL has to have a name that is in the daemon's certificate",
        Obstacle::NoTls => "a daemon without a certificate has a URL with http://",
        Obstacle::NoHttp => "a daemon with a certificate has a URL with https://",
        Obstacle::ProxyAuthorization => "HTTPS_PROXY takes http://USER:PASSWORD@HOST:PORT",
        Obstacle::ProxyRefuses | Obstacle::NoProxy(_) => {
            "check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names what is asked without one"
        }
        _ => "check the URL of the daemon, and that it runs: its /v1/status answers with 200",
    }
}
