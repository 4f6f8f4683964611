//! Requests byte by byte, for connections that the program's own client would not keep or make like that.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secretary_daemon::channel::Channel;
use secretary_daemon::form::Fields;
use secretary_daemon::protocol::{DECRYPT_PATH, STATUS_PATH};
use secretary_secret::Secret;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::scene::{Scene, Workload};

/// The message of an older client: it may be sent again and again.
pub fn message(workload: &Workload) -> Secret {
    let secret = &workload.secrets[0];
    let json = format!(
        r#"{{"AppID":"{}","AppVersion":"{}","TaskID":"{}","RequestedSecret":"{}","Key":"{}"}}"#,
        workload.app.as_deref().unwrap_or_default(),
        workload.version(),
        workload.task,
        secret.token,
        secret.name,
    );
    Secret::from(json.into_bytes())
}

/// The request of an older client for one secret.
pub fn decrypt(scene: &Scene, workload: &Workload) -> Vec<u8> {
    let (deploy, service) = (&workload.deploy, Some(&workload.service));
    let channel = Channel::of_workload(deploy, service, &scene.master()).expect("no weak keys");
    let form = Fields {
        appid: workload.app.clone().unwrap_or_default(),
        appversion: workload.version().to_string(),
        taskid: workload.task.clone(),
        envelope: channel.seal(&message(workload)).expect("random bytes"),
    };
    let body = form.to_body();
    let head = format!(
        "POST {DECRYPT_PATH} HTTP/1.1\r\nHost: daemon\r\nUser-Agent: Go-http-client/1.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// The question what the daemon can do, which costs it no more than HTTP does.
pub fn status() -> Vec<u8> {
    format!("GET {STATUS_PATH} HTTP/1.1\r\nHost: daemon\r\n\r\n").into_bytes()
}

/// Sends `request` and reads the answer to its end.
///
/// # Errors
///
/// When the connection breaks, or the answer is none of success.
pub async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &[u8],
) -> io::Result<()> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if length(&answer).is_some_and(|length| answer.len() >= length) {
            break;
        }
    }
    if answer.starts_with(b"HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()))
    }
}

/// How long an answer is, as soon as its head is there.
fn length(answer: &[u8]) -> Option<usize> {
    let text = str::from_utf8(answer).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    let name = "content-length: ";
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
    Some(head.len() + 4 + line[name.len()..].parse::<usize>().ok()?)
}

/// What makes TLS of a connection to the scene's daemons.
pub fn tls(scene: &Scene) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    let authority =
        CertificateDer::from_pem_file(scene.path("ca.pem")).map_err(io::Error::other)?;
    roots.add(authority).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config).into())
}

/// A new connection to `address`, with TLS.
pub async fn connect(
    connector: &TlsConnector,
    address: SocketAddr,
) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::from(address.ip()), stream).await
}

/// The head of a request whose body has so many bytes, and none of it.
pub fn head_of_body(length: usize) -> Vec<u8> {
    format!(
        "POST {DECRYPT_PATH} HTTP/1.1\r\nHost: daemon\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

/// The sum of the samples of one metric, with whatever labels.
pub async fn metric(address: SocketAddr, name: &str) -> io::Result<f64> {
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /metrics HTTP/1.1\r\nHost: daemon\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let samples = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        if !rest.starts_with(['{', ' ']) {
            return None;
        }
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    Ok(samples.sum())
}
