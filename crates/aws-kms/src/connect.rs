//! Region, credentials and client, by the rules of all AWS programs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::{ProvideRegion, RegionProviderChain, future};
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_kms::config::{
    Builder, ConfigBag, Intercept, ProvideCredentials, RuntimeComponents, SharedCredentialsProvider,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::classify;
use crate::credentials::{self, Fetched, Source};
use crate::error::Cause;
use crate::http;
use crate::settings::{KeyId, Settings};

/// A client, and what to tell about it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) region: String,
    pub(crate) credentials: Source,
    pub(crate) endpoint: Endpoint,
}

/// Finds region and credentials, and builds the client. Opens no connection to KMS yet.
pub(crate) async fn connect(settings: &Settings) -> Result<Connection, Cause> {
    let http = http::client(settings.ca_bundle.as_deref())?;
    // Once, and first: the SDK would look for a region that is not there again and again.
    let region = region(settings, &http).region().await.ok_or(Cause::NoRegion)?;
    let in_region = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if region.as_ref().is_empty() || !region.as_ref().bytes().all(in_region) {
        return Err(Cause::BadRegion);
    }
    let config = load(settings, region.clone(), http).await;
    let chain = config.credentials_provider().ok_or(Cause::NoCredentials)?;
    let first = chain.provide_credentials().await;
    let first = first.map_err(|error| classify::of_credentials(&error))?;
    if !credentials::can_be_sent(&first) {
        return Err(Cause::BadCredentials);
    }
    let credentials = Source::of(&first);
    let endpoint = Endpoint::default();
    let client = client(&config, settings, Fetched::new(first, chain), endpoint.clone());
    Ok(Connection { client, region: region.to_string(), credentials, endpoint })
}

fn client(
    config: &SdkConfig,
    settings: &Settings,
    credentials: Fetched,
    endpoint: Endpoint,
) -> Client {
    let mut client = Builder::from(config)
        // Retries are ours, see retry.rs.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(settings.timeout))
        .interceptor(endpoint)
        .credentials_provider(credentials);
    // An empty one, which the SDK does not get over, stands for AWS's own.
    if let Some(url) = &settings.endpoint {
        client.set_endpoint_url(Some(url.clone()).filter(|url| !url.is_empty()));
    }
    Client::from_conf(client.build())
}

async fn load(settings: &Settings, region: Region, http: SharedHttpClient) -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        // Set here, so that $AWS_RETRY_MODE and its like are not: the SDK panics at some values.
        .retry_config(RetryConfig::standard())
        .region(region);
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(key) = &settings.access_key {
        let credentials = credentials::of_access_key(key);
        loader = loader.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    loader.load().await
}

/// A key's ARN is of one region, and no other has the key. Otherwise the caller says which, or the
/// profile, or the caller as a last resort, or the instance itself.
fn region(settings: &Settings, http: &SharedHttpClient) -> RegionProviderChain {
    let arn = settings.key.as_ref().and_then(KeyId::region);
    let named = |region: &str| Region::new(region.to_string());
    let first = arn.or(settings.region.as_deref()).map(named);
    let last = settings.last_region.as_deref().map(named);
    let machine = ProviderConfig::without_region().with_http_client(http.clone());
    RegionProviderChain::first_try(first)
        .or_else(Profile(settings.profile.clone()))
        .or_else(last)
        .or_else(ImdsRegionProvider::builder().configure(&machine).build())
}

/// The profile's region, if it has one that is not empty.
#[derive(Debug)]
struct Profile(Option<String>);

impl ProvideRegion for Profile {
    fn region(&self) -> future::ProvideRegion<'_> {
        future::ProvideRegion::new(async {
            let mut provider = ProfileFileRegionProvider::builder();
            if let Some(name) = &self.0 {
                provider = provider.profile_name(name);
            }
            let region = provider.build().region().await;
            region.filter(|region| !region.as_ref().is_empty())
        })
    }
}

/// An attempt that hangs leaves time for others, but a second is not hanging.
fn timeouts(total: Duration) -> TimeoutConfig {
    let attempt = (total / 3).max(Duration::from_secs(1));
    TimeoutConfig::builder().connect_timeout(attempt).operation_attempt_timeout(attempt).build()
}

/// Where requests went, as `https://host:port`: the SDK works it out from region, FIPS and dual-stack
/// settings or takes it from the environment, and tells it nowhere else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoint(Arc<Mutex<Option<String>>>);

impl Endpoint {
    pub(crate) fn seen(&self) -> Option<String> {
        self.0.lock().ok().and_then(|seen| seen.clone())
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Endpoint {
    fn name(&self) -> &'static str {
        "Endpoint"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Without a path, a query and a user, where a secret could be.
        let uri = context.request().uri();
        if let (Some((scheme, rest)), Ok(mut seen)) = (uri.split_once("://"), self.0.lock()) {
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            *seen = Some(format!("{scheme}://{host}"));
        }
        Ok(())
    }
}
