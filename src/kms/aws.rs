//! AWS KMS itself: settings from flags and variables, and how it was asked.

use std::path::PathBuf;

use secretary_aws_kms::{AccessKey, Cause, Context, Error, KeyId, Kms, Settings};
use secretary_envelope::{DataKey, WrappedKey};

use super::advice::{Case, Operation, advice};
use super::{KEY_VARIABLE, KeyService, Refusal, Unwrapped, bad};
use crate::failure::{Code, Failure, shown, unless_it_panics};
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
        self.check_proxy(&settings)?;
        let has_context = !settings.context.is_empty();
        ask(async {
            let kms = Kms::connect(settings).await.map_err(|cause| self.not_connected(&cause))?;
            let keys = kms.generate(count).await;
            keys.map_err(|error| {
                refusal(&error, Operation::GenerateDataKey, has_context)
                    .into_failure(self.asked(&kms))
            })
        })
    }

    /// Unwraps `keys`: all of them, or as many as can be.
    ///
    /// # Errors
    ///
    /// When a setting is wrong, or AWS KMS can't be asked at all.
    pub fn unwrap_all(&self, keys: &[WrappedKey]) -> Result<Unwrapped, Failure> {
        let settings = self.settings()?;
        self.check_proxy(&settings)?;
        let has_context = !settings.context.is_empty();
        ask(async {
            let kms = Kms::connect(settings).await.map_err(|cause| self.not_connected(&cause))?;
            let mut unwrapped = Unwrapped::default();
            for result in kms.unwrap_all(keys).await {
                let refusal = result
                    .as_ref()
                    .err()
                    .map(|error| refusal(error, Operation::Decrypt, has_context));
                unwrapped.refusals.push(refusal);
                unwrapped.keys.push(result.ok());
            }
            unwrapped.asked = self.asked(&kms);
            Ok(unwrapped)
        })
    }

    /// Says so when what is set for sealing can't be used, before anybody is asked for a secret.
    ///
    /// # Errors
    ///
    /// When a key, a context or another setting is none.
    pub fn check(&self) -> Result<(), Failure> {
        self.settings_to_seal().map(drop)
    }

    /// Says so when what is set for opening can't be used.
    ///
    /// # Errors
    ///
    /// When a context or another setting is none.
    pub fn check_to_open(&self) -> Result<(), Failure> {
        self.settings().map(drop)
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

    /// The settings by which a server's own data keys are wrapped and unwrapped.
    ///
    /// # Errors
    ///
    /// When a key, a context or another setting is none.
    #[cfg(feature = "server")]
    pub(crate) fn settings_to_wrap(&self) -> Result<Settings, Failure> {
        let settings = self.settings()?;
        self.check_proxy(&settings)?;
        Ok(settings)
    }

    fn settings_to_seal(&self) -> Result<Settings, Failure> {
        let key = self.key_to_seal()?.map(|(place, key)| key_id(place, key)).transpose()?;
        Ok(Settings { key, ..self.settings()? })
    }

    /// The settings that unwrap. A key in the flag has to be the one that wrapped; one in the variable is
    /// for sealing and, if it is an ARN, the last word on the region.
    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let key = self.key.filter(|key| !key.is_empty());
        let key = key.map(|key| key_id("--kms-key-id", key)).transpose()?;
        let other =
            self.variable(KEY_VARIABLE).ok().flatten().and_then(|key| KeyId::parse(key).ok());
        let region = self.setting("AWS_REGION").or_else(|| self.setting("AWS_DEFAULT_REGION"));
        let profile = match self.setting("AWS_PROFILE") {
            Some(_) => None,
            // The SDK of the Go program took this, too.
            None => self.setting("AWS_DEFAULT_PROFILE"),
        };
        Ok(Settings {
            key,
            region: region.map(str::to_string),
            last_region: other.and_then(|key| key.region().map(str::to_string)),
            endpoint: self.endpoint()?,
            context: self.context()?,
            timeout: self.flags.kms_timeout.unwrap_or(Settings::TIMEOUT),
            profile: profile.map(str::to_string),
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

    /// The URL in a variable. Looked at here, because the SDK does not get over one that is none. An empty
    /// variable stands for AWS's own endpoint.
    fn endpoint(&self) -> Result<Option<String>, Failure> {
        let ignored = self.setting("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        if ignored.is_some_and(|ignored| ignored.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let ours = ["AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL"];
        let mut ours = ours.into_iter().filter_map(|name| Some((name, self.raw(name)?)));
        let used = ours.clone().find(|(_, url)| !url.is_empty());
        // Those of the services that credentials come from.
        let others = ["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC"];
        let others = others.into_iter().filter_map(|name| Some((name, self.raw(name)?)));
        match used.into_iter().chain(others).find(|(_, url)| !is_url(url)) {
            Some((name, _)) => Err(bad(&format!("${name}"), &"it is no http:// or https:// URL")),
            None => Ok(used.or_else(|| ours.next()).map(|(_, url)| url.to_string())),
        }
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.process.get(name).and_then(|value| value.to_str())
    }

    /// The HTTP client passes over a proxy that it can't use, and would ask without one.
    pub(super) fn check_proxy(&self, settings: &Settings) -> Result<(), Failure> {
        let in_clear = settings.endpoint.as_ref().is_some_and(|url| url.starts_with("http://"));
        if in_clear || self.setting("NO_PROXY").or_else(|| self.setting("no_proxy")).is_some() {
            return Ok(());
        }
        for name in ["HTTPS_PROXY", "https_proxy"] {
            let scheme = self.setting(name).and_then(|url| url.split_once("://"));
            let is_http =
                |scheme: &str| ["http", "https"].iter().any(|s| s.eq_ignore_ascii_case(scheme));
            if scheme.is_some_and(|(scheme, _)| !is_http(scheme)) {
                let refused =
                    bad(&format!("${name}"), &"the proxy is neither http:// nor https://");
                return Err(refused.hint("a proxy of another kind, such as SOCKS, is not served"));
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
        let profile = self.setting("AWS_PROFILE").or_else(|| self.setting("AWS_DEFAULT_PROFILE"));
        if let Some(profile) = profile.filter(|_| kms.used_a_profile()) {
            asked += &format!(" ({})", shown(profile));
        }
        // Such a key is used in its own region for sealing, which may be another one.
        let other = kms.settings().last_region.as_deref();
        if let Some(other) = other.filter(|other| *other != kms.region()) {
            asked += &format!("; $KMS_KEY_ID is of {}", shown(other));
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
        let refusal = refusal(&cause.clone().into(), Operation::Decrypt, false);
        let failure = refusal.into_failure(Vec::new());
        let names: &[_] = if *cause == Cause::NoRegion { &REGION_SOURCES } else { &SOURCES };
        let names = names.iter().copied();
        let set: Vec<_> = names.filter(|name| self.setting(name).is_some()).collect();
        match cause {
            Cause::NoRegion
            | Cause::NoCredentials
            | Cause::Credentials(_)
            | Cause::BadCredentials
            | Cause::NoSource
                if !set.is_empty() =>
            {
                failure.detail(format!("set for AWS: {}", set.join(", ")))
            }
            Cause::CaBundle(_) => {
                let path = self.setting("AWS_CA_BUNDLE").unwrap_or_default();
                failure.detail(format!("$AWS_CA_BUNDLE names the file {}", shown(path)))
            }
            _ => failure,
        }
    }
}

pub(crate) fn refusal(error: &Error, operation: Operation, has_context: bool) -> Refusal {
    let case = Case { operation, has_context, names_a_key: error.key.is_some() };
    let (code, hint) = advice(&error.cause, case);
    Refusal { sentence: error.to_string(), code, hint: hint.to_string() }
}

/// Does `work` on the network. Some settings make the AWS SDK panic, such as an empty URL in a profile.
fn ask<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let done = unless_it_panics(|| runtime::wait_for(work)).ok_or_else(|| {
        let message = "the AWS SDK does not get over a setting that it has found";
        Failure::new(Code::Configuration, message)
            .hint("look at the AWS_ variables and at ~/.aws/config, where one has a value that it does not expect")
    })?;
    done?
}

impl Refusal {
    fn into_failure(self, asked: Vec<String>) -> Failure {
        let failure = Failure::new(self.code, self.sentence).hint(self.hint);
        asked.into_iter().fold(failure, |failure, line| failure.detail(line))
    }
}

/// The variables that say where a region comes from, beside those that name one.
const REGION_SOURCES: [&str; 4] =
    ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_EC2_METADATA_DISABLED"];

/// The variables by which credentials are set up.
const SOURCES: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
];

/// Whether there is a host to ask. The rest is for the HTTP client to judge.
fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    let is_named = host.bytes().next().is_some_and(|byte| byte != b':');
    is_named && host.bytes().all(in_host) && host.contains('[') == host.contains(']')
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host() {
        for url in ["http://kms", "https://127.0.0.1:1/x?y", "http://user:pw@[::1]:8080/"] {
            assert!(is_url(url), "{url}");
        }
        for text in
            ["", "kms", "http://", "http:///x", "http://a b", "https://:443", "http://[", "ftp://a"]
        {
            assert!(!is_url(text), "{text}");
        }
    }
}
