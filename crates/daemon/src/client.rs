//! Asking a daemon to open tokens.
//!
//! One request asks for all of them, if the daemon says that it can do that; otherwise each has a request of its own,
//! as in the Go program. What can be tried again without harm is tried again, with full jitter, until the
//! time is over: a connection that did not come about, and the statuses 429 and 503.
//!
//! An answer counts when it opens with the workload's keys, is not the request, belongs to the request if the daemon
//! is new enough to say so, and has a plaintext as long as what the token holds.

mod answer;
mod error;
mod post;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use reqwest::{Client as Http, StatusCode, Url};
use secretary_access::time::rfc3339;
use secretary_envelope::{PublicKey, SecretKey, Token};
use secretary_secret::Secret;
use secretary_transport::http::{self, Connect, Way};
use secretary_transport::jitter::jittered;
use secretary_transport::tls::{Identity, Trust};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::channel::Channel;
use crate::form::Fields;
use crate::json::Object;
use crate::protocol::{
    BATCH, DECRYPT_PATH, MAX_BODY, MAX_SECRETS, Proof, Request, Requested, STATUS_PATH,
};
use crate::version::Version;

use self::post::{Failure, post};

pub use error::{Cause, SetupError};

/// The most bytes of JSON in a request for many: in two boxes, in base64 twice, and escaped, it fits into
/// [`MAX_BODY`].
const MAX_BATCH: usize = 448 * 1024;

/// How many requests are under way at once, when each token needs its own.
const CONCURRENCY: usize = 8;

/// How long a daemon may take to say what it can do, before it is taken for an old one.
const STATUS_TIMEOUT: Duration = Duration::from_secs(3);

/// The bound of the first wait before something is tried again. It doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Who asks whom, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The daemon's URL, to which `/v1/decrypt` is added.
    pub url: String,
    /// The app's id, or nothing.
    pub app_id: String,
    /// Its version, or nothing.
    pub app_version: String,
    /// The task's id.
    pub task_id: String,
    /// Until there is a connection.
    pub connect_timeout: Duration,
    /// For everything together.
    pub timeout: Duration,
    /// A file with certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// A client certificate.
    pub identity: Option<Identity>,
    /// Which answers count.
    pub answers: Answers,
}

/// Which answers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Those of old daemons, too, which do not say to which request they belong.
    BoundOrOld,
    /// Only those that are bound to the request.
    Bound,
}

/// A token to be opened, and the name of the variable that it is in, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The name.
    pub key: &'a str,
    /// The token.
    pub token: Token<'a>,
}

/// What a daemon answered.
#[derive(Debug)]
pub struct Answered {
    /// The plaintexts, in the order of the tokens.
    pub secrets: Vec<Result<Secret, Cause>>,
    /// Whether the daemon is an old one, whose answers are not bound to requests.
    pub is_old: bool,
}

/// A daemon that is asked.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    url: Url,
    http: Http,
    channel: Channel,
}

impl Client {
    /// A client that has these keys. Makes no connection yet.
    ///
    /// # Errors
    ///
    /// When the URL is none, a file is of no use, or the master's key is a weak one.
    pub fn new(
        settings: Settings,
        deploy: &SecretKey,
        service: Option<&SecretKey>,
        master: &PublicKey,
    ) -> Result<Self, SetupError> {
        let url = parse_url(&settings.url).ok_or(SetupError::Url)?;
        let connect = Connect {
            within: settings.connect_timeout,
            trust: Trust::SystemAnd(settings.ca_file.as_deref()),
            identity: settings.identity.as_ref(),
            way: Way::AsTheEnvironmentSays,
        };
        let http = http::client(std::slice::from_ref(&url), connect)?;
        let channel = Channel::of_workload(deploy, service, master)?;
        Ok(Self { settings, url, http, channel })
    }

    /// Opens the tokens of all `asked`, as far as they can be opened. Equal ones are asked for as often as they are
    /// there.
    ///
    /// # Errors
    ///
    /// What is about no token in particular.
    pub async fn open_all(&self, asked: &[Asked<'_>]) -> Result<Answered, Cause> {
        let wanted = asked.iter().map(Wanted::new).collect::<Result<Vec<_>, _>>()?;
        let deadline = Instant::now() + self.settings.timeout;
        if wanted.len() > 1 && self.answers_many(deadline).await {
            self.in_batches(&wanted, deadline).await
        } else {
            self.one_by_one(&wanted, deadline).await
        }
    }

    async fn in_batches(&self, wanted: &[Wanted], deadline: Instant) -> Result<Answered, Cause> {
        let mut all = Answered { secrets: Vec::with_capacity(wanted.len()), is_old: false };
        for batch in batches(wanted) {
            let mut answered = match batch {
                [_] => self.one_by_one(batch, deadline).await?,
                _ => match self.ask(batch, true, deadline).await {
                    // Only an old daemon answers so, and about the one that was asked first.
                    Err(cause) if cause.is_of_one_token() => {
                        Answered { secrets: vec![Err(cause)], is_old: true }
                    }
                    answered => answered?,
                },
            };
            let missing = batch.get(answered.secrets.len()..).unwrap_or_default();
            if !missing.is_empty() {
                answered.secrets.extend(self.one_by_one(missing, deadline).await?.secrets);
            }
            self.ask_again(batch, &mut answered.secrets, deadline).await;
            all.is_old |= answered.is_old;
            all.secrets.extend(answered.secrets);
        }
        Ok(all)
    }

    /// Asks once more, as long as there is time, for those of `batch` that may go well in a moment.
    async fn ask_again(
        &self,
        batch: &[Wanted],
        secrets: &mut [Result<Secret, Cause>],
        deadline: Instant,
    ) {
        let mut bound = FIRST_WAIT;
        loop {
            let passes =
                |secret: &Result<Secret, Cause>| secret.as_ref().is_err_and(Cause::may_pass);
            let again: Vec<_> = (0..secrets.len()).filter(|&n| passes(&secrets[n])).collect();
            let wake = Instant::now() + jittered(bound);
            bound = LONGEST_WAIT.min(bound * 2);
            if again.is_empty() || wake >= deadline {
                return;
            }
            sleep_until(wake).await;
            let part: Vec<_> = again.iter().map(|&n| batch[n].clone()).collect();
            // What is known of each is told rather than that the time was over.
            let Ok(answered) = self.ask(&part, true, deadline).await else { return };
            for (n, secret) in again.into_iter().zip(answered.secrets) {
                secrets[n] = secret;
            }
        }
    }

    async fn one_by_one(&self, wanted: &[Wanted], deadline: Instant) -> Result<Answered, Cause> {
        let mut all = Answered { secrets: Vec::with_capacity(wanted.len()), is_old: false };
        let mut left = wanted.chunks(1);
        // Not by a stream's closure, with which no task could be spawned that asks.
        let mut asking: FuturesOrdered<_> =
            left.by_ref().take(CONCURRENCY).map(|one| self.ask(one, false, deadline)).collect();
        while let Some(answer) = asking.next().await {
            asking.extend(left.next().map(|one| self.ask(one, false, deadline)));
            match answer {
                Ok(answered) => {
                    all.is_old |= answered.is_old;
                    all.secrets.extend(answered.secrets);
                }
                Err(cause) if cause.is_of_one_token() => all.secrets.push(Err(cause)),
                Err(cause) => return Err(cause),
            }
        }
        Ok(all)
    }

    /// Makes one request, again as long as that can help.
    async fn ask(
        &self,
        wanted: &[Wanted],
        is_list: bool,
        deadline: Instant,
    ) -> Result<Answered, Cause> {
        let mut last = None;
        let mut bound = FIRST_WAIT;
        loop {
            let Ok(result) = timeout_at(deadline, self.attempt(wanted, is_list)).await else {
                break;
            };
            let (cause, wait) = match result {
                Ok(answered) => return Ok(answered),
                Err(Failure::Lasting(cause)) => return Err(cause),
                Err(Failure::Passing(cause, wait)) => (cause, wait),
            };
            last = Some(Box::new(cause));
            let wake = Instant::now() + wait + jittered(bound);
            bound = LONGEST_WAIT.min(bound * 2);
            if wake >= deadline {
                break;
            }
            sleep_until(wake).await;
        }
        Err(Cause::Late { timeout: self.settings.timeout, last })
    }

    async fn attempt(&self, wanted: &[Wanted], is_list: bool) -> Result<Answered, Failure> {
        let request = self.request(wanted, is_list)?;
        let envelope = self.channel.seal(&request.to_json()).map_err(|_| Cause::Random)?;
        let form = self.form(&envelope);
        if form.len() > MAX_BODY {
            return Err(Cause::TooLarge.into());
        }
        let answer = post(self.http.post(self.at(DECRYPT_PATH)), form).await?;
        let answers = self.settings.answers;
        Ok(answer::read(&answer, &envelope, &self.channel, &request, wanted, answers)?)
    }

    /// Each attempt is a request of its own: one that was received, and failed for a reason that passes, would
    /// be taken for a replayed one.
    fn request(&self, wanted: &[Wanted], is_list: bool) -> Result<Request, Cause> {
        let mut request_id = [0; _];
        getrandom::fill(&mut request_id).map_err(|_| Cause::Random)?;
        let now = Version::parse(&rfc3339(SystemTime::now()));
        let issued_at = now.expect("a time in our own writing is one");
        Ok(Request {
            app_id: self.settings.app_id.clone(),
            app_version: self.settings.app_version.clone(),
            task_id: self.settings.task_id.clone(),
            secrets: wanted.iter().map(|wanted| wanted.requested.clone()).collect(),
            is_list,
            proof: Some(Proof { request_id, issued_at }),
        })
    }

    fn form(&self, envelope: &str) -> String {
        let fields = Fields {
            appid: self.settings.app_id.clone(),
            appversion: self.settings.app_version.clone(),
            taskid: self.settings.task_id.clone(),
            envelope: envelope.to_string(),
        };
        fields.to_body()
    }

    /// Whether the daemon says that it answers many secrets at once.
    async fn answers_many(&self, deadline: Instant) -> bool {
        let status = async {
            let answer = self.http.get(self.at(STATUS_PATH)).send().await.ok()?;
            let answer = Some(answer).filter(|answer| answer.status() == StatusCode::OK)?;
            let body = http::body(answer, 64 * 1024).await.ok()?;
            let object = Object::parse(str::from_utf8(body.expose()).ok()?).ok()?;
            serde_json::from_str::<Vec<String>>(object.member("Capabilities")?).ok()
        };
        let left = deadline.saturating_duration_since(Instant::now()).min(STATUS_TIMEOUT);
        let capabilities = timeout(left, status).await.ok().flatten();
        capabilities.is_some_and(|capabilities| capabilities.iter().any(|name| name == BATCH))
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.url.path().trim_end_matches('/')));
        url
    }
}

/// A token, as it is sent, and what is known of its plaintext.
#[derive(Clone, Debug)]
struct Wanted {
    requested: Requested,
    id: String,
    plaintext_len: usize,
}

impl Wanted {
    fn new(asked: &Asked<'_>) -> Result<Self, Cause> {
        let text = asked.token.text().iter().filter(|byte| !byte.is_ascii_whitespace());
        let secret = text.map(|&byte| char::from(byte)).collect();
        Ok(Self {
            requested: Requested { key: asked.key.to_string(), secret },
            id: crate::token_id::TokenId::of(&asked.token).to_string(),
            plaintext_len: asked.token.plaintext_len().map_err(Cause::Damaged)?,
        })
    }

    /// More bytes than it takes in a request.
    fn size(&self) -> usize {
        self.requested.secret.len() + 6 * self.requested.key.len() + 32
    }
}

/// `wanted` in as few parts as fit into requests.
fn batches(wanted: &[Wanted]) -> impl Iterator<Item = &[Wanted]> {
    let mut rest = wanted;
    std::iter::from_fn(move || {
        // The first is there twice.
        let mut size = 1024 + rest.first().map_or(0, Wanted::size);
        let fits = rest.iter().take(MAX_SECRETS).take_while(|one| {
            size += one.size();
            size <= MAX_BATCH
        });
        // One that is large is asked for alone, and if it is too large, that is found out when it is sent.
        let count = fits.count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (count > 0).then_some(batch)
    })
}

/// The URL of a server, without what is not for a server.
pub(crate) fn parse_url(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Whether what is sent to `url` can be read, and changed, by others on its way.
pub fn is_in_clear(url: &str) -> bool {
    parse_url(url).is_some_and(|url| url.scheme() == "http" && !http::is_of_this_machine(&url))
}
