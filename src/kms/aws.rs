//! AWS KMS itself: settings from flags and variables, and how it was asked.

use std::path::PathBuf;

use secretary_aws_kms::{AccessKey, Cause, Context, Error, KeyId, Kms, Settings};
use secretary_envelope::{DataKey, WrappedKey};

use super::advice::{Case, Operation, advice};
use super::{KEY_VARIABLE, KeyService, Refusal, Unwrapped, bad};
use crate::failure::{Code, Failure, shown};
use crate::keys::could_be_a_key;
use crate::runtime;

impl KeyService<'_> {
    /// Makes `count` data keys.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, or AWS KMS does not make them.
    pub fn generate(&self, count: usize) -> Result<Vec<(DataKey, WrappedKey)>, Failure> {
        let settings = self.settings_to_seal()?;
        runtime::wait_for(async {
            let kms = Kms::connect(settings).await.map_err(|cause| self.not_connected(&cause))?;
            let keys = kms.generate(count).await;
            keys.map_err(|error| {
                self.refusal(&error, Operation::GenerateDataKey).into_failure(self.asked(&kms))
            })
        })?
    }

    /// Unwraps `keys`: all of them, or as many as can be.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, or AWS KMS can't be asked at all.
    pub fn unwrap_all(&self, keys: &[WrappedKey]) -> Result<Unwrapped, Failure> {
        let settings = self.settings()?;
        runtime::wait_for(async {
            let kms = Kms::connect(settings).await.map_err(|cause| self.not_connected(&cause))?;
            let mut unwrapped = Unwrapped::default();
            for result in kms.unwrap_all(keys).await {
                let refusal =
                    result.as_ref().err().map(|error| self.refusal(error, Operation::Decrypt));
                unwrapped.refusals.push(refusal);
                unwrapped.keys.push(result.ok());
            }
            unwrapped.asked = self.asked(&kms);
            Ok(unwrapped)
        })?
    }

    /// Says so when what is set for sealing can't be used, before anybody is asked for a secret.
    ///
    /// # Errors
    ///
    /// When a key, a context or another setting is none.
    pub fn check(&self) -> Result<(), Failure> {
        self.settings_to_seal().map(drop)
    }

    /// Says so when what was typed can't be used, whether or not there will be a need of it.
    ///
    /// # Errors
    ///
    /// When a key or a context is none.
    pub fn check_flags(&self) -> Result<(), Failure> {
        let is_given = self.key.is_some() || !self.flags.kms_context.is_empty();
        if is_given { self.settings().map(drop) } else { Ok(()) }
    }

    fn settings_to_seal(&self) -> Result<Settings, Failure> {
        let key = self.key_to_seal()?.map(|(place, key)| key_id(place, key)).transpose()?;
        Ok(Settings { key, ..self.settings()? })
    }

    /// The settings that unwrap. A key in the flag has to be the one that wrapped; one in the variable is
    /// for sealing and, if it is an ARN, the last word on the region.
    fn settings(&self) -> Result<Settings, Failure> {
        let key = self.key.filter(|key| !key.is_empty());
        let key = key.map(|key| key_id("--kms-key-id", key)).transpose()?;
        let other =
            self.variable(KEY_VARIABLE).ok().flatten().and_then(|key| KeyId::parse(key).ok());
        let region = self.setting("AWS_REGION").or_else(|| self.setting("AWS_DEFAULT_REGION"));
        self.check_proxies()?;
        Ok(Settings {
            key,
            region: region.map(str::to_string),
            last_region: other.and_then(|key| key.region().map(str::to_string)),
            endpoint: self.endpoint()?,
            context: self.context()?,
            timeout: self.flags.kms_timeout.unwrap_or(Settings::TIMEOUT),
            access_key: self.access_key(),
            ca_bundle: self.setting("AWS_CA_BUNDLE").map(PathBuf::from),
        })
    }

    fn context(&self) -> Result<Context, Failure> {
        let mut context = Context::default();
        if !self.flags.kms_context.is_empty() {
            for pair in &self.flags.kms_context {
                let added = context.add(pair);
                added.map_err(|error| bad("--kms-context", &error).with_code(Code::Usage))?;
            }
            return Ok(context);
        }
        let text = self.variable("KMS_CONTEXT")?.unwrap_or_default().trim();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            context.add(pair.trim()).map_err(|error| bad("$KMS_CONTEXT", &error))?;
        }
        Ok(context)
    }

    /// The value of a variable for AWS that is set, text, and not empty.
    fn setting(&self, name: &str) -> Option<&str> {
        let value = self.process.get(name).and_then(|value| value.to_str());
        value.filter(|value| !value.is_empty())
    }

    /// The URL in a variable. Looked at here, because the SDK does not get over one that is none, and an
    /// empty variable is to be as good as none.
    fn endpoint(&self) -> Result<Option<String>, Failure> {
        let ignored = self.setting("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        if ignored.is_some_and(|ignored| ignored.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let names = ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"];
        for name in names {
            if let Some(url) = self.setting(name) {
                let is_url = ["http://", "https://"].iter().any(|start| url.starts_with(start));
                let refused = || bad(&format!("${name}"), &"it is no http:// or https:// URL");
                return if is_url { Ok(Some(url.to_string())) } else { Err(refused()) };
            }
        }
        let is_empty = |name| self.process.get(name).is_some_and(|value| value.is_empty());
        Ok(names.into_iter().any(is_empty).then(String::new))
    }

    /// The HTTP client passes over a proxy that it can't use, and would ask without one.
    fn check_proxies(&self) -> Result<(), Failure> {
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            let scheme = self.setting(name).and_then(|url| url.split_once("://"));
            if scheme.is_some_and(|(scheme, _)| !["http", "https"].contains(&scheme)) {
                return Err(bad(&format!("${name}"), &"the proxy is neither http:// nor https://"));
            }
        }
        Ok(())
    }

    /// The access key in variables: the usual ones, or those that the Go program took too.
    fn access_key(&self) -> Option<AccessKey> {
        let [id, secret] =
            [["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"], ["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"]]
                .map(|names| names.into_iter().find_map(|name| self.setting(name)));
        let token = self.setting("AWS_SESSION_TOKEN");
        Some(AccessKey {
            id: id?.to_string(),
            secret: secret?.as_bytes().into(),
            session_token: token.map(|token| token.as_bytes().into()),
        })
    }

    /// How it was asked, for who has to find out why it said no.
    fn asked(&self, kms: &Kms) -> Vec<String> {
        let mut asked = format!("asked: region {}", shown(kms.region()));
        if let Some(url) = kms.endpoint() {
            asked += &format!(" at {}", shown(url));
        }
        if let Some(proxy) = self.proxy() {
            asked += &format!(" (${proxy} is set)");
        }
        if let Some(key) = &kms.settings().key {
            asked += &format!(", key {}", shown(key.as_str()));
        }
        asked += &format!(", with credentials from {}", kms.credentials());
        if let Some(profile) = self.setting("AWS_PROFILE").filter(|_| kms.used_a_profile()) {
            asked += &format!(" ({})", shown(profile));
        }
        let context = &kms.settings().context;
        let context = (!context.is_empty()).then(|| {
            let pairs =
                context.iter().map(|(key, value)| format!("{}={}", shown(key), shown(value)));
            // It is no secret: AWS writes it into its own logs.
            format!("encryption context: {}", pairs.collect::<Vec<_>>().join(", "))
        });
        [asked].into_iter().chain(context).collect()
    }

    fn proxy(&self) -> Option<&'static str> {
        let names =
            ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
        names.into_iter().find(|name| self.setting(name).is_some())
    }

    fn not_connected(&self, cause: &Cause) -> Failure {
        let refusal = self.refusal(&cause.clone().into(), Operation::Decrypt);
        let failure = refusal.into_failure(Vec::new());
        let set: Vec<_> = SOURCES.into_iter().filter(|name| self.setting(name).is_some()).collect();
        match cause {
            Cause::NoCredentials
            | Cause::Credentials(_)
            | Cause::BadCredentials
            | Cause::NoSource
                if !set.is_empty() =>
            {
                failure.detail(format!("set for credentials: {}", set.join(", ")))
            }
            Cause::CaBundle(_) => {
                let path = self.setting("AWS_CA_BUNDLE").unwrap_or_default();
                failure.detail(format!("$AWS_CA_BUNDLE names the file {}", shown(path)))
            }
            _ => failure,
        }
    }

    fn refusal(&self, error: &Error, operation: Operation) -> Refusal {
        let has_context = self.context().is_ok_and(|context| !context.is_empty());
        let case = Case { operation, has_context, names_a_key: error.key.is_some() };
        let (code, hint) = advice(&error.cause, case);
        Refusal { sentence: error.to_string(), code, hint: hint.to_string() }
    }
}

impl Refusal {
    fn into_failure(self, asked: Vec<String>) -> Failure {
        let failure = Failure::new(self.code, self.sentence).hint(self.hint);
        asked.into_iter().fold(failure, |failure, line| failure.detail(line))
    }
}

/// The variables by which credentials are set up, by name.
const SOURCES: [&str; 11] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
];

/// The text itself is not repeated: it may be a secret access key.
fn key_id(place: &str, text: &str) -> Result<KeyId, Failure> {
    let has_a_name = text.starts_with("alias/") || text.starts_with("arn:");
    match KeyId::parse(text) {
        Ok(_) if !has_a_name && could_be_a_key(text.as_ref()) => {
            Err(bad(place, &"it looks like a secret key, and names no AWS KMS key"))
        }
        parsed => parsed.map_err(|error| bad(place, &error)),
    }
}
