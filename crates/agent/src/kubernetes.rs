//! Keys of Kubernetes secrets, read through the API with the rights of a pod's service account.
//!
//! Each secret is asked for once, however many of its keys are wanted, and what passes is tried again with full jitter
//! until the time is over: a connection that did not come about or broke, and the statuses 429 and 5xx.
//!
//! Nobody is trusted but who the cluster's own authority signed, no proxy is used and no redirect followed. Nothing that
//! the API wrote is repeated but the keys' values. No variable is read here.

mod answer;
mod error;
mod name;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, RETRY_AFTER};
use reqwest::{Client as Http, Response, StatusCode, Url};
use secretary_secret::Secret;
use secretary_transport::Cut;
use secretary_transport::http::{self, BodyError, Connect, Way};
use secretary_transport::jitter::jittered;
use secretary_transport::obstacle::of_transport;
use secretary_transport::tls::Trust;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use error::KubernetesError;
pub use name::KeyName;
pub use settings::Settings;

/// How many secrets are asked for at once.
const CONCURRENCY: usize = 8;

/// The most bytes of an answer. A secret has at most a mebibyte, which base64 makes a third larger.
const MAX_ANSWER: usize = 2 << 20;

/// How long it takes at most until there is a connection. Behind the service's address there may be a server that is
/// gone, and the next attempt may lead to another.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The bound of the first wait before something is tried again. It doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The most that the API can ask for with `Retry-After`.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10);

/// The API, as a pod asks it.
#[derive(Debug)]
pub struct Client {
    http: Http,
    url: Url,
    authorization: HeaderValue,
    timeout: Duration,
}

/// A namespace and the name of a secret in it.
type Place<'a> = (&'a str, &'a str);

/// What was found, each at the place of its name.
type Found = Vec<Option<Result<Secret, KubernetesError>>>;

impl Client {
    /// A client with the token and the authority that are in the files now. Makes no connection yet.
    ///
    /// # Errors
    ///
    /// When there is no API, or a file is of no use.
    pub fn new(settings: &Settings) -> Result<Self, KubernetesError> {
        let url = settings.url()?;
        let connect = Connect {
            within: CONNECT_TIMEOUT.min(settings.timeout),
            trust: Trust::Only(&settings.ca_file),
            identity: None,
            way: Way::Direct,
        };
        Ok(Self {
            authorization: settings.authorization()?,
            http: http::client(std::slice::from_ref(&url), connect)?,
            url,
            timeout: settings.timeout,
        })
    }

    /// The values of all `names`, in their order, as far as there are any. The time is for all of them.
    pub async fn read(&self, names: &[KeyName<'_>]) -> Vec<Result<Secret, KubernetesError>> {
        let deadline = Instant::now() + self.timeout;
        let mut found: Found = names.iter().map(|_| None).collect();
        let mut places = by_place(names).into_iter();
        let ask = |(place, wanted)| async move { (place, wanted, self.ask(place, deadline).await) };
        let mut asking: FuturesUnordered<_> = places.by_ref().take(CONCURRENCY).map(ask).collect();
        while let Some((place, wanted, answer)) = asking.next().await {
            asking.extend(places.next().map(ask));
            let keys: Vec<_> = wanted.iter().map(|&number| names[number].key()).collect();
            let values = answer::values(answer, place, &keys);
            wanted.into_iter().zip(values).for_each(|(number, value)| found[number] = Some(value));
        }
        let found = found.into_iter();
        found
            .map(|value| value.expect("every name is one of a place, and each was asked"))
            .collect()
    }

    /// Asks for a secret, again as long as that can help.
    async fn ask(&self, place: Place<'_>, deadline: Instant) -> Result<Secret, KubernetesError> {
        let mut last = None;
        let mut bound = FIRST_WAIT;
        while let Ok(result) = timeout_at(deadline, self.attempt(place)).await {
            let (error, wait) = match result {
                Ok(body) => return Ok(body),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(error, wait)) => (error, wait),
            };
            last = Some(Box::new(error));
            let wake = Instant::now() + wait + jittered(bound);
            bound = LONGEST_WAIT.min(bound * 2);
            if wake >= deadline {
                break;
            }
            sleep_until(wake).await;
        }
        Err(KubernetesError::Late { timeout: self.timeout, last })
    }

    async fn attempt(&self, place: Place<'_>) -> Result<Secret, Failure> {
        let request = self.http.get(self.at(place)).header(AUTHORIZATION, &self.authorization);
        let request = request.header(ACCEPT, "application/json");
        let answer = request.send().await.map_err(|error| of_cut(of_transport(&error)))?;
        let (status, wait) = (answer.status(), retry_after(&answer));
        if status != StatusCode::OK {
            return Err(refused(status, wait, place));
        }
        http::body(answer, MAX_ANSWER).await.map_err(|error| match error {
            BodyError::TooLarge => KubernetesError::LargeAnswer.into(),
            BodyError::Broken(_) => of_cut(Cut::Broken),
        })
    }

    /// Names have no character that means something in a URL.
    fn at(&self, (namespace, name): Place<'_>) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("/api/v1/namespaces/{namespace}/secrets/{name}"));
        url
    }
}

/// The secrets that are wanted, each with the numbers of the names that are keys of it.
fn by_place<'a>(names: &[KeyName<'a>]) -> BTreeMap<Place<'a>, Vec<usize>> {
    let mut places: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, name) in names.iter().enumerate() {
        places.entry(name.place()).or_default().push(number);
    }
    places
}

/// Why an attempt brought nothing.
enum Failure {
    /// Another one would bring no more.
    Lasting(KubernetesError),
    /// The same may go well in a moment. The API may have said when.
    Passing(KubernetesError, Duration),
}

impl From<KubernetesError> for Failure {
    fn from(error: KubernetesError) -> Self {
        Self::Lasting(error)
    }
}

/// A question changes nothing, so that it can be asked again even when the answer was on its way.
fn of_cut(cut: Cut) -> Failure {
    let may_pass = match &cut {
        Cut::Unreachable(obstacle) => obstacle.may_pass(),
        Cut::Broken => true,
    };
    let error = match cut {
        Cut::Unreachable(obstacle) => KubernetesError::Unreachable(obstacle),
        Cut::Broken => KubernetesError::Broken,
    };
    if may_pass { Failure::Passing(error, Duration::ZERO) } else { error.into() }
}

fn refused(status: StatusCode, wait: Duration, place: Place<'_>) -> Failure {
    let (namespace, name) = (place.0.to_string(), place.1.to_string());
    let lasting = match status {
        StatusCode::NOT_FOUND => KubernetesError::NotFound { name },
        StatusCode::UNAUTHORIZED => KubernetesError::Unauthorized,
        StatusCode::FORBIDDEN => KubernetesError::Forbidden { namespace, name },
        status => KubernetesError::Status(status.as_u16()),
    };
    match status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        true => Failure::Passing(lasting, wait),
        false => Failure::Lasting(lasting),
    }
}

/// The whole seconds that the API wants to be left alone. As a date it is not read: clocks differ.
fn retry_after(answer: &Response) -> Duration {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok());
    let seconds = seconds.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0);
    LONGEST_RETRY_AFTER.min(Duration::from_secs(seconds))
}
