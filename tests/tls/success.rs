//! Where it asks, what it agrees on, and whom it trusts.

use rustls::{NamedGroup, ProtocolVersion};

use crate::certificates::{Authority, certificate};
use crate::program::{Machine, PASSWORD, SECRET};
use crate::route::{End, Route};

/// The key, where no other is wanted.
const KEY: &str = "alias/test";

/// The name of AWS KMS in the region that is set.
const HOST: &str = "kms.us-east-1.amazonaws.com";

/// Encrypts and decrypts, and gives the hosts that were asked for.
fn works(machine: &Machine, key: &str, proxy: &Route) -> Vec<String> {
    let sealed = machine.encrypt(key);
    assert_eq!((sealed.code, sealed.stderr.as_str()), (Some(0), ""), "{sealed:?}");
    let opened = machine.run(&["decrypt", "--kms-key-id", key], &sealed.stdout);
    assert_eq!((opened.code, opened.stdout.as_str()), (Some(0), SECRET), "{opened:?}");
    proxy.seen().tunnels.clone()
}

#[test]
fn asks_where_the_region_has_aws_kms() {
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (region, settings, key, host) in [
        ("us-east-1", &[][..], KEY, "kms.us-east-1.amazonaws.com"),
        ("us-east-1", &["FIPS"], KEY, "kms-fips.us-east-1.amazonaws.com"),
        ("us-east-1", &["DUALSTACK"], KEY, "kms.us-east-1.api.aws"),
        ("us-east-1", &["FIPS", "DUALSTACK"], KEY, "kms-fips.us-east-1.api.aws"),
        ("us-gov-west-1", &["FIPS"], KEY, "kms-fips.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", &[], KEY, "kms.cn-north-1.amazonaws.com.cn"),
        ("us-east-1", &[], arn, "kms.eu-west-1.amazonaws.com"),
    ] {
        let mut machine = Machine::new().with_bundle().with("AWS_REGION", region);
        for setting in settings {
            machine = machine.with(&format!("AWS_USE_{setting}_ENDPOINT"), "true");
        }
        let proxy = Route::through_proxy(machine.kms(certificate(&[host])));
        let machine = machine.behind(&proxy);
        let connect = format!("CONNECT {host}:443");
        assert_eq!(works(&machine, key, &proxy), [connect.as_str(), connect.as_str()]);
        for request in &proxy.seen().requests {
            assert_eq!((request.line.as_str(), request.header("Host")), ("POST /", host));
            let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
            assert_eq!(body["KeyId"], key);
        }
    }
}

#[test]
fn agrees_on_keys_that_no_quantum_computer_finds() {
    let machine = Machine::new().with_bundle();
    let proxy = Route::through_proxy(machine.kms(certificate(&[HOST])));
    works(&machine.behind(&proxy), KEY, &proxy);
    let agreed = (ProtocolVersion::TLSv1_3, NamedGroup::X25519MLKEM768);
    assert_eq!(proxy.seen().agreed, [agreed, agreed]);
}

#[test]
fn takes_tls_1_2_where_there_is_no_other() {
    let machine = Machine::new().with_bundle();
    let config = machine.authority.server(certificate(&[HOST]), &[&rustls::version::TLS12]);
    let proxy = Route::through_proxy(End::Kms(config));
    works(&machine.behind(&proxy), KEY, &proxy);
    let agreed = (ProtocolVersion::TLSv1_2, NamedGroup::X25519);
    assert_eq!(proxy.seen().agreed, [agreed, agreed]);
}

#[test]
fn trusts_each_certificate_of_a_bundle() {
    let others = [(); 2].map(|()| Authority::new("another").pem());
    let machine = Machine::new();
    let own = machine.authority.pem();
    let bundle = format!("# first\n{}\nowner: somebody\n{own}\n{}", others[0], others[1]);
    let machine = machine.trusting("AWS_CA_BUNDLE", &bundle.replace('\n', "\r\n"));
    let proxy = Route::through_proxy(machine.kms(certificate(&[HOST])));
    works(&machine.behind(&proxy), KEY, &proxy);
}

#[test]
fn trusts_the_systems_certificates_without_a_bundle() {
    let machine = Machine::new();
    let pem = machine.authority.pem();
    let machine = machine.trusting("SSL_CERT_FILE", &pem);
    let proxy = Route::through_proxy(machine.kms(certificate(&[HOST])));
    works(&machine.behind(&proxy), KEY, &proxy);
}

#[test]
fn names_itself_to_a_proxy_that_wants_it() {
    let machine = Machine::new().with_bundle();
    let proxy = Route::through_proxy(machine.kms(certificate(&[HOST])));
    let url = format!("http://app:{PASSWORD}@127.0.0.1:{}", proxy.port);
    // Curl, among others, knows only the small letters.
    works(&machine.with("https_proxy", &url), KEY, &proxy);
    // app:open-sesame
    let expected = Some("Basic YXBwOm9wZW4tc2VzYW1l".to_string());
    assert_eq!(proxy.seen().authorization, expected);
}

#[test]
fn goes_past_the_proxy_to_whom_no_proxy_names() {
    for (no_proxy, tunnels) in [("127.0.0.1", 0), (".amazonaws.com,127.0.0.1", 0), ("other", 2)] {
        let machine = Machine::new().with_bundle();
        let end = machine.kms(certificate(&["127.0.0.1"]));
        let proxy = Route::through_proxy(end.clone());
        let direct = Route::direct(end);
        let address = format!("127.0.0.1:{}", direct.port);
        let machine = machine.behind(&proxy).with("NO_PROXY", no_proxy).straight_to(&direct);
        let asked = works(&machine, KEY, &proxy);
        assert_eq!(asked, vec![format!("CONNECT {address}"); tunnels], "{no_proxy}");
        assert_eq!(direct.seen().requests.len(), 2 - tunnels, "{no_proxy}");
    }
}

/// Credentials are fetched in plain HTTP, so a proxy would see them; and one elsewhere has no way to the
/// metadata of this machine.
#[test]
fn asks_the_machine_for_credentials_without_a_proxy() {
    let server = secretary_test_kms::Server::start();
    for (name, path) in [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", ""),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/ecs-credentials"),
    ] {
        let machine = Machine::new().with_bundle().with("AWS_ACCESS_KEY_ID", "");
        let https = Route::through_proxy(machine.kms(certificate(&[HOST])));
        let http = Route::refused("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        let machine = machine
            .with("HTTP_PROXY", &format!("http://127.0.0.1:{}", http.port))
            .with("AWS_SECRET_ACCESS_KEY", "")
            .with(name, &format!("{}{path}", server.url()))
            .with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "ecs-token");
        works(&machine.behind(&https), KEY, &https);
        assert_eq!(http.seen().tunnels, Vec::<String>::new(), "{name}");
    }
    assert!(server.requests().credentials.len() >= 4);
}
