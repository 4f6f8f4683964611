//! Operations that change nothing.

use secretary_setec_api::Action;

use super::{Info, TRIES, Value, Vault, VaultError};
use crate::audit::Entry;
use crate::caller::Caller;
use crate::record::{Record, RuleError};
use crate::store::Store;
use crate::version::Version;

impl<S: Store> Vault<S> {
    /// All secrets of which the caller may have the [`Action::Info`], in the order of their names' bytes. Anybody may ask,
    /// and has a line without a name.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`], [`VaultError::Unwritten`].
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Info>, VaultError> {
        let entry = Entry::new(caller, Action::Info, "", 0);
        let names = match self.store.names().await {
            Ok(names) => names,
            Err(error) => return self.refuse(entry, error.into()).await,
        };
        let mut list = Vec::new();
        for name in names.into_iter().filter(|name| caller.may(Action::Info, name)) {
            match self.store.record(&name).await {
                Ok(found) => list.extend(found.record.map(|record| Info { name, record })),
                Err(error) => return self.refuse(entry, error.into()).await,
            }
        }
        self.audit.write(&entry).await?;
        Ok(list)
    }

    /// What can be said of a secret.
    ///
    /// # Errors
    ///
    /// [`VaultError::Denied`], [`RuleError::NotFound`], [`VaultError::Store`], [`VaultError::Unwritten`].
    pub async fn info(&self, caller: &Caller, name: &str) -> Result<Info, VaultError> {
        let entry = self.decide(caller, Action::Info, name, 0).await?;
        let record = async {
            let found = self.store.record(name).await?;
            Ok(found.record.ok_or(RuleError::NotFound)?)
        };
        match record.await {
            Ok(record) => {
                self.audit.write(&entry).await?;
                Ok(Info { name: name.into(), record })
            }
            Err(error) => self.refuse(entry, error).await,
        }
    }

    /// The value of a version, or of the active one for 0.
    ///
    /// # Errors
    ///
    /// [`VaultError::Denied`], [`RuleError::NotFound`], [`VaultError::Store`], [`VaultError::Open`],
    /// [`VaultError::Unwritten`].
    pub async fn get(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
    ) -> Result<Value, VaultError> {
        let entry = self.decide(caller, Action::Get, name, version).await?;
        let found = match Version::new(version) {
            Some(version) => self.value(name, version).await,
            None => self.value_of(name, |record| Some(record.active())).await,
        };
        match found.and_then(|found| Ok(found.ok_or(RuleError::NotFound)?)) {
            Ok(value) => self.hand_out(entry, value).await,
            Err(error) => self.refuse(entry, error).await,
        }
    }

    /// The active version's value. `None` when the active version is the one `known`, which need not exist; that
    /// leaves no line. For 0 always a value.
    ///
    /// # Errors
    ///
    /// [`VaultError::Denied`], [`RuleError::NotFound`], [`VaultError::Store`], [`VaultError::Open`],
    /// [`VaultError::Unwritten`].
    pub async fn get_if_changed(
        &self,
        caller: &Caller,
        name: &str,
        known: u32,
    ) -> Result<Option<Value>, VaultError> {
        let Some(known) = Version::new(known) else {
            return self.get(caller, name, 0).await.map(Some);
        };
        let entry = self.decide(caller, Action::Get, name, 0).await?;
        match self.value_of(name, |record| record.active_unless(known)).await {
            Ok(Some(value)) => self.hand_out(entry, value).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => self.refuse(entry, error).await,
        }
    }

    /// Answers with a value when its line is durable.
    async fn hand_out(&self, entry: Entry<'_>, value: Value) -> Result<Value, VaultError> {
        self.audit.write(&entry.serving(value.version)).await?;
        Ok(value)
    }

    /// The value of the version that `choose` finds in the record. `None` when it finds none.
    async fn value_of(
        &self,
        name: &str,
        choose: impl Fn(&Record) -> Option<Version>,
    ) -> Result<Option<Value>, VaultError> {
        for _ in 0..TRIES {
            let record = self.store.record(name).await?.record.ok_or(RuleError::NotFound)?;
            let Some(version) = choose(&record) else { return Ok(None) };
            if let Some(value) = self.value(name, version).await? {
                return Ok(Some(value));
            }
            // It was active, and by now is deleted, so that another one is active.
        }
        Err(VaultError::Contended)
    }
}
