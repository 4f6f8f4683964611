//! Why a daemon did not open a token, in words of ours.

use std::time::Duration;

use secretary_envelope::Damage;
use secretary_transport::{Cut, Obstacle};

use crate::channel::Layer;
use crate::protocol::MAX_BODY;
use crate::refusal::Refusal;
use secretary_transport::tls::TlsError;

/// What was set up is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The URL has no host, or another scheme than `http` and `https`.
    #[error("the URL of the daemon is neither http:// nor https:// with a host")]
    Url,
    /// A key, or its certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The master public key is one of the known weak ones.
    #[error(transparent)]
    WeakKey(#[from] secretary_envelope::WeakKey),
}

/// Why there is no plaintext.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Nothing could open the token, so nobody was asked.
    #[error("{0}")]
    Damaged(Damage),
    /// The token does not fit into a request.
    #[error("it is too large for a daemon, whose requests have at most {MAX_BODY} bytes")]
    TooLarge,
    /// There was no connection.
    #[error("the daemon can't be reached: {0}")]
    Unreachable(Obstacle),
    /// The connection ended in the middle.
    #[error("the connection to the daemon broke")]
    Broken,
    /// The time was over.
    #[error("{}", late(*.timeout, .last.as_deref()))]
    Late {
        /// How long it was, all in all.
        timeout: Duration,
        /// What went wrong before.
        last: Option<Box<Cause>>,
    },
    /// The daemon said no, and why.
    #[error("the daemon refused: {0}")]
    Refused(Refusal),
    /// Something said no.
    #[error("the daemon answered with HTTP status {0}")]
    Status(u16),
    /// Something wants to be asked elsewhere.
    #[error("the daemon's URL leads to a redirect, which is not followed (HTTP status {0})")]
    Redirect(u16),
    /// The answer has no end.
    #[error("the answer is larger than any of a daemon")]
    LargeAnswer,
    /// The answer is not sealed for this workload.
    #[error("the answer does not open with {}", layer(*.0))]
    Forged(Layer),
    /// The request came back.
    #[error(
        "the answer is the request itself, so something between here and the daemon sent it back"
    )]
    Echo,
    /// What is in the boxes is no answer.
    #[error("the answer is not one of a daemon")]
    Unreadable,
    /// The answer is to another request.
    #[error(
        "the answer belongs to another request, so something between here and the daemon replaced it"
    )]
    OtherRequest,
    /// The answer says to which request it belongs only if the daemon is new enough.
    #[error("the answer is not bound to the request, as those of older daemons are not")]
    Unbound,
    /// The plaintext is that of another token.
    #[error(
        "the answer belongs to another token, so something between here and the daemon replaced it"
    )]
    OtherToken,
    /// The system has no random bytes to give.
    #[error("the system has no random bytes")]
    Random,
}

impl Cause {
    /// Whether the daemon says of one token that it may open in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.may_pass())
    }

    /// Whether it is about one token, while others may open.
    pub(crate) fn is_of_one_token(&self) -> bool {
        matches!(self, Self::TooLarge)
            || matches!(self, Self::Refused(refusal) if refusal.is_of_one_secret())
    }
}

impl From<Cut> for Cause {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Unreachable(obstacle) => Self::Unreachable(obstacle),
            Cut::Broken => Self::Broken,
        }
    }
}

fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Deploy => "the deploy private key and the master public key",
        Layer::Service => "the service private key and the master public key",
    }
}

fn late(timeout: Duration, last: Option<&Cause>) -> String {
    let seconds = timeout.as_secs_f64();
    match last {
        Some(last) => format!("{last}; tried again for {seconds} s"),
        None => format!("the daemon did not answer within {seconds} s"),
    }
}
