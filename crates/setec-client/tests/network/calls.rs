//! Every call against a server that does what it is asked to do.

use secretary_setec_client::{Error, Refusal, Secret, SecretInfo, SecretValue};

use crate::support::client;
use crate::support::setec::Setec;

fn secret(bytes: &[u8]) -> Secret {
    bytes.into()
}

#[tokio::test]
async fn a_secret_lives_and_ends() {
    let server = Setec::start();
    let client = client(&server.url());
    assert_eq!(client.list().await, Ok(Vec::new()));
    assert_eq!(client.get("a").await, Err(Error::NotFound));
    assert_eq!(client.put("a", secret(b"one\0\xff")).await, Ok(1));
    assert_eq!(client.put("a", secret(b"one\0\xff")).await, Ok(1));
    assert_eq!(client.put("a", secret(b"")).await, Ok(2));
    let active = |bytes, version| Ok(SecretValue { value: secret(bytes), version });
    assert_eq!(client.get("a").await, active(b"one\0\xff", 1));
    assert_eq!(client.get_version("a", 2).await, active(b"", 2));
    assert_eq!(client.get_version("a", 0).await, active(b"one\0\xff", 1));
    assert_eq!(client.get_version("a", 3).await, Err(Error::NotFound));
    assert_eq!(client.get_if_changed("a", 1).await, Err(Error::NotChanged));
    assert_eq!(client.get_if_changed("a", 0).await, active(b"one\0\xff", 1));
    assert_eq!(client.activate("a", 2).await, Ok(()));
    assert_eq!(client.get_if_changed("a", 1).await, active(b"", 2));
    assert_eq!(client.create_version("a", 100, secret(b"far")).await, Ok(()));
    let claimed = client.create_version("a", 100, secret(b"again")).await;
    assert_eq!(claimed, Err(Error::VersionClaimed));
    let refused = client.create_version("a", 0, secret(b"")).await;
    let refusal = Some(Refusal::InvalidVersion);
    assert_eq!(refused, Err(Error::Status { code: 400, refusal }));
    let refusal = Some(Refusal::Internal);
    let refused = client.delete_version("a", 100).await;
    assert_eq!(refused, Err(Error::Status { code: 500, refusal }));
    assert_eq!(client.delete_version("a", 1).await, Ok(()));
    let info = SecretInfo { name: "a".into(), versions: vec![2, 100], active_version: 100 };
    assert_eq!(client.info("a").await, Ok(info.clone()));
    assert_eq!(client.list().await, Ok(vec![info]));
    assert_eq!(client.delete("a").await, Ok(()));
    assert_eq!(client.delete("a").await, Ok(()));
    assert_eq!(client.info("a").await, Err(Error::NotFound));
    assert_eq!(server.connections(), 1, "whatever was answered, the connection was used again");
}

#[tokio::test]
async fn values_of_a_megabyte_and_names_of_any_kind_pass() {
    let server = Setec::start();
    let client = client(&server.url());
    // What the test server takes in a request.
    let large: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    for name in ["", "a/../b", "*", " ", "é😀\u{2028}<&>", "a\0\n\"\\"] {
        assert_eq!(client.put(name, secret(&large)).await, Ok(1));
        let got = client.get(name).await;
        assert_eq!(got, Ok(SecretValue { value: secret(&large), version: 1 }));
        assert_eq!(client.info(name).await.map(|info| info.name), Ok(name.to_string()));
    }
}

#[tokio::test]
async fn calls_can_be_made_at_once() {
    let server = Setec::start();
    let client = client(&server.url());
    let calls: Vec<_> = (0..16_u8)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move {
                let name = format!("s{n}");
                assert_eq!(client.put(&name, secret(&[n])).await, Ok(1));
                client.get(&name).await.map(|got| got.value)
            })
        })
        .collect();
    for (n, call) in (0..).zip(calls) {
        assert_eq!(call.await.expect("no panic"), Ok(secret(&[n])));
    }
}
