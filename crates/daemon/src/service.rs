//! From a form to a sealed answer: who calls, whether they may, what it opens to, written down before it leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use secretary_envelope::{Kind, PublicKey, SecretKey, Token};
use secretary_secret::Secret;

use crate::audit::{Audit, Decision};
use crate::claim::Claim;
use crate::cluster::Cluster;
use crate::form::Fields;
use crate::freshness::Freshness;
use crate::key_service::KeyService;
use crate::metrics::Metrics;
use crate::open::Openers;
use crate::protocol::{Answer, Answered, Item, Request, Requested};
use crate::rate::Rates;
use crate::refusal::Refusal;
use crate::token_id::TokenId;
use crate::workload::{Granted, TokenList, Wanted, Workload};

/// The keys of a daemon.
#[derive(Debug)]
pub struct Keys {
    /// Master private keys: the current one, and older ones that still open.
    pub masters: Vec<SecretKey>,
    /// The config public key; without it only the key service opens tokens.
    pub config: Option<PublicKey>,
}

/// What is demanded of a request beyond what the Go program demands.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Whether Mesos tasks need a list of tokens.
    pub token_list: TokenList,
    /// Whether requests have to be fresh, so that those of old clients are refused.
    pub fresh: Fresh,
}

/// Whether a request has to say when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// It may.
    Optional,
    /// It has to.
    Required,
}

/// What answers requests.
pub struct Service<K> {
    masters: Vec<SecretKey>,
    openers: Openers<K>,
    cluster: Cluster,
    demands: Demands,
    freshness: Freshness,
    rates: Rates,
    audit: Audit,
    metrics: Arc<Metrics>,
}

impl<K: KeyService> Service<K> {
    /// Puts it together. Nothing is asked of anybody yet.
    pub fn new(
        keys: Keys,
        key_service: K,
        cluster: Cluster,
        demands: Demands,
        rates: Rates,
        audit: Audit,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            openers: Openers::new(&keys.masters, keys.config.as_ref(), key_service),
            masters: keys.masters,
            cluster,
            demands,
            freshness: Freshness::new(crate::freshness::MAX_IDS),
            rates,
            audit,
            metrics,
        }
    }

    /// Who workloads are asked of, to be read again.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Where decisions are written down.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The text of the answer's token.
    ///
    /// # Errors
    ///
    /// Why there is none. It is written down, too, if the caller could be told from others at all.
    pub async fn answer(&self, fields: &Fields, peer: IpAddr) -> Result<String, Refusal> {
        let claim = fields.claim()?;
        let caller = match self.authenticate(&claim, fields).await {
            Ok(caller) => caller,
            Err(refusal) => {
                self.audit.refused_unread(&claim, peer, refusal).await?;
                return Err(refusal);
            }
        };
        self.cluster.recognize(&claim);
        // Anybody may have recorded it.
        if let Err(refusal) = self.admit(&claim, &caller.request) {
            self.audit.refused_unread(&claim, peer, refusal).await?;
            return Err(refusal);
        }
        self.decide(&claim, peer, caller).await
    }

    /// Whose keys the request was sealed with, and what it says.
    async fn authenticate(&self, claim: &Claim, fields: &Fields) -> Result<Caller, Refusal> {
        let workload = self.cluster.find(claim).await?;
        let (master, message) = workload.open(&self.masters, fields.envelope.as_bytes())?;
        let request = Request::parse(&message).map_err(|_| Refusal::Json)?;
        request.check_claim(claim)?;
        Ok(Caller { workload, master, request })
    }

    /// Whether the workload may ask now, whatever it asks for.
    fn admit(&self, claim: &Claim, request: &Request) -> Result<(), Refusal> {
        let now = SystemTime::now();
        let proof = request.proof.as_ref();
        let made = proof.map(|proof| (&proof.request_id, proof.issued_at.unix_seconds()));
        // First: with a request that somebody recorded they would take from its app what it may ask for.
        match made {
            Some((id, made_at)) => self.freshness.check(id, made_at, now)?,
            None if self.demands.fresh == Fresh::Required => return Err(Refusal::NotFresh),
            None => {}
        }
        let count = u32::try_from(request.secrets.len()).unwrap_or(u32::MAX);
        self.rates.take(&claim.name(), count, Instant::now())?;
        // Last: an app that asks too often would take the places of all others' ids.
        made.map_or(Ok(()), |(id, made_at)| self.freshness.admit(id, made_at, now))
    }

    /// Grants, opens, writes down, and seals, in this order.
    async fn decide(&self, claim: &Claim, peer: IpAddr, caller: Caller) -> Result<String, Refusal> {
        let wanted = &caller.request.secrets;
        self.audit.has_room_for(wanted.len()).await?;
        let grants: Vec<_> = wanted.iter().map(|one| self.grant(&caller.workload, one)).collect();
        let granted: Vec<_> =
            grants.iter().filter_map(|grant| grant.as_ref().ok().copied()).collect();
        let mut opened = self.openers.open_all(&granted).await.into_iter();
        let mut results = Vec::with_capacity(wanted.len());
        for grant in &grants {
            results.push(match grant {
                Ok(_) => opened.next().unwrap_or(Err(Refusal::Internal)),
                Err(refusal) => Err(*refusal),
            });
        }
        let outcomes =
            results.iter().map(|result| result.as_ref().map(|_| ()).map_err(|refusal| *refusal));
        self.write_down(claim, peer, wanted.iter().zip(outcomes)).await?;
        let answered = answered(&caller.request, results)?;
        let request_id = caller.request.proof.as_ref().map(|proof| proof.request_id);
        let answer = Answer { request_id, answered };
        let channel =
            caller.workload.channel(&self.masters, caller.master).ok_or(Refusal::Internal)?;
        channel.seal(&answer.to_json()).map_err(|_| Refusal::Random)
    }

    fn grant<'a>(
        &self,
        workload: &Workload,
        requested: &'a Requested,
    ) -> Result<Granted<'a>, Refusal> {
        let token = Token::parse(requested.secret.as_bytes()).ok_or(Refusal::NoToken)?;
        workload.grant(Wanted { key: &requested.key, token }, self.demands.token_list)
    }

    async fn write_down<'a>(
        &self,
        claim: &Claim,
        peer: IpAddr,
        outcomes: impl Iterator<Item = (&'a Requested, Result<(), Refusal>)>,
    ) -> Result<(), Refusal> {
        let decisions = outcomes.map(|(wanted, outcome)| {
            if let Some(kind) = kind(wanted) {
                self.metrics.secret(kind, &outcome);
            }
            Decision::new(claim, peer, Some(wanted), outcome)
        });
        self.audit.write_all(decisions).await
    }
}

/// Who proved to be a workload, and what they want.
struct Caller {
    workload: Arc<Workload>,
    /// The number of the master key that the request was sealed for.
    master: usize,
    request: Request,
}

/// What an answer says, or why it says nothing: a refusal of the one secret that is asked for is one of the request.
fn answered(request: &Request, results: Vec<Result<Secret, Refusal>>) -> Result<Answered, Refusal> {
    let mut items =
        request.secrets.iter().zip(results).map(|(wanted, result)| (id(wanted), result));
    if request.is_list {
        let refused = |refusal: Refusal, token| Item {
            plaintext: None,
            error: Some(refusal.to_string()),
            token,
        };
        let items = items.map(|(token, result)| match result {
            Ok(plaintext) => Item { plaintext: Some(plaintext), error: None, token },
            Err(refusal) => refused(refusal, token),
        });
        return Ok(Answered::List(items.collect()));
    }
    let (token, result) = items.next().ok_or(Refusal::Parameters)?;
    Ok(Answered::One(Item { plaintext: Some(result?), error: None, token }))
}

fn id(wanted: &Requested) -> Option<String> {
    Token::parse(wanted.secret.as_bytes()).map(|token| TokenId::of(&token).to_string())
}

fn kind(wanted: &Requested) -> Option<Kind> {
    Token::parse(wanted.secret.as_bytes()).map(|token| token.kind())
}
