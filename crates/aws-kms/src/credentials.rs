//! Which source the credentials came from.

use std::sync::Mutex;

use aws_credential_types::Credentials;
use aws_credential_types::credential_feature::AwsCredentialFeature as Feature;
use aws_credential_types::provider::future;
use aws_sdk_kms::config::{ProvideCredentials, SharedCredentialsProvider};

use crate::settings::AccessKey;

/// A chain whose first answer was fetched before anything needed it: so that a run without credentials
/// fails once and not with every call, and no source is asked twice.
#[derive(Debug)]
pub(crate) struct Fetched {
    first: Mutex<Option<Credentials>>,
    chain: SharedCredentialsProvider,
}

impl Fetched {
    pub(crate) fn new(first: Credentials, chain: SharedCredentialsProvider) -> Self {
        Self { first: Mutex::new(Some(first)), chain }
    }

    fn take_first(&self) -> Option<Credentials> {
        self.first.lock().ok().and_then(|mut first| first.take())
    }
}

impl ProvideCredentials for Fetched {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        match self.take_first() {
            Some(first) => future::ProvideCredentials::ready(Ok(first)),
            None => self.chain.provide_credentials(),
        }
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        self.chain.fallback_on_interrupt()
    }
}

/// The access key as the SDK takes it, which keeps it in memory of its own and wipes that.
pub(crate) fn of_access_key(key: &AccessKey) -> Credentials {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut credentials = Credentials::builder()
        .access_key_id(key.id.as_str())
        .secret_access_key(text(key.secret.expose()))
        .provider_name("secretary");
    let token = key.session_token.as_ref();
    credentials.set_session_token(token.map(|token| text(token.expose())));
    let mut credentials = credentials.build();
    credentials.get_property_mut_or_default::<Vec<Feature>>().push(Feature::CredentialsEnvVars);
    credentials
}

/// Whether they can stand in a request, or sign one. A file that ends with a line feed is often read
/// into a variable as a whole.
pub(crate) fn can_be_sent(credentials: &Credentials) -> bool {
    let (id, secret) = (credentials.access_key_id(), credentials.secret_access_key());
    [id, secret]
        .into_iter()
        .chain(credentials.session_token())
        .all(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// Where credentials came from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) words: String,
    /// Whether a profile of the AWS files had a part in it.
    pub(crate) is_of_profile: bool,
}

impl Source {
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let features = credentials.get_property::<Vec<Feature>>();
        let mut sources: Vec<_> = features.into_iter().flatten().filter_map(source).collect();
        sources.dedup();
        let words = match sources.as_slice() {
            [] => "the AWS credential chain".to_string(),
            // The SDK puts what a profile leads to before the profile.
            [others @ .., PROFILE] if !others.is_empty() => {
                format!("{}, set up in {PROFILE}", others.join(" and "))
            }
            sources => sources.join(" and "),
        };
        Self { words, is_of_profile: sources.contains(&PROFILE) }
    }
}

const PROFILE: &str = "a profile of the AWS files";

fn source(feature: &Feature) -> Option<&'static str> {
    Some(match feature {
        Feature::CredentialsEnvVars => "environment variables",
        Feature::CredentialsProfile
        | Feature::CredentialsProfileSourceProfile
        | Feature::CredentialsProfileNamedProvider => PROFILE,
        Feature::CredentialsEnvVarsStsWebIdToken
        | Feature::CredentialsStsAssumeRoleWebId
        | Feature::CredentialsProfileStsWebIdToken => "a web identity token",
        Feature::CredentialsStsAssumeRole => "an assumed role",
        Feature::CredentialsProfileSso | Feature::CredentialsSso => "SSO",
        Feature::CredentialsProfileProcess | Feature::CredentialsProcess => "a credential process",
        Feature::CredentialsHttp => "the container's credentials",
        Feature::CredentialsImds => "the instance's role",
        _ => return None,
    })
}
