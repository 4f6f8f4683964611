//! An operation as a vault does it.

use secretary_secret::Secret;
use secretary_setec_server::{RuleError, Store, Value, Vault, VaultError, Version};

use super::model::{Answer, Operation};
use super::{block_on, caller};

impl Operation {
    /// Has a vault do it.
    pub(crate) fn run<S: Store>(&self, vault: &Vault<S>, name: &str) -> Answer {
        self.try_run(vault, name).unwrap_or_else(|error| match error {
            VaultError::Rule(RuleError::NotFound) => Answer::NotFound,
            VaultError::Rule(RuleError::Claimed) => Answer::Claimed,
            VaultError::Rule(RuleError::IsActive) => Answer::IsActive,
            VaultError::Rule(RuleError::Exhausted) => Answer::Exhausted,
            VaultError::InvalidVersion => Answer::InvalidVersion,
            VaultError::ZeroVersion => Answer::ZeroVersion,
            other => panic!("{other}"),
        })
    }

    fn try_run<S: Store>(&self, vault: &Vault<S>, name: &str) -> Result<Answer, VaultError> {
        let (done, caller) = (|()| Answer::Done, caller());
        let secret = |bytes: &[u8]| Secret::from(bytes);
        match self {
            Self::Put(value) => {
                let version = block_on(vault.put(&caller, name, &secret(value)))?;
                Ok(Answer::Version(version.number()))
            }
            Self::Create(version, value) => {
                block_on(vault.create_version(&caller, name, *version, &secret(value))).map(done)
            }
            Self::Activate(version) => block_on(vault.activate(&caller, name, *version)).map(done),
            Self::DeleteVersion(version) => {
                block_on(vault.delete_version(&caller, name, *version)).map(done)
            }
            Self::Delete => block_on(vault.delete(&caller, name)).map(done),
            Self::Get(version) => block_on(vault.get(&caller, name, *version)).map(answer),
            Self::GetIfChanged(known) => {
                let value = block_on(vault.get_if_changed(&caller, name, *known))?;
                Ok(value.map_or(Answer::Unchanged, answer))
            }
            Self::Info => {
                let info = block_on(vault.info(&caller, name))?;
                let versions = info.versions().iter().map(Version::number).collect();
                Ok(Answer::Info(versions, info.active().number()))
            }
        }
    }
}

fn answer(value: Value) -> Answer {
    Answer::Value(value.secret.expose().to_vec(), value.version.number())
}
