//! What a caller can set. Everything else comes from where all AWS programs have it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secretary_secret::Secret;

/// How AWS KMS is asked.
#[derive(Debug)]
pub struct Settings {
    /// The key that makes data keys; and when data keys are unwrapped, the one that has to have made
    /// them. If it is an ARN, its region is asked.
    pub key: Option<KeyId>,
    /// The region to ask. Without it the profile's is asked.
    pub region: Option<String>,
    /// The region to ask when the profile has none. Without it the instance's own region is asked.
    pub last_region: Option<String>,
    /// The URL to ask, `http://` or `https://`. An empty one is AWS's own, whatever the environment says;
    /// without one the environment or the profile may name one.
    pub endpoint: Option<String>,
    /// What data keys are bound to.
    pub context: Context,
    /// Time for everything together, connecting included.
    pub timeout: Duration,
    /// The profile to use when the environment names none.
    pub profile: Option<String>,
    /// Credentials to use in the place of the standard chain.
    pub access_key: Option<AccessKey>,
    /// Certificates to trust, PEM, in the place of the system's.
    pub ca_bundle: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            key: None,
            region: None,
            last_region: None,
            endpoint: None,
            context: Context::default(),
            timeout: Self::TIMEOUT,
            profile: None,
            access_key: None,
            ca_bundle: None,
        }
    }
}

impl Settings {
    /// The usual time for everything together.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}

/// An access key that the caller has.
#[derive(Debug)]
pub struct AccessKey {
    /// The id, which is no secret.
    pub id: String,
    /// The secret half.
    pub secret: Secret,
    /// The session token of temporary credentials.
    pub session_token: Option<Secret>,
}

/// A KMS key by id, ARN, or alias.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyId(String);

/// Text that can't be the id of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a key id, key ARN or alias/NAME")]
pub struct NoKeyId;

impl KeyId {
    /// Takes `KEY-ID`, `arn:aws:kms:REGION:ACCOUNT:key/KEY-ID`, `alias/NAME` or the ARN of an alias.
    ///
    /// # Errors
    ///
    /// When it is longer than the 2048 characters AWS KMS takes, empty, or has characters that no key
    /// id has. A path, a sentence or a token is told from a key id so, before it is sent anywhere, and
    /// most secret access keys are, because a bare id has no `/`.
    pub fn parse(text: &str) -> Result<Self, NoKeyId> {
        let has_a_name = text.starts_with("alias/") || text.starts_with("arn:");
        let marks: &[u8] = if has_a_name { b"-_/:" } else { b"-" };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
        match (1..=2048).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(Self(text.to_string())),
            false => Err(NoKeyId),
        }
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region in it, if it is an ARN.
    pub fn region(&self) -> Option<&str> {
        let mut parts = self.0.split(':');
        let is_arn = parts.next() == Some("arn") && parts.next().is_some();
        let is_kms = is_arn && parts.next() == Some("kms");
        parts.next().filter(|region| is_kms && !region.is_empty())
    }
}

/// The encryption context: pairs that a data key is bound to and that have to be the same when it is
/// unwrapped. It is no secret; AWS writes it into its logs.
/// <https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, String>);

/// Text that is no part of an encryption context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoContext {
    /// There is no `=`, or nothing before it.
    #[error("it is not of the form KEY=VALUE")]
    NoPair,
    /// A key is there already.
    #[error("it has a key twice")]
    Twice,
}

impl Context {
    /// Adds `KEY=VALUE`. The first `=` ends the key; the value may be empty.
    ///
    /// # Errors
    ///
    /// When it is no pair, or the key is there already.
    pub fn add(&mut self, pair: &str) -> Result<(), NoContext> {
        let (key, value) = pair.split_once('=').ok_or(NoContext::NoPair)?;
        if key.is_empty() {
            return Err(NoContext::NoPair);
        }
        match self.0.insert(key.to_string(), value.to_string()) {
            None => Ok(()),
            Some(_) => Err(NoContext::Twice),
        }
    }

    /// The pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_read_from_arns_alone() {
        let region = |text| KeyId::parse(text).expect("a key id").region().map(str::to_string);
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(region(arn).as_deref(), Some("eu-west-1"));
        let alias = "arn:aws-cn:kms:cn-north-1:111122223333:alias/app";
        assert_eq!(region(alias).as_deref(), Some("cn-north-1"));
        for other in ["alias/eu-west-1", "mrk-1234", "arn:aws:kms", "arn:aws:s3:eu-west-1:x"] {
            assert_eq!(region(other), None, "{other}");
        }
    }

    #[test]
    fn what_no_key_is_called_is_refused() {
        for text in ["", "a key", "alias/ä", "ENC[NACL,AAAA]", "./keys/master.pem", "a\nb", "a/b"]
        {
            assert_eq!(KeyId::parse(text), Err(NoKeyId), "{text}");
        }
        assert!(KeyId::parse(&"k".repeat(2048)).is_ok());
        assert!(KeyId::parse(&"k".repeat(2049)).is_err());
    }

    #[test]
    fn a_context_has_each_key_once() {
        let mut context = Context::default();
        assert_eq!(context.add("app=web=1,x"), Ok(()));
        assert_eq!(context.add("empty="), Ok(()));
        assert_eq!(context.add("app=other"), Err(NoContext::Twice));
        for text in ["", "app", "=value"] {
            assert_eq!(context.add(text), Err(NoContext::NoPair), "{text}");
        }
        assert!(Context::default().is_empty());
    }
}
