//! What the AWS SDK and this crate log at the finest level: no data key, no plaintext, no secret half of
//! an access key, no session token.
//!
//! The program itself installs no log; another one that uses this crate may.

// Clippy knows a test by its attribute, and what a test calls has none.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_kms::config::{BehaviorVersion, Region};
use aws_sdk_kms::primitives::Blob;
use secretary_aws_kms::{AccessKey, Context, KeyId, Kms, Settings};
use secretary_envelope::WrappedKey;
use secretary_test_kms::Server;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

const PLAINTEXT: &str = "c4n4ry-plaintext";

/// Secret halves and session tokens: ours, and those that the server gives out as each source.
///
/// What `aws sso login` leaves behind is not among them: the SDK logs all headers of a request at the
/// finest level, but those that are marked as secret, and does not mark `x-amz-sso_bearer_token`.
const CREDENTIALS: [&str; 9] = [
    "c4n4ry-secret-access-key",
    "c4n4ry-session-token",
    "test-secret-access-key",
    "imds-session-token",
    "ecs-session-token",
    "web-session-token",
    "sso-session-token",
    "c4n4ry-web-identity",
    "ecs-token",
];

/// A data key that its owner made and has wrapped, and what it is bound to.
const OWN_KEY: [u8; 32] = *b"0wn-c4n4ry-data-key-of-32-bytes!";
const PLACE: (&str, &str) = ("store", "1");

/// Everything that is logged while it lives.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn add(&self, text: &str) {
        self.0.lock().unwrap().extend_from_slice(text.as_bytes());
    }

    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }

    /// Logs what this thread does until the guard is dropped.
    fn begin(&self) -> impl Sized + use<> {
        let log = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish()
            .set_default()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_shows_a_secret() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    set("HOME", home.path().to_str().unwrap());
    set("AWS_EC2_METADATA_DISABLED", "true");
    let (wrapped, text) = made_and_unwrapped(&server).await;
    let mut secrets = spellings(&data_key(&server, &wrapped).await);
    secrets.extend(spellings(&OWN_KEY));
    for part in ["TrentService", "GenerateDataKey", "Encrypt", "Decrypt", "eu-west-1", "app"] {
        assert!(text.contains(part), "the log is not that of the SDK: no {part}");
    }
    assert_silent("a run that succeeds", &text, &secrets);

    for path in FAILURES {
        let url = format!("{}/{path}", server.url());
        let text = refused(&url, &wrapped).await;
        assert_silent(path, &text, &secrets);
    }
    for source in SOURCES {
        source(&server, home.path());
        let (name, text) = with_credentials_of_the_chain(&server, &wrapped).await;
        assert!(text.contains("TrentService"), "{name}");
        assert_silent(&name, &text, &secrets);
        SET.iter().for_each(|name| unset(name));
    }

    // The SDK's own switch for whoever debugs it, which shows that such a log would be found.
    set("LOG_SENSITIVE_BODIES", "true");
    let (wrapped, text) = made_and_unwrapped(&server).await;
    let secrets = spellings(&data_key(&server, &wrapped).await);
    assert!(!lines_with_a_secret(&text, &secrets).is_empty(), "the search finds a logged data key");
    let own = lines_with_a_secret(&text, &spellings(&OWN_KEY));
    assert!(!own.is_empty(), "and one that its owner made");
}

/// Makes a data key, seals with it and unwraps it: the wrapped key, and what was logged.
async fn made_and_unwrapped(server: &Server) -> (WrappedKey, String) {
    set("AWS_ENDPOINT_URL_KMS", &server.url());
    let log = Log::default();
    let guard = log.begin();
    let kms = Kms::connect(settings(Some(access_key()), 5)).await.unwrap();
    let (key, wrapped) = kms.generate(1).await.unwrap().pop().unwrap();
    let token = key.seal(&wrapped, &PLAINTEXT.as_bytes().into()).unwrap();
    let unwrapped = kms.unwrap_all(std::slice::from_ref(&wrapped)).await;
    assert!(unwrapped[0].is_ok());
    let own = kms.wrap(&OWN_KEY.as_slice().into(), PLACE).await.unwrap();
    let own = kms.unwrap(&own, PLACE).await.unwrap();
    assert_eq!(own.expose(), OWN_KEY);
    drop(guard);
    log.add(&format!("{kms:?} {key:?} {token} {unwrapped:?} {own:?}"));
    (wrapped, log.take())
}

/// What is logged when no data key comes from `url`, and the errors.
async fn refused(url: &str, wrapped: &WrappedKey) -> String {
    set("AWS_ENDPOINT_URL_KMS", url);
    let log = Log::default();
    let guard = log.begin();
    let kms = Kms::connect(settings(Some(access_key()), 1)).await.unwrap();
    let made = kms.generate(1).await;
    let unwrapped = kms.unwrap_all(std::slice::from_ref(wrapped)).await;
    let own = kms.wrap(&OWN_KEY.as_slice().into(), PLACE).await;
    drop(guard);
    let error = unwrapped[0].as_ref().expect_err(url);
    log.add(&format!("{made:?} {unwrapped:?} {error} {own:?}"));
    log.take()
}

/// Where the credentials came from, and what was logged.
async fn with_credentials_of_the_chain(server: &Server, wrapped: &WrappedKey) -> (String, String) {
    set("AWS_ENDPOINT_URL_KMS", &server.url());
    let log = Log::default();
    let guard = log.begin();
    let kms = Kms::connect(settings(None, 5)).await.unwrap();
    let unwrapped = kms.unwrap_all(std::slice::from_ref(wrapped)).await;
    assert!(unwrapped[0].is_ok(), "{unwrapped:?}");
    drop(guard);
    log.add(&format!("{kms:?}"));
    (kms.credentials().to_string(), log.take())
}

/// Paths of the server by which it does not answer a data key that can be used.
const FAILURES: [&str; 13] = [
    "denied",
    "expired",
    "bad-signature",
    "invalid-ciphertext",
    "throttle",
    "fault",
    "truncate",
    "close",
    "hang",
    "garbage",
    "html-500",
    "no-plaintext",
    "data-key-31",
];

/// Sets credentials up in one of the places where they can be.
type Source = fn(&Server, &Path);

const SOURCES: [Source; 7] =
    [environment, profile, process, sso, web_identity, container, instance];

/// The variables that the sources set.
const SET: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
];

fn environment(_: &Server, _: &Path) {
    set("AWS_ACCESS_KEY_ID", "AKIDENVEXAMPLEAAAAAA");
    set("AWS_SECRET_ACCESS_KEY", CREDENTIALS[0]);
    set("AWS_SESSION_TOKEN", CREDENTIALS[1]);
}

fn profile(_: &Server, home: &Path) {
    let [secret, token, ..] = CREDENTIALS;
    let file = write(
        home,
        "credentials",
        &format!(
            "[default]\naws_access_key_id = AKIDPROFILEEXAMPLEAA\naws_secret_access_key = {secret}\naws_session_token = {token}\n"
        ),
    );
    set("AWS_SHARED_CREDENTIALS_FILE", &file);
}

fn process(_: &Server, home: &Path) {
    let [secret, token, ..] = CREDENTIALS;
    let answer = format!(
        r#"{{"Version": 1, "AccessKeyId": "AKIDPROCESSEXAMPLEAA", "SecretAccessKey": "{secret}", "SessionToken": "{token}"}}"#
    );
    let answer = write(home, "answer.json", &answer);
    let text = format!("[default]\ncredential_process = cat {answer}\n");
    set("AWS_SHARED_CREDENTIALS_FILE", &write(home, "credentials", &text));
}

/// What `aws sso login` leaves behind, under the SHA-1 of its start URL.
fn sso(server: &Server, home: &Path) {
    let start = "https://example.awsapps.com/start";
    let token = format!(
        r#"{{"startUrl": "{start}", "region": "eu-west-1", "accessToken": "t", "expiresAt": "2099-01-01T00:00:00Z"}}"#
    );
    std::fs::create_dir_all(home.join(".aws/sso/cache")).unwrap();
    write(home, ".aws/sso/cache/e8be5486177c5b5392bd9aa76563515b29358e6e.json", &token);
    let text = format!(
        "[default]\nsso_start_url = {start}\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = app\n"
    );
    set("AWS_CONFIG_FILE", &write(home, "config", &text));
    set("AWS_ENDPOINT_URL_SSO", &format!("{}/sso", server.url()));
}

fn web_identity(server: &Server, home: &Path) {
    set("AWS_WEB_IDENTITY_TOKEN_FILE", &write(home, "token", "c4n4ry-web-identity"));
    set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/app");
    set("AWS_ENDPOINT_URL_STS", &format!("{}/sts", server.url()));
}

fn container(server: &Server, _: &Path) {
    set("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/ecs-credentials", server.url()));
    set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ecs-token");
}

fn instance(server: &Server, _: &Path) {
    set("AWS_EC2_METADATA_DISABLED", "false");
    set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url());
}

fn write(home: &Path, name: &str, text: &str) -> String {
    let path = home.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

#[allow(unsafe_code)]
fn set(name: &str, value: &str) {
    // SAFETY: this program has one test, which does this before it starts anything that reads
    // variables; the server's threads read none.
    unsafe { std::env::set_var(name, value) }
}

#[allow(unsafe_code)]
fn unset(name: &str) {
    // SAFETY: as above.
    unsafe { std::env::remove_var(name) }
}

fn settings(access_key: Option<AccessKey>, seconds: u64) -> Settings {
    let mut context = Context::default();
    context.add("app=web").unwrap();
    let key = KeyId::parse("arn:aws:kms:eu-west-1:111122223333:key/1234").unwrap();
    let timeout = Duration::from_secs(seconds);
    Settings { key: Some(key), context, timeout, access_key, ..Settings::default() }
}

fn access_key() -> AccessKey {
    AccessKey {
        id: "AKIDEXAMPLE".to_string(),
        secret: CREDENTIALS[0].as_bytes().into(),
        session_token: Some(CREDENTIALS[1].as_bytes().into()),
    }
}

/// The data key itself, from another client, which nothing logs.
async fn data_key(server: &Server, wrapped: &WrappedKey) -> Vec<u8> {
    let key = Credentials::builder().access_key_id("AKIDOTHER").secret_access_key("x");
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .endpoint_url(server.url())
        .credentials_provider(key.provider_name("test").build())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let call = aws_sdk_kms::Client::from_conf(config)
        .decrypt()
        .ciphertext_blob(Blob::new(wrapped.as_bytes()))
        .encryption_context("app", "web");
    call.send().await.unwrap().plaintext.unwrap().into_inner()
}

/// The forms in which a log could have a data key, and enough of each to know it by.
fn spellings(key: &[u8]) -> Vec<String> {
    assert_eq!(key.len(), 32);
    let list = |key: &[u8]| format!("{key:?}").trim_matches(['[', ']']).to_string();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = aws_smithy_types::base64::encode(key);
    let escaped = key.escape_ascii().to_string();
    let parts = [&hex[..16], &hex[32..48], &base64[..12], &base64[20..32], &escaped];
    let mut all: Vec<_> = parts.into_iter().map(str::to_string).collect();
    all.extend([hex[..16].to_uppercase(), list(&key[..8]), list(&key[16..24])]);
    all
}

fn assert_silent(name: &str, text: &str, data_keys: &[String]) {
    let shown = lines_with_a_secret(text, data_keys);
    assert!(shown.is_empty(), "{name}: {shown:#?}");
}

fn lines_with_a_secret<'a>(text: &'a str, data_keys: &[String]) -> Vec<&'a str> {
    let data_keys = data_keys.iter().map(String::as_str);
    let secrets: Vec<_> = data_keys.chain(CREDENTIALS).chain([PLAINTEXT]).collect();
    text.lines().filter(|line| secrets.iter().any(|secret| line.contains(secret))).collect()
}
