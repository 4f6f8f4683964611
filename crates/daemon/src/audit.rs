//! Decisions, written down before the caller hears of them.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use secretary_access::audit::queue::MAX_WAITING;
use secretary_access::audit::{AuditError, AuditLog};
use secretary_envelope::Token;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::claim::Claim;
use crate::metrics::Metrics;
use crate::protocol::Requested;
use crate::rate::Rates;
use crate::refusal::Refusal;
use crate::token_id::TokenId;
use crate::upstream::Log;

/// The event that every decision is.
const EVENT: &str = "decision";

/// How many requests that were refused as a whole are written down: so many a second, and so many at once. Everybody can
/// cause them, with or without a request that they recorded, and a full disk would end all answers.
const UNREAD: [NonZeroU32; 2] =
    [NonZeroU32::new(10).expect("not zero"), NonZeroU32::new(100).expect("not zero")];

/// How long a request waits for places for its lines, and how often it looks.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(5);

/// The log of decisions.
pub struct Audit {
    log: Arc<AuditLog>,
    unread: Rates,
    left_out: AtomicU64,
    metrics: Arc<Metrics>,
    tell: Log,
    fails: AtomicBool,
}

/// One decision. What is not a member here is in no line.
#[derive(Debug, Serialize)]
pub(crate) struct Decision<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    task: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_sha256: Option<String>,
    peer: IpAddr,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// How many requests that were refused as a whole before this one have no line.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl<'a> Decision<'a> {
    /// A decision about one secret, or about the whole request.
    pub(crate) fn new(
        claim: &'a Claim,
        peer: IpAddr,
        wanted: Option<&'a Requested>,
        outcome: Result<(), Refusal>,
    ) -> Self {
        let (app, version) = match claim {
            Claim::App { app, version, .. } => (Some(app.as_str()), Some(version.as_str())),
            Claim::Task(_) => (None, None),
        };
        let token = wanted.and_then(|wanted| Token::parse(wanted.secret.as_bytes()));
        Self {
            app: app.map(first_of),
            version,
            task: first_of(claim.task().as_str()),
            variable: wanted.map(|wanted| first_of(&wanted.key)).filter(|key| !key.is_empty()),
            token_sha256: token.map(|token| TokenId::of(&token).to_string()),
            peer,
            allowed: outcome.is_ok(),
            reason: outcome.err().map(|refusal| refusal.label()),
            left_out: 0,
        }
    }
}

/// As much of a name as anybody needs to recognize it.
fn first_of(name: &str) -> &str {
    name.char_indices().nth(256).map_or(name, |(end, _)| &name[..end])
}

impl Audit {
    /// Writes to `log`.
    pub fn new(log: Arc<AuditLog>, metrics: Arc<Metrics>, tell: Log) -> Self {
        let [per_second, burst] = UNREAD;
        Self {
            log,
            unread: Rates::new(per_second, burst, 1),
            left_out: AtomicU64::new(0),
            metrics,
            tell,
            fails: AtomicBool::new(false),
        }
    }

    /// Writes down that a request was refused whatever it asks for, because somebody did not prove to be a workload, or
    /// too many came, or it came before; a flood of them only in part.
    pub(crate) async fn refused_unread(
        &self,
        claim: &Claim,
        peer: IpAddr,
        refusal: Refusal,
    ) -> Result<(), Refusal> {
        if self.unread.take("", 1, Instant::now()).is_err() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let mut decision = Decision::new(claim, peer, None, Err(refusal));
        decision.left_out = self.left_out.swap(0, Ordering::Relaxed);
        self.write_all(std::iter::once(decision)).await
    }

    /// Waits until `count` lines have a place, so that nothing is done for which they would not.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoAudit`] when there is none in [`LONGEST_WAIT`].
    pub(crate) async fn has_room_for(&self, count: usize) -> Result<(), Refusal> {
        let room = async {
            while self.log.waiting() + count > MAX_WAITING {
                sleep(PAUSE).await;
            }
        };
        timeout(LONGEST_WAIT, room).await.map_err(|_| Refusal::NoAudit)
    }

    /// Writes all of `decisions`, which are on the disk then.
    pub(crate) async fn write_all<'a>(
        &self,
        decisions: impl Iterator<Item = Decision<'a>>,
    ) -> Result<(), Refusal> {
        let waiting: Vec<_> = decisions.map(|decision| self.append(&decision)).collect();
        let count = waiting.len() as u64;
        let mut errors = Vec::new();
        for line in waiting {
            errors.extend(line.await.unwrap_or(Err(AuditError::Closed)).err());
        }
        self.metrics.audit_lines(count - errors.len() as u64);
        self.metrics.audit_errors(errors.len() as u64);
        self.tell_of(errors.first());
        if errors.is_empty() { Ok(()) } else { Err(Refusal::NoAudit) }
    }

    fn append(&self, decision: &Decision<'_>) -> oneshot::Receiver<Result<(), AuditError>> {
        let (sender, receiver) = oneshot::channel();
        self.log.append(EVENT, decision, move |result| _ = sender.send(result.map(drop)));
        receiver
    }

    /// Says when it begins to fail and when that is over, and not at each line.
    fn tell_of(&self, error: Option<&AuditError>) {
        let failed = self.fails.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !failed => {
                (self.tell)(&format!(
                    "decisions can't be written down, so nothing is answered: {error}"
                ));
            }
            None if failed => (self.tell)("decisions are written down again"),
            _ => {}
        }
    }
}
