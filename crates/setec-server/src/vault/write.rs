//! Operations that change something.

use secretary_secret::Secret;
use secretary_setec_api::Action;
use secretary_setec_api::name::{self, NameError};

use super::{NewNames, TRIES, Vault, VaultError};
use crate::audit::Entry;
use crate::caller::Caller;
use crate::record::{self, Change, Record};
use crate::seal::Sealed;
use crate::store::{Found, Outcome, Store};
use crate::version::Version;

/// A write, as it is asked for.
enum Write<'a> {
    Put(&'a Secret),
    CreateVersion(Version, &'a Secret),
    Activate(u32),
    DeleteVersion(u32),
    Delete,
}

/// What a write is to do.
enum Plan {
    /// To change the secret. With a new version the caller is told its number.
    Change(Change, Option<Version>),
    /// Nothing, because it is so already. The caller is told the number.
    Nothing(Option<Version>),
}

impl<S: Store> Vault<S> {
    /// Stores a value as the next version, and answers its number; or the latest version's number, if that has the same
    /// value. The first version of a secret is active, the others are not.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::Exhausted`](record::RuleError::Exhausted).
    pub async fn put(
        &self,
        caller: &Caller,
        name: &str,
        value: &Secret,
    ) -> Result<Version, VaultError> {
        nameable(name)?;
        let entry = self.decide(caller, Action::Put, name, 0).await?;
        let made = self.write(entry, name, &Write::Put(value)).await?;
        Ok(made.expect("each plan of a put has a version"))
    }

    /// Stores a value under a number of the caller's choice, and activates it.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::Claimed`](record::RuleError::Claimed).
    pub async fn create_version(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
        value: &Secret,
    ) -> Result<(), VaultError> {
        nameable(name)?;
        let wanted = Version::new(version).ok_or(VaultError::InvalidVersion)?;
        let entry = self.decide(caller, Action::CreateVersion, name, version).await?;
        self.write(entry, name, &Write::CreateVersion(wanted, value)).await.map(drop)
    }

    /// Makes a version the active one.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::NotFound`](record::RuleError::NotFound).
    pub async fn activate(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
    ) -> Result<(), VaultError> {
        nameable(name)?;
        let entry = self.decide(caller, Action::Activate, name, version).await?;
        self.write(entry, name, &Write::Activate(version)).await.map(drop)
    }

    /// Deletes a version that is not active. Its number is not used again as long as the secret is there.
    ///
    /// # Errors
    ///
    /// [`VaultError`], of the rules [`RuleError::NotFound`](record::RuleError::NotFound) and
    /// [`RuleError::IsActive`](record::RuleError::IsActive).
    pub async fn delete_version(
        &self,
        caller: &Caller,
        name: &str,
        version: u32,
    ) -> Result<(), VaultError> {
        let entry = self.decide(caller, Action::Delete, name, version).await?;
        self.write(entry, name, &Write::DeleteVersion(version)).await.map(drop)
    }

    /// Deletes a secret, its numbers included. Deleting what is not there is no error.
    ///
    /// # Errors
    ///
    /// [`VaultError`].
    pub async fn delete(&self, caller: &Caller, name: &str) -> Result<(), VaultError> {
        let entry = self.decide(caller, Action::Delete, name, 0).await?;
        self.write(entry, name, &Write::Delete).await.map(drop)
    }

    /// Computes what to do, writes that down and does it, until the record is still the same when the change is
    /// committed.
    async fn write(
        &self,
        entry: Entry<'_>,
        name: &str,
        write: &Write<'_>,
    ) -> Result<Option<Version>, VaultError> {
        if name::is_reserved(name) {
            return self.refuse(entry, VaultError::ReservedName).await;
        }
        let _turn = self.turn(name).await;
        for _ in 0..TRIES {
            let Found { record, revision } = match self.store.record(name).await {
                Ok(found) => found,
                Err(error) => return self.refuse(entry, error.into()).await,
            };
            let plan = match self.plan(write, name, record.as_ref()).await {
                Ok(plan) => plan,
                Err(error) => return self.refuse(entry, error).await,
            };
            // A list of numbers with a second owner would be copied to be changed.
            drop(record);
            let entry = plan.version().map_or(entry.clone(), |made| entry.clone().serving(made));
            let (change, made) = match plan {
                Plan::Nothing(version) => {
                    self.audit.write(&entry).await?;
                    return Ok(version);
                }
                Plan::Change(change, made) => (change, made),
            };
            let note = self.audit.write_ahead(&entry).await?;
            match self.store.commit(name, change, revision, Some(note)).await {
                Ok(Outcome::Committed) => return Ok(made),
                // Another process was faster, and what this one has written down did not come about.
                Ok(Outcome::Conflict) => self.audit.write_failed(&entry.with("conflict")).await,
                Err(error) => {
                    self.audit.write_failed(&entry.with("error")).await;
                    return Err(error.into());
                }
            }
        }
        Err(VaultError::Contended)
    }

    /// What the rules make of a write.
    async fn plan(
        &self,
        write: &Write<'_>,
        name: &str,
        record: Option<&Record>,
    ) -> Result<Plan, VaultError> {
        let number = |version| Version::new(version).ok_or(VaultError::ZeroVersion);
        let (addition, value) = match *write {
            Write::Put(value) => {
                if let Some(latest) = self.latest_if_equal(name, record, value).await? {
                    return Ok(Plan::Nothing(Some(latest)));
                }
                (record::put(record)?, value)
            }
            Write::CreateVersion(version, value) => {
                (record::create_version(record, version)?, value)
            }
            Write::Activate(version) => {
                return Ok(Plan::of(record::activate(record, number(version)?)?));
            }
            Write::DeleteVersion(version) => {
                return Ok(Plan::of(Some(record::delete_version(record, number(version)?)?)));
            }
            Write::Delete => return Ok(Plan::of(record::delete(record))),
        };
        self.check_new(name, record)?;
        let sealed = self.seal(name, addition.version(), value)?;
        Ok(Plan::Change(addition.with(sealed), Some(addition.version())))
    }

    /// The latest version, if its value is there and is `value`.
    async fn latest_if_equal(
        &self,
        name: &str,
        record: Option<&Record>,
        value: &Secret,
    ) -> Result<Option<Version>, VaultError> {
        let Some(latest) = record.and_then(Record::comparable) else { return Ok(None) };
        let stored = self.value(name, latest).await?;
        Ok(stored.filter(|stored| stored.secret == *value).map(|_| latest))
    }

    pub(super) fn seal(
        &self,
        name: &str,
        version: Version,
        value: &Secret,
    ) -> Result<Sealed, VaultError> {
        self.keys.seal(name, version, value).map_err(|_| VaultError::Random)
    }

    /// Whether a secret that there is not yet may have this name.
    fn check_new(&self, name: &str, record: Option<&Record>) -> Result<(), NameError> {
        match (self.new_names, record) {
            (NewNames::Printable, None) => name::check_new(name),
            (NewNames::Any, _) | (_, Some(_)) => Ok(()),
        }
    }
}

impl Plan {
    /// A change that makes no version.
    fn of(change: Option<Change>) -> Self {
        change.map_or(Self::Nothing(None), |change| Self::Change(change, None))
    }

    /// The version that the caller is told.
    fn version(&self) -> Option<Version> {
        match self {
            Self::Change(_, version) | Self::Nothing(version) => *version,
        }
    }
}

/// Whether there is a name at all. It is asked before anybody decides.
fn nameable(name: &str) -> Result<(), VaultError> {
    if name.is_empty() { Err(VaultError::EmptyName) } else { Ok(()) }
}
