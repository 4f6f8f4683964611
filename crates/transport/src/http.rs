//! The HTTP client for questions to a daemon, Marathon, Mesos and Kubernetes: bounded time, bounded answers, no redirects.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Response, Url};
use secretary_secret::Secret;

use crate::tls::{self, Identity, TlsError, Trust};

/// How a client connects.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// Until there is a connection.
    pub within: Duration,
    /// Who may sign the other's certificate.
    pub trust: Trust<'a>,
    /// What is shown to who asks.
    pub identity: Option<&'a Identity>,
    /// Which way it goes.
    pub way: Way,
}

/// Which way a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Through a proxy, if the environment has one for the host.
    AsTheEnvironmentSays,
    /// Straight to the host.
    Direct,
}

/// A client for `urls`.
///
/// # Errors
///
/// When a file of certificates or the key is of no use.
///
/// # Panics
///
/// Never: what could fail was done before.
pub fn client(urls: &[Url], connect: Connect<'_>) -> Result<Client, TlsError> {
    let tls = match urls.iter().any(|url| url.scheme() == "https") {
        true => tls::client(connect.trust, connect.identity)?,
        false => tls::no_client(),
    };
    let mut client = builder(tls, connect.within);
    // As in Go, what is on this machine is not asked for through a proxy.
    if connect.way == Way::Direct || urls.iter().all(is_of_this_machine) {
        client = client.no_proxy();
    }
    Ok(client.build().expect("a client with TLS set up is built without anything that fails"))
}

/// A client for what listens on a Unix domain socket: whatever host a URL has, it is asked there.
///
/// # Panics
///
/// Never: there is nothing that could fail.
#[cfg(unix)]
pub fn socket_client(socket: &std::path::Path, within: Duration) -> Client {
    let client = builder(tls::no_client(), within).no_proxy().unix_socket(socket);
    client.build().expect("a client with TLS set up is built without anything that fails")
}

fn builder(tls: rustls::ClientConfig, within: Duration) -> ClientBuilder {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(within)
        .user_agent(concat!("secretary/", env!("CARGO_PKG_VERSION")))
}

/// Whether `url` leads to this machine and no other.
pub fn is_of_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An answer that has more bytes than it may have, or did not come to its end.
#[derive(Debug)]
pub enum BodyError {
    /// There is more.
    TooLarge,
    /// There is less.
    Broken(reqwest::Error),
}

/// The body of an answer, at most `limit` bytes, in memory that is wiped. The HTTP library's own buffers are not.
///
/// # Errors
///
/// When there are more, or the connection ends before they do.
pub async fn body(mut response: Response, limit: usize) -> Result<Secret, BodyError> {
    let mut body = Secret::with_capacity(4096);
    while let Some(part) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + part.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend(&part);
    }
    Ok(body)
}
