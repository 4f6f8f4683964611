//! HTTP: a request becomes a form, and a refusal a status. Nothing else is decided here. Connections are
//! [`secretary_serve`]'s.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};

use secretary_serve::{Answer, BodyError, Budget, Counts, Patience, Peer, Routes};

use crate::form;
use crate::key_service::KeyService;
use crate::metrics::{self, Metrics};
use crate::protocol::{BATCH, BOUND, DECRYPT_PATH, MAX_BODY, STATUS_PATH};
use crate::refusal::{Refusal, whole_seconds};
use crate::service::Service;

/// The type of every answer, also of those in JSON: it is that of the Go program.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// How long a client may take to send a body. It has at most a mebibyte.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// `/v1/decrypt` and `/v1/status`.
pub struct Public<K> {
    service: Arc<Service<K>>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    status: Bytes,
}

impl<K: KeyService> Public<K> {
    /// The routes of the program with this version, built from this source.
    pub fn new(
        service: Arc<Service<K>>,
        metrics: Arc<Metrics>,
        version: &str,
        build: &str,
    ) -> Self {
        // It begins as that of the Go program, whose answer is no more than this member.
        let [version, build] = [version, build].map(serde_json::Value::from);
        let status = format!(
            r#"{{"Status":"OK","Version":{version},"Build":{build},"Capabilities":["{BOUND}","{BATCH}"]}}"#
        );
        Self {
            service,
            metrics,
            budget: Arc::new(Budget::new(MAX_BODY, BODY_TIMEOUT)),
            status: status.into(),
        }
    }

    async fn decrypt(
        &self,
        mut request: Request<Incoming>,
        peer: IpAddr,
    ) -> Result<String, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let content_type =
            content_type.map(|value| str::from_utf8(value).map_err(|_| Refusal::Form));
        let content_type = content_type.transpose()?.map(str::to_string);
        let patience = request.extensions_mut().remove::<Patience>();
        let body = self.budget.read(request.into_body()).await.map_err(refused_body)?;
        patience.as_ref().inspect(|patience| patience.has_request());
        let fields = form::parse(content_type.as_deref(), body.bytes.expose())?;
        self.service.answer(&fields, peer).await
    }
}

impl<K: KeyService> Routes for Public<K> {
    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Answer {
        // An old client whose URL ends in a slash asks for //v1/decrypt.
        match one_slash(request.uri().path()).as_str() {
            DECRYPT_PATH => {
                let timed = self.metrics.request();
                let result = self.decrypt(request, peer.address.ip()).await;
                timed.end(&result);
                result.map_or_else(refused, |token| answer(StatusCode::OK, token))
            }
            STATUS_PATH => answer(StatusCode::OK, self.status.clone()),
            _ => answer(StatusCode::NOT_FOUND, "404 page not found\n"),
        }
    }
}

/// `/metrics` and `/healthz`, for another address than the one that everybody can reach.
pub struct Admin(Arc<Metrics>);

impl Admin {
    /// The routes for who looks after the daemon.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }
}

impl Routes for Admin {
    async fn answer(&self, request: Request<Incoming>, _: &Peer) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => {
                let mut answer = answer(StatusCode::OK, self.0.render());
                let value = HeaderValue::from_static(metrics::CONTENT_TYPE);
                answer.headers_mut().insert(CONTENT_TYPE, value);
                answer
            }
            (&Method::GET | &Method::HEAD, "/healthz") => answer(StatusCode::OK, "ok\n"),
            _ => answer(StatusCode::NOT_FOUND, "404 page not found\n"),
        }
    }
}

impl Counts for Metrics {
    fn connection(&self) -> Box<dyn Send> {
        Box::new(Self::connection(self))
    }

    fn connection_refused(&self) {
        Self::connection_refused(self);
    }
}

fn refused_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge => Refusal::TooLarge,
        BodyError::TooSlow => Refusal::TooSlow,
        BodyError::Broken => Refusal::Form,
        BodyError::Overloaded => Refusal::Overloaded,
    }
}

fn answer(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("X-Content-Type-Options", HeaderValue::from_static("nosniff"));
    answer
}

fn refused(refusal: Refusal) -> Answer {
    let status = status(refusal);
    let mut answer = answer(status, format!("{refusal}\n"));
    let wait = match refusal {
        Refusal::TooOften(wait) => whole_seconds(wait),
        _ => 1,
    };
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    if refusal == Refusal::Method {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}

/// The Go program's statuses, and 503 and 429 for what may go well in a moment, at which clients try again.
fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::Form => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
        Refusal::Version => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Status(..) if refusal.may_pass() => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NotInApp
        | Refusal::NoToken
        | Refusal::NoVariable
        | Refusal::NoVariablesLabel
        | Refusal::NotInVariables
        | Refusal::NotInTokenList
        | Refusal::NoTokenList => StatusCode::UNAUTHORIZED,
        Refusal::Parameters
        | Refusal::AppId
        | Refusal::TaskId
        | Refusal::DeployBox
        | Refusal::ServiceBox
        | Refusal::Json
        | Refusal::OtherClaim
        | Refusal::OtherTask
        | Refusal::NotFresh
        | Refusal::Stale
        | Refusal::Replayed
        | Refusal::TooMany
        | Refusal::NotOpened
        | Refusal::Damaged
        | Refusal::NoNacl
        | Refusal::NoKms
        | Refusal::KeyServiceRefused => StatusCode::BAD_REQUEST,
        Refusal::Unreachable(_)
        | Refusal::Busy(_)
        | Refusal::KeyServiceFailed
        | Refusal::Overloaded
        | Refusal::NoAudit
        | Refusal::Random => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::NotServed
        | Refusal::Status(..)
        | Refusal::Redirect(_)
        | Refusal::LargeAnswer(_)
        | Refusal::Unreadable(_)
        | Refusal::OtherApp(_)
        | Refusal::Ambiguous(_)
        | Refusal::NotRunning
        | Refusal::NoTask
        | Refusal::NoDeployVariable
        | Refusal::NoDeployLabel
        | Refusal::BadDeployKey
        | Refusal::BadServiceKey
        | Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn one_slash(path: &str) -> String {
    let mut cleaned = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !cleaned.ends_with('/') {
            cleaned.push(c);
        }
    }
    cleaned
}
