//! Who a caller is, by whatever may be believed: a file, Marathon, or Mesos.

use std::collections::HashMap;
use std::fs;
use std::hash::Hash;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use secretary_secret::Secret;
use tokio::time::{Instant, sleep_until};

use crate::claim::Claim;
use crate::flights::{Flights, Source};
use crate::id::{AppId, TaskId};
use crate::metrics::Metrics;
use crate::orchestrator::file::{self, Syntax, Workloads};
use crate::orchestrator::marathon::{self, App, AppVersion};
use crate::orchestrator::mesos::{self, Tasks};
use crate::refusal::{Refusal, Upstream as Name};
use crate::upstream::{Caller, Log, Question, Settings, SetupError, Upstream};
use crate::version::Version;
use crate::workload::Workload;

/// How many answers are kept for as long as they may be reused.
const REMEMBERED: usize = 4096;

/// How often a question is asked again for those who were told no by an answer from before they came.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers of more bytes are parsed aside.
const LARGE: usize = 256 * 1024;

/// How many apps and tasks are known, and from when on one may be forgotten for another.
const MAX_KNOWN: usize = 20_000;
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// Everybody who knows workloads.
pub struct Cluster {
    file: Option<File>,
    marathon: Option<Marathon>,
    mesos: Option<Mesos>,
    known: Known,
}

/// A list of workloads that does not change until it is read again.
struct File {
    path: PathBuf,
    workloads: RwLock<Arc<Workloads>>,
}

struct Marathon {
    upstream: Arc<Upstream>,
    apps: Flights<String, App>,
    versions: Flights<String, AppVersion>,
    metrics: Arc<Metrics>,
}

struct Mesos {
    upstream: Arc<Upstream>,
    tasks: Flights<(), Tasks>,
    metrics: Arc<Metrics>,
}

/// Who is to be asked.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file with workloads, which is asked first.
    pub workloads: Option<PathBuf>,
    /// Marathon.
    pub marathon: Option<Settings>,
    /// Mesos.
    pub mesos: Option<Settings>,
}

/// A file with workloads is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It can't be read.
    #[error("cannot read {}: {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no list of workloads.
    #[error("{}: {error}", .file.display())]
    Unfit {
        /// The file.
        file: PathBuf,
        /// Why.
        error: file::FileError,
    },
}

/// Somebody can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Marathon or Mesos, as they are set up.
    #[error(transparent)]
    Upstream(#[from] SetupError),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Cluster {
    /// Everybody in `sources`. Asks nobody but the file yet.
    ///
    /// # Errors
    ///
    /// When the file is no list of workloads, or another setting is of no use.
    pub fn new(sources: Sources, metrics: &Arc<Metrics>, log: &Log) -> Result<Self, SourceError> {
        let upstream = |name, settings: Option<Settings>| {
            let upstream = |settings| {
                Upstream::new(name, &settings, metrics.clone(), log.clone()).map(Arc::new)
            };
            settings.map(upstream).transpose()
        };
        let marathon = upstream(Name::Marathon, sources.marathon)?;
        let mesos = upstream(Name::Mesos, sources.mesos)?;
        Ok(Self {
            file: sources.workloads.map(File::new).transpose()?,
            marathon: marathon.map(|upstream| Marathon {
                upstream,
                apps: Flights::new(REMEMBERED),
                versions: Flights::new(REMEMBERED),
                metrics: metrics.clone(),
            }),
            mesos: mesos.map(|upstream| Mesos {
                upstream,
                tasks: Flights::new(1),
                metrics: metrics.clone(),
            }),
            known: Known::default(),
        })
    }

    /// Reads again what is in files: workloads, and how to ask for others. What is of no use any more leaves what was
    /// there, and is told of.
    pub fn reload(&self) -> Vec<SourceError> {
        let file = self.file.as_ref().and_then(|file| file.reload().err()).map(SourceError::from);
        let upstreams = self.upstreams().filter_map(|upstream| upstream.reload().err());
        file.into_iter().chain(upstreams.map(SourceError::from)).collect()
    }

    /// Those who are shown a password or a token where others can read it.
    pub fn told_in_clear(&self) -> impl Iterator<Item = Name> {
        self.upstreams()
            .filter(|upstream| upstream.tells_in_clear())
            .map(|upstream| upstream.name())
    }

    fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        let marathon = self.marathon.as_ref().map(|marathon| &marathon.upstream);
        marathon.into_iter().chain(self.mesos.as_ref().map(|mesos| &mesos.upstream))
    }

    /// Remembers that `claim` was proved to be so.
    pub(crate) fn recognize(&self, claim: &Claim) {
        self.known.add(claim.name());
    }

    /// The workload that `claim` is about. That it was claimed proves nothing yet.
    ///
    /// # Errors
    ///
    /// When nobody knows it, or who should know does not say.
    pub async fn find(&self, claim: &Claim) -> Result<Arc<Workload>, Refusal> {
        if let Some(workload) = self.file.as_ref().and_then(|file| file.workloads().find(claim)) {
            return Ok(workload);
        }
        let caller = self.known.caller(claim);
        match (claim, &self.marathon, &self.mesos) {
            (Claim::App { app, version, task }, Some(marathon), _) => {
                marathon.find(caller, app, version, task).await
            }
            (Claim::Task(task), _, Some(mesos)) => mesos.find(caller, task).await,
            _ => Err(Refusal::NotServed),
        }
    }
}

impl File {
    fn new(path: PathBuf) -> Result<Self, FileError> {
        let workloads = RwLock::new(Arc::new(read(&path)?));
        Ok(Self { path, workloads })
    }

    fn reload(&self) -> Result<(), FileError> {
        let workloads = Arc::new(read(&self.path)?);
        *self.workloads.write().unwrap_or_else(PoisonError::into_inner) = workloads;
        Ok(())
    }

    fn workloads(&self) -> Arc<Workloads> {
        self.workloads.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(path: &Path) -> Result<Workloads, FileError> {
    let unreadable = |error| FileError::Unreadable { file: path.to_path_buf(), error };
    let mut text = String::new();
    // One byte more than it may have, so that the parser sees that there are too many.
    let file = fs::File::open(path).map_err(unreadable)?;
    file.take(file::MAX_FILE as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    let syntax = match path.extension() {
        Some(extension) if extension == "json" => Syntax::Json,
        _ => Syntax::Toml,
    };
    Workloads::parse(&text, syntax)
        .map_err(|error| FileError::Unfit { file: path.to_path_buf(), error })
}

impl Marathon {
    /// First whether the task runs, and then what its version of the app may have.
    async fn find(
        &self,
        caller: Caller,
        app: &AppId,
        version: &Version,
        task: &TaskId,
    ) -> Result<Arc<Workload>, Refusal> {
        let path = marathon::app_path(app);
        let ask = || self.ask(caller, path.clone(), marathon::parse_app);
        let runs = |app_is: &App| app_is.check_running(app, version, task);
        settled(&self.apps, &path, ask, runs, |source| self.tell(source)).await?;
        let path = marathon::version_path(app, version);
        let ask = || self.ask(caller, path.clone(), marathon::parse_version);
        let check = |config: &AppVersion| config.check(app, version);
        settled(&self.versions, &path, ask, check, |source| self.tell(source)).await
    }

    fn tell(&self, source: Source) {
        self.metrics.upstream_answer(Name::Marathon, source);
    }

    fn ask<T: Send + 'static>(
        &self,
        caller: Caller,
        path: String,
        parse: fn(&[u8]) -> Result<T, Refusal>,
    ) -> impl Future<Output = Result<T, Refusal>> + Send + use<T> {
        let upstream = self.upstream.clone();
        async move { parsed(upstream.ask(caller, Question::Get(path)).await?, parse).await }
    }
}

impl Mesos {
    async fn find(&self, caller: Caller, task: &TaskId) -> Result<Arc<Workload>, Refusal> {
        let ask = || {
            let upstream = self.upstream.clone();
            let question = Question::Post { path: mesos::PATH, json: mesos::QUESTION };
            async move { parsed(upstream.ask(caller, question).await?, mesos::parse_tasks).await }
        };
        let tell = |source| self.metrics.upstream_answer(Name::Mesos, source);
        settled(&self.tasks, &(), ask, |tasks: &Tasks| tasks.workload(task), tell).await
    }
}

/// What `judge` makes of the answer to a question. A no by an answer from before the caller came is none: their task may be
/// younger than it. So the question is asked anew then, not more often than each [`PAUSE`] for all who were told no.
async fn settled<K, V, T, F>(
    flights: &Flights<K, V>,
    key: &K,
    ask: impl Fn() -> F,
    judge: impl Fn(&V) -> Result<T, Refusal>,
    tell: impl Fn(Source),
) -> Result<T, Refusal>
where
    K: Eq + Hash + Clone,
    V: Send + Sync + 'static,
    F: Future<Output = Result<V, Refusal>> + Send + 'static,
{
    let came = Instant::now();
    let answer = flights.ask(key.clone(), &ask).await;
    tell(answer.source);
    let verdict = judge(&*answer.value?);
    if verdict.is_ok() || answer.asked_at >= came {
        return verdict;
    }
    sleep_until(answer.asked_at + PAUSE).await;
    let answer = flights.ask_since(Some(came), key.clone(), &ask).await;
    tell(answer.source);
    judge(&*answer.value?)
}

/// What `parse` makes of `body`. One that takes long must not keep a thread from other requests.
async fn parsed<T: Send + 'static>(
    body: Secret,
    parse: fn(&[u8]) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    if body.len() <= LARGE {
        return parse(body.expose());
    }
    let parsing = tokio::task::spawn_blocking(move || parse(body.expose()));
    parsing.await.unwrap_or(Err(Refusal::Internal))
}

/// Who was authenticated lately, up to a limit. Their questions come before those of strangers.
#[derive(Default)]
struct Known(Mutex<HashMap<String, Instant>>);

impl Known {
    fn add(&self, name: String) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.retain(|_, seen| now.saturating_duration_since(*seen) < KNOWN_FOR);
        }
        if known.len() < MAX_KNOWN || known.contains_key(&name) {
            known.insert(name, now);
        }
    }

    fn caller(&self, claim: &Claim) -> Caller {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains_key(&claim.name()) { Caller::Known } else { Caller::Stranger }
    }
}
