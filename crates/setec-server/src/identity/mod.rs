//! Who calls: by a connection and its request, never by a header that anybody can write.
//!
//! An [`Identify`] either knows a caller, or says that it has nothing to go by, so that the next is asked, or refuses
//! the call: a caller who shows something that is wrong is not somebody else.

use hyper::HeaderMap;
use secretary_serve::Peer;

use crate::caller::Caller;

/// What there is to know a caller by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The connection: an address, and a certificate that was proven.
    pub peer: &'a Peer,
    /// The request's headers, of which only `Authorization` is evidence.
    pub headers: &'a HeaderMap,
}

/// The call is refused, because nobody can say who it is from. Why is for the server's log, and has nothing
/// secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unidentified(pub String);

/// Somebody who knows callers. It may be another system: it gives up in bounded time.
pub trait Identify: Send + Sync + 'static {
    /// Who calls. `None` when there is nothing to go by.
    fn identify(
        &self,
        evidence: Evidence<'_>,
    ) -> impl Future<Output = Result<Option<Caller>, Unidentified>> + Send;
}

/// Those who know callers, in the order in which they are asked.
pub struct Identities;

impl Identities {
    /// Everybody who can connect may do everything.
    pub fn everybody() -> Self {
        Self
    }

    /// Who calls.
    pub async fn identify(&self, evidence: Evidence<'_>) -> Result<Caller, Unidentified> {
        let principal = crate::Principal {
            ip: Some(evidence.peer.address.ip()),
            user: "dev".to_string(),
            ..Default::default()
        };
        Ok(Caller { principal, rules: [crate::Rule::everything()].into() })
    }
}
