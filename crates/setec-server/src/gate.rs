//! A vault that may still be sealed, because its key-encryption key can't be reached.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use secretary_transport::jitter::jittered;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio::time::sleep;

use crate::audit::Audit;
use crate::seal::header::UnwrapError;
use crate::seal::{KeyEncryption, KeyEncryptionError};
use crate::store::Store;
use crate::tell::Tell;
use crate::vault::{NewNames, UnsealError, Vault};

/// The time until the key is asked for again: at first, and at the most. Of each a random part is waited.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Nothing at first, and then a vault for ever.
pub struct Gate<S> {
    vault: OnceLock<Vault<S>>,
    /// Why there is none, as it was told last.
    told: Mutex<Option<String>>,
    /// Held by each write that is under way.
    writes: Arc<RwLock<()>>,
}

/// What a vault is opened with.
pub struct Unsealing<S, K> {
    /// What is sealed.
    pub store: Arc<S>,
    /// What unwraps the store's data keys.
    pub wrapping: Arc<K>,
    /// Where its calls are written down.
    pub audit: Arc<Audit>,
    /// Which names new secrets may have.
    pub new_names: NewNames,
}

impl<S: Store> Gate<S> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { vault: OnceLock::new(), told: Mutex::new(None), writes: Arc::default() }
    }

    /// What is behind it, if it is open.
    pub fn vault(&self) -> Option<&Vault<S>> {
        self.vault.get()
    }

    /// A write is under way until what is answered is dropped.
    pub(crate) async fn busy(&self) -> OwnedRwLockReadGuard<()> {
        self.writes.clone().read_owned().await
    }

    /// Waits for all writes that are under way, before what they write to is closed.
    pub async fn idle(&self) {
        drop(self.writes.write().await);
    }

    /// Opens the vault if its key-encryption key can be reached; if not, that is told.
    ///
    /// # Errors
    ///
    /// What will not pass: another key, a damaged store.
    pub async fn try_open(
        &self,
        unsealing: &Unsealing<S, impl KeyEncryption>,
        tell: &Tell,
    ) -> Result<(), UnsealError> {
        if let Err(error) = self.attempt(unsealing).await {
            self.tell(passing(error)?, tell);
        }
        Ok(())
    }

    /// Opens the vault as soon as its key-encryption key can be reached. Until then it is told when it is for another
    /// reason than before that it can't.
    ///
    /// # Errors
    ///
    /// As [`Self::try_open`].
    pub async fn open(
        &self,
        unsealing: &Unsealing<S, impl KeyEncryption>,
        tell: &Tell,
    ) -> Result<(), UnsealError> {
        let mut wait = FIRST_WAIT;
        while self.vault().is_none() {
            sleep(jittered(wait)).await;
            wait = (2 * wait).min(LONGEST_WAIT);
            match self.attempt(unsealing).await {
                Ok(()) => tell("the key-encryption key was reached: the store is open"),
                Err(error) => self.tell(passing(error)?, tell),
            }
        }
        Ok(())
    }

    async fn attempt(
        &self,
        unsealing: &Unsealing<S, impl KeyEncryption>,
    ) -> Result<(), UnsealError> {
        let Unsealing { store, wrapping, audit, new_names } = unsealing;
        let vault = Vault::open(store.clone(), &**wrapping, audit.clone(), *new_names).await?;
        let _ = self.vault.set(vault);
        Ok(())
    }

    fn tell(&self, reason: String, tell: &Tell) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.as_ref() != Some(&reason) {
            tell(&format!("the store is sealed until that is over: {reason}"));
            *told = Some(reason);
        }
    }
}

impl<S: Store> Default for Gate<S> {
    fn default() -> Self {
        Self::new()
    }
}

/// The reason, if it may be over later.
fn passing(error: UnsealError) -> Result<String, UnsealError> {
    match error {
        UnsealError::Unwrap(UnwrapError::KeyEncryption(KeyEncryptionError::Unreachable(
            reason,
        ))) => Ok(reason),
        lasting => Err(lasting),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use secretary_access::audit::AuditLog;
    use secretary_secret::Secret;

    use super::*;
    use crate::seal::StoreId;
    use crate::store::MemoryStore;

    /// A key that answers what is on its list, and then works.
    struct Answers(Mutex<Vec<KeyEncryptionError>>);

    impl Answers {
        fn next(&self) -> Result<(), KeyEncryptionError> {
            self.0.lock().unwrap().pop().map_or(Ok(()), Err)
        }
    }

    impl KeyEncryption for Answers {
        fn kind(&self) -> &'static str {
            "list"
        }

        async fn wrap(&self, _: &StoreId, key: &Secret) -> Result<Vec<u8>, KeyEncryptionError> {
            self.next().map(|()| key.expose().to_vec())
        }

        async fn unwrap(&self, _: &StoreId, wrapped: &[u8]) -> Result<Secret, KeyEncryptionError> {
            self.next().map(|()| wrapped.into())
        }
    }

    fn away(why: &str) -> KeyEncryptionError {
        KeyEncryptionError::Unreachable(why.to_string())
    }

    /// What is told, and what comes of it, when the key answers each of these before it works.
    async fn opened(answers: &[KeyEncryptionError]) -> (Vec<String>, Result<bool, UnsealError>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell: Tell = Arc::new({
            let told = told.clone();
            move |sentence: &str| told.lock().unwrap().push(sentence.to_string())
        });
        let log = AuditLog::to_writer(Box::new(std::io::sink()), "test").unwrap();
        let store = Arc::new(MemoryStore::default());
        let audit = Audit::open(log.into(), &*store, Arc::new(|_| ())).await;
        let unsealing = Unsealing {
            store,
            wrapping: Arc::new(Answers(Mutex::new(answers.iter().rev().cloned().collect()))),
            audit: Arc::new(audit.unwrap()),
            new_names: NewNames::default(),
        };
        let gate = Gate::new();
        let result = match gate.try_open(&unsealing, &tell).await {
            Ok(()) => gate.open(&unsealing, &tell).await,
            lasting => lasting,
        };
        let told = told.lock().unwrap().clone();
        (told, result.map(|()| gate.vault().is_some()))
    }

    #[tokio::test(start_paused = true)]
    async fn says_why_it_is_sealed_once_for_each_reason_and_opens_by_itself() {
        let (told, result) = opened(&[away("a"), away("a"), away("b"), away("b"), away("a")]).await;
        assert!(result.unwrap());
        let sealed = |why| format!("the store is sealed until that is over: {why}");
        let open = "the key-encryption key was reached: the store is open".to_string();
        assert_eq!(told, [sealed("a"), sealed("b"), sealed("a"), open]);
    }

    #[tokio::test(start_paused = true)]
    async fn says_nothing_when_it_opens_at_once() {
        let (told, result) = opened(&[]).await;
        assert!(result.unwrap() && told.is_empty(), "{told:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_lasts_ends_the_waiting() {
        for last in [KeyEncryptionError::Refused, KeyEncryptionError::Denied("no".to_string())] {
            let (told, result) = opened(&[away("a"), last.clone()]).await;
            assert_eq!(told.len(), 1);
            assert_eq!(result.unwrap_err().to_string(), last.to_string());
        }
    }
}
