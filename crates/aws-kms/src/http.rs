//! The HTTP client: proxies, trusted certificates, a limit on what an answer may hold.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use aws_sdk_kms::config::http::HttpRequest;
use aws_sdk_kms::config::{ConfigBag, RuntimeComponents};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use secretary_transport::{Obstacle, certificates};

use crate::error::Cause;

/// The most bytes that an answer may have. Those of AWS have less than 16 KiB.
const MAX_ANSWER: usize = 1 << 20;

/// A client that asks through `$HTTPS_PROXY` and its like, and trusts the certificates in `ca_bundle`
/// or else the system's.
pub(crate) fn client(ca_bundle: Option<&Path>) -> Result<SharedHttpClient, Cause> {
    let trusted = match ca_bundle.map(certificates::read).transpose() {
        Ok(Some(bundle)) => TrustStore::empty().with_pem_certificate(bundle.pem),
        Ok(None) => TrustStore::default(),
        Err(why) => return Err(Cause::CaBundle(why)),
    };
    Ok(SharedHttpClient::new(Guarded {
        outside: through(ProxyConfig::from_env(), trusted)?,
        // It does not speak TLS, and reading the system's certificates takes time.
        machine: through(ProxyConfig::disabled(), TrustStore::empty())?,
    }))
}

fn through(proxy: ProxyConfig, trusted: TrustStore) -> Result<SharedHttpClient, Cause> {
    let context = TlsContext::builder().with_trust_store(trusted).build();
    let context = context.map_err(|_| Cause::Unreachable(Obstacle::Tls))?;
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector
            .proxy_config(proxy.clone())
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .tls_context(context.clone())
            .build()
    });
    Ok(SharedHttpClient::new(client))
}

/// Whether `uri` is a service of this machine that hands out credentials, in plain HTTP. A proxy would
/// answer for another machine, and see the credentials.
fn is_of_this_machine(uri: &str) -> bool {
    let Some(rest) = uri.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority == "localhost" || authority.starts_with("localhost:") {
        return true;
    }
    let address = authority.parse().map(|address: SocketAddr| address.ip());
    let bare = authority.trim_start_matches('[').trim_end_matches(']');
    match address.or_else(|_| bare.parse()) {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        // fd00:ec2::254 and fd00:ec2::23 are EC2's and EKS'.
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.segments()[..2] == [0xfd00, 0xec2]
        }
        Err(_) => false,
    }
}

/// Ends an answer that is longer than any of AWS, so that nothing can fill the memory, and asks this
/// machine without a proxy.
#[derive(Debug)]
struct Guarded<T> {
    outside: T,
    machine: T,
}

impl HttpClient for Guarded<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Guarded {
            outside: self.outside.http_connector(settings, components),
            machine: self.machine.http_connector(settings, components),
        })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.outside.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.outside.validate_final_config(components, config)
    }
}

impl HttpConnector for Guarded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = match is_of_this_machine(request.uri()) {
            true => self.machine.call(request),
            false => self.outside.call(request),
        };
        HttpConnectorFuture::new(async move {
            let bounded = |body| SdkBody::from_body_1_x(Limited::new(body, MAX_ANSWER));
            Ok(answer.await?.map(bounded))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_the_machine_are_told_from_others() {
        for uri in [
            "http://169.254.169.254/latest/api/token",
            "http://169.254.170.2:80/v2/credentials",
            "http://[fd00:ec2::254]/latest",
            "http://[::1]:1/x",
            "http://localhost:8080/x",
            "http://127.0.0.1/?x",
        ] {
            assert!(is_of_this_machine(uri), "{uri}");
        }
        for uri in [
            "https://169.254.169.254/",
            "http://localhost.example/",
            "http://kms.example/169.254.169.254",
            "http://8.8.8.8/",
            "",
        ] {
            assert!(!is_of_this_machine(uri), "{uri}");
        }
    }
}
