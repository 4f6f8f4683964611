//! HTTP: a request becomes an operation, and what comes of it an answer. Nothing else is decided here.
//!
//! What is looked at first can be seen by callers, so it is in setec's order: the method, the two headers, who calls, the
//! body, and then the operation with the caller's rules. Before the body of a request is read, it is known whose it is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};
use secretary_secret::Secret;
use secretary_serve::{Answer, BodyError, Budget, Held, Patience, Peer, Routes, Share};
use secretary_setec_api::request::Wanted;
use secretary_setec_api::response::{self, DONE, SecretInfo, SecretValue};
use secretary_setec_api::{Path, Refusal, Request as Call, header};

use crate::caller::Caller;
use crate::gate::Gate;
use crate::identity::{Evidence, Identities};
use crate::metrics::{self, Metrics};
use crate::record::RuleError;
use crate::store::Store;
use crate::tell::{Seldom, Tell};
use crate::to_its_end::ToItsEnd;
use crate::vault::{Info, Vault, VaultError};
use crate::version::Version;

/// The most bytes of a request's body. A value has about three quarters of it.
pub const MAX_BODY: usize = 16 << 20;

/// How long a caller may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// [`header::NO_BROWSERS`], as it is looked up.
static NO_BROWSERS: HeaderName = HeaderName::from_static("sec-x-tailscale-no-browsers");

const JSON: HeaderValue = HeaderValue::from_static(header::JSON);
const TEXT: HeaderValue = HeaderValue::from_static(header::TEXT);

/// setec's eight calls.
pub struct Api<S> {
    gate: Arc<Gate<S>>,
    identities: Arc<Identities>,
    /// Room for the bodies of requests, and for those of answers.
    bodies: Arc<Budget>,
    answers: Arc<Budget>,
    metrics: Arc<Metrics>,
    tell: Tell,
    fails: AtomicBool,
    unidentified: Seldom,
    damaged: Seldom,
}

impl<S: Store> Api<S> {
    /// Answers calls with what is behind `gate`, and tells what fails on this side.
    pub fn new(
        gate: Arc<Gate<S>>,
        identities: Arc<Identities>,
        metrics: Arc<Metrics>,
        tell: Tell,
    ) -> Self {
        let budget = || Arc::new(Budget::new(MAX_BODY, BODY_TIMEOUT).lingering());
        let (bodies, answers) = (budget(), budget());
        let seldom = || Seldom::new(tell.clone());
        let (unidentified, damaged) = (seldom(), seldom());
        let fails = AtomicBool::new(false);
        Self { gate, identities, bodies, answers, metrics, tell, fails, unidentified, damaged }
    }

    async fn call(
        &self,
        path: Path,
        mut request: Request<Incoming>,
        peer: &Peer,
    ) -> Result<(Secret, Share), Refusal> {
        let patience = request.extensions_mut().remove::<Patience>();
        let (head, body) = request.into_parts();
        let first = |name: &HeaderName| head.headers.get(name).map(HeaderValue::as_bytes);
        let (content_type, browsers) = (first(&CONTENT_TYPE), first(&NO_BROWSERS));
        header::check(head.method.as_str(), content_type, browsers)?;
        let caller = self.identities.identify(Evidence { peer, headers: &head.headers }).await;
        drop(head);
        let caller = caller.map_err(|error| {
            let from = peer.address;
            self.unidentified.tell(|| format!("nobody can say who calls from {from}: {error}"));
            Refusal::Unidentified
        })?;
        if self.gate.vault().is_none() {
            return Err(Refusal::Sealed);
        }
        let body = self.bodies.read(body).await.map_err(refused_body)?;
        patience.inspect(Patience::has_request);
        let call = Call::decode(path, body.bytes.expose()).map_err(|_| Refusal::Malformed)?;
        let result = self.carry_out(caller, call, body).await;
        self.tell_of(result.as_ref().err());
        let answer = result.map_err(|error| refusal(&error))?.ok_or(Refusal::NotChanged)?;
        let share = self.answers.take(answer.len()).map_err(refused_body)?;
        Ok((answer, share))
    }

    /// Has the vault do it. What changes something is done to its end though the caller may be gone by then: the line in
    /// the audit log and the effect belong together, and the body's room is taken for as long.
    async fn carry_out(
        &self,
        caller: Caller,
        call: Call,
        body: Held,
    ) -> Result<Option<Secret>, VaultError> {
        const OPEN: &str = "once it is open it stays so";
        if !call.path().is_change() {
            return read(self.gate.vault().expect(OPEN), &caller, call).await;
        }
        let (gate, busy) = (self.gate.clone(), self.gate.busy().await);
        let work = ToItsEnd::new(async move {
            let _held = (busy, body);
            change(gate.vault().expect(OPEN), &caller, call).await.map(Some)
        });
        work.await.unwrap_or(Err(VaultError::Bug))
    }

    /// Says when the store begins to fail and when that is over, and not at each call.
    fn tell_of(&self, error: Option<&VaultError>) {
        let fails = match error {
            Some(VaultError::Store(_) | VaultError::Random | VaultError::Contended) => true,
            Some(error @ VaultError::Open(_)) => {
                return self
                    .damaged
                    .tell(|| format!("a value in the store can't be opened: {error}"));
            }
            Some(_) => return,
            None => false,
        };
        let failed = self.fails.swap(fails, Ordering::Relaxed);
        match error {
            Some(error) if !failed => (self.tell)(&format!("a call has failed: {error}")),
            None if failed => (self.tell)("calls are answered again"),
            _ => {}
        }
    }
}

impl<S: Store> Routes for Api<S> {
    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Answer {
        let Some(path) = Path::parse(request.uri().path()) else {
            return text(StatusCode::NOT_FOUND, "not found\n");
        };
        let timed = self.metrics.call(path);
        let result = self.call(path, request, peer).await;
        timed.end(result.as_ref().map(drop).map_err(|refusal| *refusal));
        match result {
            Ok((body, share)) => json(body, share),
            Err(refusal) => refused(refusal),
        }
    }
}

/// `/metrics` and `/healthz`, for another address than the one that everybody can reach.
pub struct Admin<S> {
    gate: Arc<Gate<S>>,
    metrics: Arc<Metrics>,
}

impl<S: Store> Admin<S> {
    /// The routes for who looks after the server.
    pub fn new(gate: Arc<Gate<S>>, metrics: Arc<Metrics>) -> Self {
        Self { gate, metrics }
    }
}

impl<S: Store> Routes for Admin<S> {
    async fn answer(&self, request: Request<Incoming>, _: &Peer) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::NOT_FOUND, "not found\n");
        }
        match request.uri().path() {
            "/metrics" => {
                let mut answer = text(StatusCode::OK, self.metrics.render());
                let value = HeaderValue::from_static(metrics::CONTENT_TYPE);
                answer.headers_mut().insert(CONTENT_TYPE, value);
                answer
            }
            "/healthz" if self.gate.vault().is_some() => text(StatusCode::OK, "ok\n"),
            "/healthz" => text(StatusCode::SERVICE_UNAVAILABLE, "sealed\n"),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

/// What the vault says to a call that changes nothing, as a body. `None` when the caller has what it asks for.
async fn read<S: Store>(
    vault: &Vault<S>,
    caller: &Caller,
    call: Call,
) -> Result<Option<Secret>, VaultError> {
    Ok(Some(match call {
        Call::List(_) => {
            let list: Vec<SecretInfo> = vault.list(caller).await?.iter().map(of_info).collect();
            response::encode_list(&list).into_bytes().into()
        }
        Call::Get(get) => {
            let value = match get.wanted() {
                Wanted::Active => vault.get(caller, &get.name, 0).await?,
                Wanted::Version(version) => vault.get(caller, &get.name, version).await?,
                Wanted::ActiveUnless(known) => {
                    match vault.get_if_changed(caller, &get.name, known).await? {
                        Some(value) => value,
                        None => return Ok(None),
                    }
                }
            };
            SecretValue { value: value.secret, version: value.version.number() }.encode()
        }
        Call::Info(info) => {
            let info = vault.info(caller, &info.name).await?;
            of_info(&info).encode().into_bytes().into()
        }
        _ => unreachable!("a call that changes something"),
    }))
}

/// What the vault says to any other call. In a function of its own, because it takes more room while it is under way.
async fn change<S: Store>(
    vault: &Vault<S>,
    caller: &Caller,
    call: Call,
) -> Result<Secret, VaultError> {
    Ok(match call {
        Call::Put(put) => {
            let version = vault.put(caller, &put.name, &put.value).await?;
            response::encode_version(version.number()).into_bytes().into()
        }
        Call::CreateVersion(new) => {
            vault.create_version(caller, &new.name, new.version, &new.value).await?;
            done()
        }
        Call::Activate(activate) => {
            vault.activate(caller, &activate.name, activate.version).await?;
            done()
        }
        Call::Delete(delete) => {
            vault.delete(caller, &delete.name).await?;
            done()
        }
        Call::DeleteVersion(delete) => {
            vault.delete_version(caller, &delete.name, delete.version).await?;
            done()
        }
        Call::List(_) | Call::Get(_) | Call::Info(_) => unreachable!("a call that changes nothing"),
    })
}

fn done() -> Secret {
    Secret::from(DONE.as_bytes())
}

fn of_info(info: &Info) -> SecretInfo {
    SecretInfo {
        name: info.name.to_string(),
        versions: info.versions().iter().map(Version::number).collect(),
        active_version: info.active().number(),
    }
}

/// setec's refusals. What it has no word of its own for is an internal error, a missing name for instance.
fn refusal(error: &VaultError) -> Refusal {
    match error {
        VaultError::Denied => Refusal::AccessDenied,
        VaultError::Rule(RuleError::NotFound) => Refusal::NotFound,
        VaultError::Rule(RuleError::Claimed) => Refusal::VersionClaimed,
        VaultError::InvalidVersion => Refusal::InvalidVersion,
        VaultError::Name(_) => Refusal::InvalidName,
        VaultError::Rule(RuleError::IsActive | RuleError::Exhausted)
        | VaultError::ZeroVersion
        | VaultError::EmptyName
        | VaultError::ReservedName
        | VaultError::Unwritten(_)
        | VaultError::Store(_)
        | VaultError::Open(_)
        | VaultError::Random
        | VaultError::Contended
        | VaultError::Bug => Refusal::Internal,
    }
}

fn refused_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge => Refusal::TooLarge,
        BodyError::Overloaded => Refusal::Overloaded,
        BodyError::TooSlow | BodyError::Broken => Refusal::Malformed,
    }
}

fn json(body: Secret, share: Share) -> Answer {
    let mut answer = Response::new(Full::new(wiped(body, share)));
    set_headers(answer.headers_mut(), JSON);
    answer
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let value = HeaderValue::from_static(header::CONTENT_TYPE_OPTIONS.1);
    answer.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, value);
    set_headers(answer.headers_mut(), TEXT);
    answer
}

fn refused(refusal: Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status()).expect("they are statuses");
    if refusal == Refusal::NotChanged {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = status;
        return answer;
    }
    let mut answer = text(status, refusal.body());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

fn set_headers(headers: &mut HeaderMap, content_type: HeaderValue) {
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Bytes that are wiped when the HTTP library is done with them. It copies them nowhere but to where a connection's
/// bytes are put together.
fn wiped(body: Secret, share: Share) -> Bytes {
    struct Owner(Secret, #[expect(dead_code, reason = "dropped with the body")] Share);

    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            self.0.expose()
        }
    }

    Bytes::from_owner(Owner(body, share))
}

impl<S> fmt::Debug for Api<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_the_names_of_the_protocol() {
        for (name, protocols) in [
            (&CONTENT_TYPE, header::CONTENT_TYPE),
            (&NO_BROWSERS, header::NO_BROWSERS),
            (&X_CONTENT_TYPE_OPTIONS, header::CONTENT_TYPE_OPTIONS.0),
        ] {
            assert!(name.as_str().eq_ignore_ascii_case(protocols), "{name}");
        }
    }
}
