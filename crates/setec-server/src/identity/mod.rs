//! Who calls: by a connection and its request, never by a header that anybody can write.
//!
//! | module | whom it knows |
//! |---|---|
//! | `token` | who has a token |
//! | `certificate` | who has proven to have a certificate |
//! | `tailscale` | who has an address in a tailnet |
//! | `everybody` | anybody on this machine, for who tries the server out |
//! | `file` | files that are read again |
//!
//! Each either knows a caller, or says that it has nothing to go by, so that the next is asked, or refuses the call: a
//! caller who shows something that is wrong is not somebody else. What is known are names, such as `token:ci`, which
//! a [policy](crate::policy) has grants for. Tailscale also knows rules.

mod certificate;
mod everybody;
pub(crate) mod file;
#[cfg(unix)]
mod tailscale;
pub mod token;

use std::path::PathBuf;

use hyper::HeaderMap;
use secretary_serve::Peer;
use smallvec::SmallVec;

use crate::caller::{Caller, Principal};
use crate::policy::Policy;
use crate::rule::Rules;

pub use file::FileError;
use file::Kept;
use token::Tokens;

/// Where tailscaled listens on Linux.
pub const TAILSCALED: &str = "/var/run/tailscale/tailscaled.sock";

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

/// Something that callers are known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Tokens, whose hashes are in this file.
    Tokens(PathBuf),
    /// Certificates, which were verified when the connection was made.
    Certificates,
    /// The tailscaled that listens on this socket. It is asked about an address at every call, so that who loses a right
    /// there loses it here at once.
    Tailscale(PathBuf),
    /// Anybody on this machine may do everything.
    Everybody,
}

/// What was set up is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is nothing that callers are known by.
    #[error("nothing is set up that callers are known by")]
    NoSource,
    /// Callers would be known, and not one of them could do anything.
    #[error(
        "without a policy nobody may do anything: neither tokens nor certificates have rights by themselves"
    )]
    NoPolicy,
    /// tailscaled has no socket on this system.
    #[error(
        "callers can't be known by Tailscale on this system: its tailscaled has no Unix domain socket"
    )]
    NoTailscale,
}

/// Everybody who is known, and what they may do.
pub struct Identities {
    providers: Vec<Provider>,
    policy: Option<Kept<Policy>>,
}

/// A source that was opened.
enum Provider {
    Tokens(Kept<Tokens>),
    Certificates,
    #[cfg(unix)]
    Tailscale(tailscale::Tailscale),
    Everybody,
}

/// Somebody, by what one source says of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    principal: Principal,
    /// As a policy has them.
    names: Names,
    /// Those that the source itself has for them.
    rules: Rules,
}

/// Names of somebody, of whom most have one.
type Names = SmallVec<[String; 1]>;

impl Identities {
    /// Reads the files. Of the sources the first that knows a caller, or refuses one, counts.
    ///
    /// # Errors
    ///
    /// When a file is of no use, or nobody could ever do anything.
    pub fn open(sources: &[Source], policy: Option<PathBuf>) -> Result<Self, SetupError> {
        let has_rules = |source| matches!(source, &Source::Tailscale(_) | &Source::Everybody);
        if sources.is_empty() {
            return Err(SetupError::NoSource);
        }
        if policy.is_none() && !sources.iter().any(has_rules) {
            return Err(SetupError::NoPolicy);
        }
        let providers = sources.iter().map(Provider::open).collect::<Result<_, _>>()?;
        let policy = policy.map(|file| Kept::open(file, Policy::read)).transpose()?;
        Ok(Self { providers, policy })
    }

    /// Everybody on this machine, with every right.
    pub fn everybody() -> Self {
        Self { providers: vec![Provider::Everybody], policy: None }
    }

    /// Who calls, and what they may do.
    ///
    /// # Errors
    ///
    /// When nobody knows, or what the caller shows is wrong. It takes no longer than three seconds to say so.
    pub async fn identify(&self, evidence: Evidence<'_>) -> Result<Caller, Unidentified> {
        for provider in &self.providers {
            if let Some(known) = provider.identify(evidence).await? {
                return Ok(self.caller(known));
            }
        }
        Err(Unidentified("there is nothing to know the caller by".to_string()))
    }

    fn caller(&self, known: Known) -> Caller {
        let Known { principal, names, mut rules } = known;
        if let Some(policy) = &self.policy {
            policy.last(|policy| rules.extend(policy.rules(&names)));
        }
        Caller { principal, rules }
    }

    /// Reads all files again, for calls from now on. Of one that is of no use, what was read before stays, and it is in
    /// the answer.
    pub fn reload(&self) -> Vec<FileError> {
        let tokens = self.providers.iter().filter_map(|provider| match provider {
            Provider::Tokens(tokens) => tokens.reload().err(),
            _ => None,
        });
        let policy = self.policy.as_ref().and_then(|policy| policy.reload().err());
        tokens.chain(policy).collect()
    }

    /// What callers are known by, and where their rights come from, in a line for the operator.
    pub fn describe(&self) -> String {
        let mut parts: Vec<_> = self.providers.iter().map(Provider::describe).collect();
        if let Some(policy) = &self.policy {
            let grants = counted(policy.last(Policy::len), "grant");
            parts.push(format!("policy {} ({grants})", policy.path().display()));
        }
        parts.join("; ")
    }
}

/// Whom an answer of tailscaled is about, and the names that a policy has for them.
///
/// # Errors
///
/// When nobody can tell, or one of their rules is none.
#[cfg(unix)]
pub fn by_whois(answer: &[u8]) -> Result<(Caller, Vec<String>), Unidentified> {
    let known = tailscale::parse(answer).map_err(|what| Unidentified(what.to_string()))?;
    let names = known.names.to_vec();
    let without_policy = Identities { providers: Vec::new(), policy: None };
    Ok((without_policy.caller(known), names))
}

impl Provider {
    fn open(source: &Source) -> Result<Self, SetupError> {
        Ok(match source {
            Source::Tokens(file) => Self::Tokens(Kept::open(file.clone(), Tokens::read)?),
            Source::Certificates => Self::Certificates,
            #[cfg(unix)]
            Source::Tailscale(socket) => Self::Tailscale(tailscale::Tailscale::new(socket.clone())),
            #[cfg(not(unix))]
            Source::Tailscale(_) => return Err(SetupError::NoTailscale),
            Source::Everybody => Self::Everybody,
        })
    }

    async fn identify(&self, evidence: Evidence<'_>) -> Result<Option<Known>, Unidentified> {
        match self {
            Self::Tokens(tokens) => tokens.last(|tokens| tokens.identify(evidence)),
            Self::Certificates => certificate::identify(evidence),
            #[cfg(unix)]
            // In a box, or every call would have room for a question to tailscaled.
            Self::Tailscale(tailscale) => Box::pin(tailscale.identify(evidence.peer)).await,
            Self::Everybody => Ok(everybody::identify(evidence.peer)),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Tokens(tokens) => {
                let count = counted(tokens.last(Tokens::len), "token");
                format!("tokens in {} ({count})", tokens.path().display())
            }
            Self::Certificates => "certificates of clients".to_string(),
            #[cfg(unix)]
            Self::Tailscale(tailscale) => {
                format!("Tailscale, by {}", tailscale.socket().display())
            }
            Self::Everybody => "everybody on this machine, with every right".to_string(),
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
