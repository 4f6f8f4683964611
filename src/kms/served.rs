//! AWS KMS for a daemon: connected when the first token needs it, and asked for as long as the daemon runs.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secretary_aws_kms::{Cause, Kms, Settings};
use secretary_daemon::key_service::{self, KeyServiceError};
use secretary_envelope::{DataKey, WrappedKey};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

use super::KeyService;
use crate::cli::KmsFlags;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::world::note;

/// How many requests ask at once, each with calls of its own. More wait, while those for NaCl tokens go on.
const CONCURRENCY: usize = 32;

/// How long a request waits for its turn.
const LONGEST_QUEUE: Duration = Duration::from_secs(1);

/// When a cause that goes on is told again.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// AWS KMS, as far as flags and variables say how to ask it.
pub struct Served {
    what: Arc<What>,
    kms: OnceCell<Kms>,
    turns: Semaphore,
    /// For everything that one request needs.
    timeout: Duration,
    last_told: Mutex<Option<(Instant, String)>>,
}

struct What {
    key: Option<String>,
    flags: KmsFlags,
    environ: Environ,
}

impl Served {
    /// Keeps what was typed. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When a key, a context or another setting is none.
    pub fn new(key: Option<String>, flags: KmsFlags, environ: Environ) -> Result<Self, Failure> {
        let what = Arc::new(What { key, flags, environ });
        let timeout = what.settings()?.timeout;
        Ok(Self {
            what,
            kms: OnceCell::new(),
            turns: Semaphore::new(CONCURRENCY),
            timeout,
            last_told: Mutex::new(None),
        })
    }

    async fn connected(&self) -> Result<&Kms, KeyServiceError> {
        self.kms
            .get_or_try_init(|| async {
                let settings = self.what.settings().map_err(|_| KeyServiceError::Failed)?;
                // On a task of its own: the AWS SDK panics at some settings.
                match tokio::spawn(Kms::connect(settings)).await {
                    Ok(Ok(kms)) => Ok(kms),
                    Ok(Err(cause)) => Err(self.told(&cause)),
                    Err(_) => Err(KeyServiceError::Failed),
                }
            })
            .await
    }
}

impl What {
    fn settings(&self) -> Result<Settings, Failure> {
        let Self { key, flags, environ } = self;
        let service = KeyService::new(key.as_deref(), flags, environ, environ);
        let settings = service.settings()?;
        service.check_proxy(&settings)?;
        Ok(settings)
    }
}

impl key_service::KeyService for Served {
    async fn unwrap_all(&self, keys: &[WrappedKey]) -> Vec<Result<DataKey, KeyServiceError>> {
        let failed = || keys.iter().map(|_| Err(KeyServiceError::Failed)).collect();
        let Ok(_turn) = timeout(LONGEST_QUEUE, self.turns.acquire()).await else { return failed() };
        timeout(self.timeout, self.unwrap(keys)).await.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs_f64();
            self.tell(format!("AWS KMS did not answer within {seconds} s"));
            failed()
        })
    }
}

impl Served {
    async fn unwrap(&self, keys: &[WrappedKey]) -> Vec<Result<DataKey, KeyServiceError>> {
        match self.connected().await {
            Ok(kms) => {
                let unwrapped = kms.unwrap_all_anew(keys).await.into_iter();
                unwrapped.map(|result| result.map_err(|error| self.told(&error.cause))).collect()
            }
            Err(error) => keys.iter().map(|_| Err(error)).collect(),
        }
    }

    /// What the caller hears, which is no more than that it failed.
    fn told(&self, cause: &Cause) -> KeyServiceError {
        self.tell(cause.to_string());
        // What this daemon lacks may be there in a moment, and is no fault of the caller.
        match super::advice::code_of(cause) {
            Code::Remote | Code::Configuration => KeyServiceError::Failed,
            _ => KeyServiceError::Refused,
        }
    }

    /// Tells the operator a cause when it is another one than before, and each minute.
    fn tell(&self, sentence: String) {
        let now = Instant::now();
        let mut last = self.last_told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new =
            last.as_ref().is_none_or(|(at, told)| now - *at > TELL_AGAIN || *told != sentence);
        if is_new {
            note(&format!("a data key was not unwrapped: {sentence}"));
            *last = Some((now, sentence));
        }
    }
}
