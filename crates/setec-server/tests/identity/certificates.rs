//! Callers by certificates, through the server's TLS.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use reqwest::Url;
use secretary_serve::tls::{Clients, Identity};
use secretary_serve::{Drain, Tls};
use secretary_setec_server::Identities;
use secretary_setec_server::identity::Source;
use secretary_transport::http::{self, Connect, Way};
use secretary_transport::tls::Trust;
use tempfile::TempDir;

use crate::server::serve;

const POLICY: &str = r#"
[[grant]]
principal = ["uri:spiffe://example.org/web", "dns:*.example.com"]
action = ["get"]
secret = ["prod/*"]
"#;

fn text(text: &str) -> Ia5String {
    text.try_into().unwrap()
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "an authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Certificates in a folder.
struct Scene {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Scene {
    fn new() -> Self {
        let scene = Self { folder: TempDir::new().unwrap(), authority: authority() };
        fs::write(scene.file("ca.pem"), scene.authority.pem()).unwrap();
        fs::write(scene.file("policy.toml"), POLICY).unwrap();
        scene
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn made(&self, name: &str, names: Vec<SanType>) -> Identity {
        self.made_by(&self.authority, name, names, |_| {})
    }

    fn made_by(
        &self,
        authority: &CertifiedIssuer<'static, KeyPair>,
        name: &str,
        names: Vec<SanType>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificates = self.file(&format!("{name}.pem"));
        let identity = Identity { certificates, key: self.file(&format!("{name}.key")) };
        let signed = params.signed_by(&key, authority).unwrap();
        fs::write(&identity.certificates, signed.pem()).unwrap();
        fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }

    async fn serve(&self, required: bool) -> (SocketAddr, Drain) {
        let own = self.made("server", vec![SanType::IpAddress([127, 0, 0, 1].into())]);
        let clients = Clients { authorities: self.file("ca.pem"), required };
        let tls = Tls::new(own, Some(clients)).unwrap();
        let policy = self.file("policy.toml");
        let identities = Identities::open(&[Source::Certificates], Some(policy)).unwrap();
        serve(identities, Some(tls)).await
    }

    /// The status and text of an answer, or nothing if there was none.
    async fn ask(&self, address: SocketAddr, identity: Option<&Identity>) -> Option<(u16, String)> {
        ask(address, &self.file("ca.pem"), identity).await
    }
}

async fn ask(address: SocketAddr, ca: &Path, identity: Option<&Identity>) -> Option<(u16, String)> {
    let url: Url = format!("https://{address}").parse().unwrap();
    let within = Duration::from_secs(5);
    let connect = Connect { within, trust: Trust::Only(ca), identity, way: Way::Direct };
    let client = http::client(std::slice::from_ref(&url), connect).unwrap();
    let answer = client.get(url).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.ok()?))
}

#[tokio::test]
async fn callers_are_the_names_in_their_certificates() {
    let scene = Scene::new();
    let (address, _drain) = scene.serve(true).await;
    let uri = |name: &str| SanType::URI(text(name));
    let dns = |name: &str| SanType::DnsName(text(name));
    for (names, expected) in [
        (vec![uri("spiffe://example.org/web")], "uri:spiffe://example.org/web@  may"),
        (vec![uri("spiffe://example.org/web2")], "uri:spiffe://example.org/web2@  may not"),
        (vec![dns("Web.Example.COM")], "dns:web.example.com@web.example.com  may"),
        (
            vec![dns("web.example.com"), uri("spiffe://example.org/other")],
            "uri:spiffe://example.org/other@web.example.com  may",
        ),
        (vec![SanType::Rfc822Name(text("ci@example.com"))], "email:ci@example.com@  may not"),
        // A name of one kind is none of another.
        (vec![uri("web.example.com")], "uri:web.example.com@  may not"),
        (
            vec![dns("example.com.evil.org")],
            "dns:example.com.evil.org@example.com.evil.org  may not",
        ),
    ] {
        let identity = scene.made("client", names);
        let answer = scene.ask(address, Some(&identity)).await;
        assert_eq!(answer, Some((200, expected.to_string())));
    }
    let nameless = scene.made("nameless", vec![]);
    let (status, text) = scene.ask(address, Some(&nameless)).await.unwrap();
    assert!(status == 500 && text.contains("has no name"), "{text}");
}

#[tokio::test]
async fn what_the_authority_did_not_sign_for_now_gets_no_connection() {
    let scene = Scene::new();
    let name = || vec![SanType::URI(text("spiffe://example.org/web"))];
    let expired = |params: &mut CertificateParams| params.not_after = date_time_ymd(2020, 1, 1);
    let to_come = |params: &mut CertificateParams| params.not_before = date_time_ymd(2090, 1, 1);
    let of_a_server = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    };
    let of_a_client = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    let own = &scene.authority;
    for required in [true, false] {
        let (address, _drain) = scene.serve(required).await;
        // The same name as a caller who may, and the same name of the authority, but not its key.
        let refused = [
            scene.made_by(&authority(), "unknown", name(), |_| {}),
            scene.made_by(own, "expired", name(), expired),
            scene.made_by(own, "to-come", name(), to_come),
            scene.made_by(own, "server-only", name(), of_a_server),
        ];
        for identity in refused {
            assert_eq!(scene.ask(address, Some(&identity)).await, None, "{identity:?}");
        }
        let good = scene.made_by(own, "good", name(), of_a_client);
        let expected = "uri:spiffe://example.org/web@  may".to_string();
        assert_eq!(scene.ask(address, Some(&good)).await, Some((200, expected)));
    }
}

#[tokio::test]
async fn who_has_none_is_let_in_only_where_none_is_required_and_is_nobody_there() {
    let scene = Scene::new();
    let (address, _drain) = scene.serve(true).await;
    assert_eq!(scene.ask(address, None).await, None);
    let (address, _drain) = scene.serve(false).await;
    let nobody = "there is nothing to know the caller by".to_string();
    assert_eq!(scene.ask(address, None).await, Some((500, nobody)));
}
