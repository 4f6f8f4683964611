//! Questions to Marathon and Mesos over HTTP: bounded in time, size and number, and asked of nobody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Client as Http, Response, Url};
use secretary_secret::Secret;
use secretary_transport::http::{self, BodyError, Connect, Way};
use secretary_transport::obstacle::of_transport;
use secretary_transport::tls::{TlsError, Trust};
use secretary_transport::{Cut, Obstacle};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use crate::client::parse_url;
use crate::metrics::Metrics;
use crate::refusal::{Refusal, Upstream as Name};

/// How many questions are under way at once.
const CONCURRENCY: usize = 32;

/// How many of them may be for callers that never proved who they are. Anybody can claim to be a new app each time,
/// and the others must not wait for them.
const STRANGERS: usize = 24;

/// How long a question waits for its turn.
const LONGEST_QUEUE: Duration = Duration::from_secs(1);

/// How long it takes at most until there is a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The most bytes of a file with a user and a password, or a token.
const MAX_AUTH: usize = 64 * 1024;

/// Tells the operator something.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// Who is asked, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// URLs of one cluster: the first is asked, the next when that does not answer, or not now. A redirect is followed to
    /// one of them and nowhere else.
    pub urls: Vec<String>,
    /// A file with `basic USER:PASSWORD` or `bearer TOKEN`.
    pub auth_file: Option<PathBuf>,
    /// A file with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// For one question, its redirect and the other URLs included.
    pub timeout: Duration,
    /// The most bytes of an answer.
    pub max_answer: usize,
}

/// What was set up is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A URL has no host, or another scheme than `http` and `https`.
    #[error("a URL of {0} is neither http:// nor https:// with a host")]
    Url(Name),
    /// The file with the certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The file for the authorization can't be read.
    #[error("cannot read {}: {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file for the authorization has something else in it.
    #[error("{} has neither `basic USER:PASSWORD` nor `bearer TOKEN` in its one line", .0.display())]
    Auth(PathBuf),
}

/// A question.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    Get(String),
    Post { path: &'static str, json: &'static str },
}

/// For whom a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// An app or a task by whose name somebody was authenticated lately.
    Known,
    /// Anybody.
    Stranger,
}

/// One orchestrator.
pub(crate) struct Upstream {
    name: Name,
    urls: Vec<Url>,
    http: Http,
    auth_file: Option<PathBuf>,
    auth: RwLock<Option<HeaderValue>>,
    timeout: Duration,
    max_answer: usize,
    turns: Semaphore,
    strangers: Semaphore,
    metrics: Arc<Metrics>,
    log: Log,
    fails: AtomicBool,
}

impl Upstream {
    pub(crate) fn new(
        name: Name,
        settings: &Settings,
        metrics: Arc<Metrics>,
        log: Log,
    ) -> Result<Self, SetupError> {
        let urls = settings.urls.iter().map(|url| parse_url(url));
        let urls: Vec<_> = urls.collect::<Option<_>>().ok_or(SetupError::Url(name))?;
        if urls.is_empty() {
            return Err(SetupError::Url(name));
        }
        let within = CONNECT_TIMEOUT.min(settings.timeout);
        let connect = Connect {
            within,
            trust: Trust::SystemAnd(settings.ca_file.as_deref()),
            identity: None,
            way: Way::AsTheEnvironmentSays,
        };
        let auth = settings.auth_file.as_deref().map(authorization).transpose()?;
        Ok(Self {
            name,
            http: http::client(&urls, connect)?,
            urls,
            auth_file: settings.auth_file.clone(),
            auth: RwLock::new(auth),
            timeout: settings.timeout,
            max_answer: settings.max_answer,
            turns: Semaphore::new(CONCURRENCY),
            strangers: Semaphore::new(STRANGERS),
            metrics,
            log,
            fails: AtomicBool::new(false),
        })
    }

    pub(crate) fn name(&self) -> Name {
        self.name
    }

    /// Reads the file for the authorization again. One that is of no use leaves what was there.
    pub(crate) fn reload(&self) -> Result<(), SetupError> {
        if let Some(file) = &self.auth_file {
            let auth = authorization(file)?;
            *self.auth.write().unwrap_or_else(PoisonError::into_inner) = Some(auth);
        }
        Ok(())
    }

    /// Whether the authorization is sent where others can read it.
    pub(crate) fn tells_in_clear(&self) -> bool {
        let in_clear = |url: &Url| url.scheme() == "http" && !http::is_of_this_machine(url);
        let has_password = |url: &Url| self.auth_file.is_some() || url.password().is_some();
        self.urls.iter().any(|url| in_clear(url) && has_password(url))
    }

    /// The body of the answer, which has a status that means success.
    pub(crate) async fn ask(&self, caller: Caller, question: Question) -> Result<Secret, Refusal> {
        let turns = async {
            let stranger = match caller {
                Caller::Known => None,
                Caller::Stranger => Some(self.strangers.acquire().await),
            };
            (stranger, self.turns.acquire().await)
        };
        let turns = timeout(LONGEST_QUEUE.min(self.timeout), turns).await;
        let Ok(_turns) = turns else { return Err(Refusal::Busy(self.name)) };
        let request = self.metrics.upstream_request(self.name);
        let answer = timeout(self.timeout, self.exchange(&question)).await;
        let answer = answer.unwrap_or_else(|_| Err(Failure::of(Obstacle::Silence)));
        self.tell(answer.as_ref().err());
        let answer = answer.map_err(|failure| match failure {
            Failure::NoAnswer(_) => Refusal::Unreachable(self.name),
            Failure::Refused(refusal) => refusal,
        });
        request.end(&answer);
        answer
    }

    /// Asks the first URL that answers, for no longer than its part of the time.
    async fn exchange(&self, question: &Question) -> Result<Secret, Failure> {
        let mut last = Failure::of(Obstacle::Unsendable);
        for (number, url) in self.urls.iter().enumerate() {
            let part = self.timeout / u32::try_from(self.urls.len() - number).unwrap_or(1);
            let asked = async { self.read(self.send(url, question).await?).await };
            let answer = timeout_at(Instant::now() + part, asked).await;
            match answer.unwrap_or_else(|_| Err(Failure::of(Obstacle::Silence))) {
                Ok(body) => return Ok(body),
                Err(failure) if failure.may_pass() => last = failure,
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }

    async fn send(&self, base: &Url, question: &Question) -> Result<Response, Failure> {
        let path = match question {
            Question::Get(path) => path,
            Question::Post { path, .. } => *path,
        };
        let url = Url::parse(&format!("{}{path}", base.as_str().trim_end_matches('/')));
        let url = url.map_err(|_| Failure::of(Obstacle::Unsendable))?;
        let answer = self.send_to(url, question).await?;
        match self.redirect(&answer)? {
            Some(url) => self.send_to(url, question).await,
            None => Ok(answer),
        }
    }

    async fn send_to(&self, mut url: Url, question: &Question) -> Result<Response, Failure> {
        let auth = self.auth.read().unwrap_or_else(PoisonError::into_inner).clone();
        // What is in the URL would be shown as well, and many servers look at the first.
        if auth.is_some() {
            let _ = (url.set_username(""), url.set_password(None));
        }
        let mut request = match question {
            Question::Get(_) => self.http.get(url),
            Question::Post { json, .. } => {
                self.http.post(url).header(CONTENT_TYPE, "application/json").body(*json)
            }
        };
        if let Some(auth) = auth {
            request = request.header(AUTHORIZATION, auth);
        }
        request.send().await.map_err(|error| Failure::NoAnswer(of_transport(&error)))
    }

    /// Where the answer says to go on asking, if it says that and the place is one of the configured ones.
    fn redirect(&self, answer: &Response) -> Result<Option<Url>, Failure> {
        if !answer.status().is_redirection() {
            return Ok(None);
        }
        let refused = || Failure::Refused(Refusal::Redirect(self.name));
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location =
            location.and_then(|text| answer.url().join(text).ok()).ok_or_else(refused)?;
        let configured = self.urls.iter().find(|url| url.origin() == location.origin());
        let mut next = configured.ok_or_else(refused)?.clone();
        next.set_path(location.path());
        next.set_query(location.query());
        Ok(Some(next))
    }

    async fn read(&self, answer: Response) -> Result<Secret, Failure> {
        let status = answer.status();
        if status.is_redirection() {
            return Err(Failure::Refused(Refusal::Redirect(self.name)));
        }
        if !status.is_success() {
            return Err(Failure::Refused(Refusal::Status(self.name, status.as_u16())));
        }
        http::body(answer, self.max_answer).await.map_err(|error| match error {
            BodyError::TooLarge => Failure::Refused(Refusal::LargeAnswer(self.name)),
            BodyError::Broken(error) => Failure::NoAnswer(of_transport(&error)),
        })
    }

    /// Says when it begins to fail and when that is over, and not at each question.
    fn tell(&self, failure: Option<&Failure>) {
        let what = match failure {
            // There may have been a connection, and nothing on it.
            Some(Failure::NoAnswer(Cut::Unreachable(Obstacle::Silence))) => {
                "nothing within the time".to_string()
            }
            Some(Failure::NoAnswer(Cut::Unreachable(obstacle))) => obstacle.to_string(),
            Some(Failure::NoAnswer(Cut::Broken)) => "the connection broke".to_string(),
            Some(Failure::Refused(Refusal::Status(_, status)))
                if *status >= 500 || *status == 401 || *status == 403 =>
            {
                format!("HTTP status {status}")
            }
            Some(Failure::Refused(Refusal::Redirect(_))) => {
                "a redirect to a host that is not configured".to_string()
            }
            Some(Failure::Refused(Refusal::LargeAnswer(_))) => {
                "the answer is too large".to_string()
            }
            Some(Failure::Refused(_)) | None => {
                if self.fails.swap(false, Ordering::Relaxed) {
                    (self.log)(&format!("{} answers again", self.name));
                }
                return;
            }
        };
        if !self.fails.swap(true, Ordering::Relaxed) {
            (self.log)(&format!("{} does not answer as it should: {what}", self.name));
        }
    }
}

/// Why there is no answer that could be read.
enum Failure {
    NoAnswer(Cut),
    Refused(Refusal),
}

impl Failure {
    /// Whether another master of the same cluster may know better.
    fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Refused(refusal) => refusal.may_pass(),
        }
    }

    fn of(obstacle: Obstacle) -> Self {
        Self::NoAnswer(Cut::Unreachable(obstacle))
    }
}

fn authorization(file: &Path) -> Result<HeaderValue, SetupError> {
    let unreadable = |error| SetupError::Unreadable { file: file.to_path_buf(), error };
    let mut reader = fs::File::open(file).map_err(unreadable)?;
    let text = Secret::read_from(&mut reader, MAX_AUTH).map_err(unreadable)?;
    let unfit = || SetupError::Auth(file.to_path_buf());
    let text = str::from_utf8(text.expose()).map_err(|_| unfit())?.trim();
    let (scheme, rest) = text.split_once(' ').ok_or_else(unfit)?;
    let rest = rest.trim_start();
    let value = match scheme.to_ascii_lowercase().as_str() {
        "basic" if rest.contains(':') => {
            format!("Basic {}", *Zeroizing::new(STANDARD.encode(rest)))
        }
        "bearer" if !rest.is_empty() => format!("Bearer {rest}"),
        _ => return Err(unfit()),
    };
    let value = HeaderValue::from_str(&Zeroizing::new(value)).map_err(|_| unfit());
    value.map(|mut value| {
        value.set_sensitive(true);
        value
    })
}
