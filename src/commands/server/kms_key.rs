//! A key of AWS KMS as the key-encryption key.
//!
//! A wrapped data key is bound to its store by the encryption context, `secretary-store` beside the pairs of
//! `--kms-context`, so AWS's own log tells which store asked.
//!
//! Each time everything is looked up anew, credentials above all: this is asked for at a start alone, and what was not
//! there at the first try is what is waited for. AWS saying no to *who* asks is waited out as well. A policy is often
//! there minutes after the machine, and a process that ends instead of waiting would be started again a few times and then
//! left alone by most of what starts processes, while a sealed one is seen at `/healthz`. AWS saying no to the *key* or to
//! *what it wrapped* is not waited out: nobody will come and make it another one.

use std::sync::{Mutex, PoisonError};

use secretary_aws_kms::{Cause, Error, Kms, Settings};
use secretary_secret::Secret;
use secretary_setec_server::seal::{KeyEncryption, KeyEncryptionError, StoreId};

use crate::cli::KmsFlags;
use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::kms::{KeyService, Operation, Refusal, refusal};

/// The name of the pair that binds to a store.
const STORE: &str = "secretary-store";

/// What the AWS SDK panics at, which it does instead of saying so.
const PANICKED: &str = "the AWS SDK does not get over a setting that it has found";

/// A key of AWS KMS, as far as flags and variables say which, and how to ask for it.
pub(super) struct KmsKey {
    key: String,
    flags: KmsFlags,
    environ: Environ,
    /// The code and the hint of its last no.
    refused: Mutex<Option<(Code, String)>>,
}

impl KmsKey {
    /// Keeps what was set. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// When the key, a context or another setting is none.
    pub(super) fn new(key: &str, flags: &KmsFlags, environ: &Environ) -> Result<Self, Failure> {
        let (flags, environ) = (flags.clone(), environ.clone());
        let this = Self { key: key.to_string(), flags, environ, refused: Mutex::default() };
        if this.settings()?.context.iter().any(|(name, _)| name == STORE) {
            let message = format!("--kms-context can't be used: {STORE} is the server's own");
            return Err(Failure::new(Code::Usage, message));
        }
        Ok(this)
    }

    /// `failure`, with the code and the hint of what AWS KMS has said no with, if it has.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        match &*self.refused.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((code, hint)) => failure.with_code(*code).hint(hint),
            None => failure,
        }
    }

    fn settings(&self) -> Result<Settings, Failure> {
        let Self { key, flags, environ, .. } = self;
        KeyService::new(Some(key), flags, environ, environ).settings_to_wrap()
    }

    async fn connect(&self) -> Result<Kms, KeyEncryptionError> {
        let settings = self.settings();
        let settings = settings
            .map_err(|failure| KeyEncryptionError::Denied(failure.message().to_string()))?;
        match tokio::spawn(Kms::connect(settings)).await {
            Ok(connected) => {
                connected.map_err(|cause| self.said(&cause.into(), Operation::Decrypt))
            }
            Err(_) => Err(KeyEncryptionError::Denied(PANICKED.to_string())),
        }
    }

    fn said(&self, error: &Error, operation: Operation) -> KeyEncryptionError {
        let Refusal { sentence, code, hint } = refusal(error, operation, true);
        let (sentence, hint) = match of_ciphertext(&error.cause) {
            Some((sentence, hint)) => (sentence.to_string(), hint.to_string()),
            None => (sentence, hint),
        };
        match outlook(&error.cause) {
            Outlook::Passes => KeyEncryptionError::Unreachable(sentence),
            Outlook::WaitsForSomebody => {
                KeyEncryptionError::Unreachable(format!("{sentence}; {hint}"))
            }
            Outlook::Lasts => {
                let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
                *refused = Some((code, hint));
                KeyEncryptionError::Denied(sentence)
            }
        }
    }
}

impl KeyEncryption for KmsKey {
    fn kind(&self) -> &'static str {
        "AWS KMS"
    }

    async fn wrap(&self, store: &StoreId, key: &Secret) -> Result<Vec<u8>, KeyEncryptionError> {
        let kms = self.connect().await?;
        let wrapped = kms.wrap(key, (STORE, &name_of(store))).await;
        wrapped.map_err(|error| self.said(&error, Operation::Encrypt))
    }

    async fn unwrap(&self, store: &StoreId, wrapped: &[u8]) -> Result<Secret, KeyEncryptionError> {
        let kms = self.connect().await?;
        let key = kms.unwrap(wrapped, (STORE, &name_of(store))).await;
        key.map_err(|error| self.said(&error, Operation::Decrypt))
    }
}

fn name_of(store: &StoreId) -> String {
    store.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is said of a data key that AWS KMS does not unwrap, and what to do.
fn of_ciphertext(cause: &Cause) -> Option<(&'static str, &'static str)> {
    match cause {
        Cause::IncorrectKey => Some((
            "another key of AWS KMS has wrapped the store's data key than the one that --kms-key-id names",
            "give the key that the store was made with; an alias may name another one by now",
        )),
        Cause::InvalidCiphertext => Some((
            "AWS KMS does not accept the store's wrapped data key",
            "--kms-context has to be as it was when the store was made; if it is, the store was changed",
        )),
        _ => None,
    }
}

/// Whether it may be otherwise later, and who makes it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outlook {
    /// It passes by itself: the network, AWS, what is between.
    Passes,
    /// Somebody can make it otherwise while this process runs: whoever owns the network, the credentials or the policy.
    /// Or it is there in a moment, as what an instance has for whoever asks, and the time.
    WaitsForSomebody,
    /// It is how this process was started, or what the key is.
    Lasts,
}

fn outlook(cause: &Cause) -> Outlook {
    match cause {
        Cause::Throttled
        | Cause::ServerFault(_)
        | Cause::Broken(_)
        | Cause::NotAsked(_)
        | Cause::Late { .. } => Outlook::Passes,
        Cause::Unreachable(_)
        | Cause::Unreadable(_)
        | Cause::NoRegion
        | Cause::NoCredentials
        | Cause::Credentials(_)
        | Cause::NoSource
        | Cause::LateSource(_)
        | Cause::Expired
        | Cause::UnknownAccessKey
        | Cause::AccessDenied
        | Cause::ClockSkew(_) => Outlook::WaitsForSomebody,
        _ => Outlook::Lasts,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use secretary_test_kms::Server;

    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234";

    fn environ(url: &str) -> Environ {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_KMS", url),
        ];
        let variables =
            variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Environ::first_of_each(variables.to_vec())
    }

    fn key(url: &str, name: &str, pairs: &[&str]) -> Result<KmsKey, Failure> {
        let kms_context = pairs.iter().map(ToString::to_string).collect();
        let flags = KmsFlags { kms_context, kms_timeout: Some(Duration::from_secs(2)) };
        KmsKey::new(name, &flags, &environ(url))
    }

    fn of(url: &str) -> KmsKey {
        key(url, KEY, &["app=web"]).unwrap()
    }

    fn wait<T>(work: impl Future<Output = T>) -> T {
        crate::runtime::wait_for(work).unwrap()
    }

    fn store(byte: u8) -> StoreId {
        StoreId::from([byte; 16])
    }

    #[test]
    fn a_key_unwraps_what_it_wrapped_for_the_same_store_and_context_alone() {
        let server = Server::start();
        let data_key = Secret::from(vec![7; 32]);
        let wrapped = wait(of(&server.url()).wrap(&store(0xab), &data_key)).unwrap();
        let body = server.requests().last.unwrap().body;
        assert!(body.contains(&format!("\"secretary-store\":\"{}\"", "ab".repeat(16))), "{body}");
        assert!(body.contains("\"app\":\"web\""), "{body}");
        assert_eq!(wait(of(&server.url()).unwrap(&store(0xab), &wrapped)).unwrap(), data_key);

        let changed = KeyEncryptionError::Denied(
            "AWS KMS does not accept the store's wrapped data key".into(),
        );
        assert_eq!(wait(of(&server.url()).unwrap(&store(0xac), &wrapped)), Err(changed.clone()));
        let without = key(&server.url(), KEY, &[]).unwrap();
        assert_eq!(wait(without.unwrap(&store(0xab), &wrapped)), Err(changed));
        let other = key(&server.url(), &KEY.replace("1234", "5678"), &["app=web"]).unwrap();
        let error = wait(other.unwrap(&store(0xab), &wrapped)).unwrap_err();
        assert!(error.to_string().starts_with("another key of AWS KMS has wrapped"), "{error}");
    }

    #[test]
    fn what_may_pass_is_told_from_what_lasts() {
        let server = Server::start();
        let wrapped = wait(of(&server.url()).wrap(&store(1), &vec![7; 32].into())).unwrap();
        for (path, passes, part) in [
            ("throttle", true, "AWS KMS is throttling requests"),
            ("fault", true, "AWS KMS failed with HTTP status 50"),
            ("hang", true, "gave up after 2 s"),
            ("close", true, "the connection to AWS KMS broke"),
            ("html-500", true, "HTTP status 500"),
            ("garbage", true, "the answer is not one of AWS KMS"),
            ("expired", true, "the AWS credentials have expired"),
            ("unrecognized", true, "AWS does not know the access key"),
            ("skew", true, "clock"),
            ("denied", true, "AWS denies access to the key (arn:aws:kms:"),
            ("disabled", false, "the key is disabled"),
            ("unknown", false, "there is no such key"),
            ("pending-deletion", false, "the key is in a state in which"),
            ("bad-signature", false, "AWS does not accept the signature"),
            ("invalid-ciphertext", false, "does not accept the store's wrapped data key"),
            ("incorrect-key", false, "another key of AWS KMS has wrapped"),
            ("data-key-31", false, "the data key has 31 bytes instead of 32"),
        ] {
            let kms = of(&format!("{}/{path}", server.url()));
            let error = wait(kms.unwrap(&store(1), &wrapped)).unwrap_err();
            let (is_passing, sentence) = match &error {
                KeyEncryptionError::Unreachable(sentence) => (true, sentence),
                KeyEncryptionError::Denied(sentence) => (false, sentence),
                other => panic!("{path}: {other}"),
            };
            assert_eq!(is_passing, passes, "{path}: {sentence}");
            assert!(sentence.contains(part), "{path}: {sentence}");
        }
        let nobody = of("http://127.0.0.1:1");
        let error = wait(nobody.unwrap(&store(1), &wrapped)).unwrap_err().to_string();
        assert!(error.starts_with("AWS KMS can't be reached: connection refused; "), "{error}");
    }

    #[test]
    fn a_denial_of_each_operation_says_what_to_allow() {
        let server = Server::start();
        let url = format!("{}/denied", server.url());
        let wrapped = wait(of(&server.url()).wrap(&store(1), &vec![7; 32].into())).unwrap();
        let unwrapping = wait(of(&url).unwrap(&store(1), &wrapped)).unwrap_err().to_string();
        assert!(unwrapping.contains("; allow kms:Decrypt on the key"), "{unwrapping}");
        let wrapping = wait(of(&url).wrap(&store(1), &vec![7; 32].into())).unwrap_err().to_string();
        assert!(wrapping.contains("; allow kms:Encrypt on the key"), "{wrapping}");
    }

    #[test]
    fn settings_that_are_none_are_refused_before_anything_is_asked() {
        let server = Server::start();
        for (name, pairs) in [
            ("a key", &[][..]),
            (KEY, &["app"]),
            (KEY, &["a=1", "a=2"]),
            (KEY, &["secretary-store=00"]),
        ] {
            assert!(key(&server.url(), name, pairs).is_err(), "{name} {pairs:?}");
        }
        assert!(key("kms.example", KEY, &[]).is_err());
        assert_eq!(server.requests().total, 0);
    }
}
