//! Whom the client believes, and what it shows of itself.

use std::path::PathBuf;

use secretary_setec_client::{Client, Credential, Error, Obstacle, Settings, SetupError, TlsError};

use crate::support::certificates::{Authority, Callers};
use crate::support::fake::{Fake, Reply};
use crate::support::settings;

const HERE: [&str; 2] = ["127.0.0.1", "localhost"];

fn client(url: &str, ca_file: Option<PathBuf>, credential: Credential) -> Client {
    Client::new(&Settings { ca_file, credential, ..settings(url) }).expect("settings")
}

async fn list(url: &str, trusted: &Authority) -> Result<usize, Error> {
    let client = client(url, Some(trusted.file()), Credential::Address);
    client.list().await.map(|list| list.len())
}

fn nothing() -> Reply {
    Reply::new(200, "null")
}

#[tokio::test]
async fn a_server_is_believed_whose_certificate_is_signed_and_has_its_name() {
    let authority = Authority::new();
    let fake = Fake::with_tls(authority.server(&HERE, Callers::Anybody), nothing());
    assert_eq!(list(&fake.url(), &authority).await, Ok(0));
    assert_eq!(list(&fake.url_by_name(), &authority).await, Ok(0));
    assert_eq!(fake.received().len(), 2);
    assert!(!fake.received()[0].has_certificate);
}

#[tokio::test]
async fn nothing_is_sent_to_another_server() {
    let (authority, other) = (Authority::new(), Authority::new());
    let unreachable = |obstacle| Err(Error::Unreachable(obstacle));
    for (config, expected) in [
        (other.server(&HERE, Callers::Anybody), Obstacle::Untrusted),
        (authority.server(&["127.0.0.2"], Callers::Anybody), Obstacle::OtherName),
        (authority.expired(&HERE), Obstacle::CertificateExpired),
    ] {
        let fake = Fake::with_tls(config, nothing());
        assert_eq!(list(&fake.url(), &authority).await, unreachable(expected.clone()));
        assert!(!expected.may_pass());
        assert_eq!(fake.received(), []);
    }
    let fake = Fake::with_tls(authority.server(&HERE, Callers::Anybody), nothing());
    match Client::new(&settings(&fake.url())) {
        Ok(client) => {
            let error = client.list().await.expect_err("somebody else");
            assert_eq!(error, Error::Unreachable(Obstacle::Untrusted));
        }
        // A system that trusts nobody.
        Err(error) => assert_eq!(error, SetupError::Tls(TlsError::NoRoots)),
    }
    assert_eq!(fake.received(), []);
}

#[tokio::test]
async fn tls_and_no_tls_are_told_apart() {
    let authority = Authority::new();
    let clear = Fake::start(Reply::AtOnce(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    let url = clear.url().replace("http:", "https:");
    assert_eq!(list(&url, &authority).await, Err(Error::Unreachable(Obstacle::NoTls)));
    let fake = Fake::with_tls(authority.server(&HERE, Callers::Anybody), nothing());
    let url = fake.url().replace("https:", "http:");
    let error = list(&url, &authority).await.expect_err("it speaks TLS");
    assert!(matches!(error, Error::Unreachable(Obstacle::NoHttp) | Error::Broken), "{error:?}");
}

#[tokio::test]
async fn a_certificate_is_shown_to_who_asks_for_one() {
    let authority = Authority::new();
    let fake = Fake::with_tls(authority.server(&HERE, Callers::WithCertificate), nothing());
    let known = Credential::Certificate(authority.identity());
    let known = client(&fake.url(), Some(authority.file()), known);
    assert_eq!(known.list().await, Ok(Vec::new()));
    assert!(fake.received()[0].has_certificate);
    let error = list(&fake.url(), &authority).await.expect_err("it wants one");
    // In TLS 1.3 the server says so after the client has spoken.
    let is_told = matches!(error, Error::Unreachable(Obstacle::Tls) | Error::Broken);
    assert!(is_told, "{error:?}");
    assert_eq!(fake.received().len(), 1);
}

#[test]
fn files_of_no_use_are_named() {
    let authority = Authority::new();
    let missing = PathBuf::from("/nowhere/ca.pem");
    let with = |url: &str, ca_file, credential| {
        Client::new(&Settings { ca_file, credential, ..settings(url) }).map(drop)
    };
    let refused = with("https://a", Some(missing.clone()), Credential::Address);
    let is_named = matches!(&refused, Err(SetupError::Tls(TlsError::Certificates { file, .. })) if *file == missing);
    assert!(is_named, "{refused:?}");
    let mut identity = authority.identity();
    identity.key = authority.file();
    let trusted = Some(authority.file());
    let refused = with("https://a", trusted, Credential::Certificate(identity.clone()));
    let is_named = matches!(&refused, Err(SetupError::Tls(TlsError::Key { file, .. })) if *file == authority.file());
    assert!(is_named, "{refused:?}");
    let file = identity.certificates.clone();
    let refused = with("http://a", None, Credential::Certificate(identity));
    assert_eq!(refused, Err(SetupError::CertificateInClear(file)));
}
