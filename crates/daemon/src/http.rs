//! The HTTP client for questions to the daemon, Marathon and Mesos: bounded time, bounded answers, no redirects.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use secretary_secret::Secret;

use crate::tls::{self, Identity, TlsError};

/// How a client connects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connect<'a> {
    /// Until there is a connection.
    pub(crate) within: Duration,
    pub(crate) ca_file: Option<&'a Path>,
    pub(crate) identity: Option<&'a Identity>,
}

/// A client for `urls`.
pub(crate) fn client(urls: &[Url], connect: Connect<'_>) -> Result<Client, TlsError> {
    let tls = match urls.iter().any(|url| url.scheme() == "https") {
        true => tls::client(connect.ca_file, connect.identity)?,
        false => tls::no_client(),
    };
    let mut client = Client::builder()
        .tls_backend_preconfigured(tls)
        .http1_only()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(connect.within)
        .user_agent(concat!("secretary/", env!("CARGO_PKG_VERSION")));
    // As in Go, what is on this machine is not asked for through a proxy.
    if urls.iter().all(is_of_this_machine) {
        client = client.no_proxy();
    }
    Ok(client.build().expect("a client with TLS set up is built without anything that fails"))
}

/// Whether `url` leads to this machine and no other.
pub(crate) fn is_of_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An answer that has more bytes than it may have, or did not come to its end.
#[derive(Debug)]
pub(crate) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

/// The body of an answer, at most `limit` bytes, in memory that is wiped. The HTTP library's own buffers are not.
pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Secret, BodyError> {
    let mut body = Secret::with_capacity(4096);
    while let Some(part) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + part.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend(&part);
    }
    Ok(body)
}
