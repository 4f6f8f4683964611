//! A data key wrapped by the key of KMS: what is bound to it, and what is made of each answer.

// Clippy knows a test by its attribute, and what a test calls has none.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use secretary_aws_kms::{AccessKey, Cause, Context, Error, KeyId, Kms, Settings};
use secretary_secret::Secret;
use secretary_test_kms::Server;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234";
const PLACE: (&str, &str) = ("store", "0a1b");

/// KMS at this path of the server, with a context of the user's.
async fn connect(server: &Server, path: &str, key: &str, pairs: &[&str]) -> Kms {
    let mut context = Context::default();
    pairs.iter().for_each(|pair| context.add(pair).unwrap());
    let access_key = AccessKey {
        id: "AKIDEXAMPLE".to_string(),
        secret: b"x".as_slice().into(),
        session_token: None,
    };
    Kms::connect(Settings {
        key: Some(KeyId::parse(key).unwrap()),
        endpoint: Some(format!("{}/{path}", server.url())),
        context,
        timeout: Duration::from_secs(2),
        access_key: Some(access_key),
        ..Settings::default()
    })
    .await
    .unwrap()
}

fn key() -> Secret {
    Secret::from(vec![7; 32])
}

fn cause<T>(result: Result<T, Error>) -> Cause {
    result.err().expect("it fails").cause
}

#[tokio::test]
async fn unwraps_what_it_wrapped_with_the_same_key_context_and_place() {
    let server = Server::start();
    let kms = connect(&server, "", KEY, &["app=web"]).await;
    let wrapped = kms.wrap(&key(), PLACE).await.unwrap();
    let request = server.requests().last.unwrap();
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["KeyId"], KEY);
    assert_eq!(body["EncryptionContext"], serde_json::json!({"app": "web", "store": "0a1b"}));
    assert_eq!(kms.unwrap(&wrapped, PLACE).await.unwrap(), key());
    let request = server.requests().last.unwrap();
    assert!(
        request.body.contains(KEY),
        "nothing another key has wrapped is taken: {}",
        request.body
    );

    let elsewhere = cause(kms.unwrap(&wrapped, ("store", "0a1c")).await);
    assert_eq!(elsewhere, Cause::InvalidCiphertext);
    let without = connect(&server, "", KEY, &[]).await;
    assert_eq!(cause(without.unwrap(&wrapped, PLACE).await), Cause::InvalidCiphertext);
    let other = connect(&server, "", &KEY.replace("1234", "5678"), &["app=web"]).await;
    assert_eq!(cause(other.unwrap(&wrapped, PLACE).await), Cause::IncorrectKey);
    assert_eq!(cause(kms.unwrap(b"\x01", PLACE).await), Cause::InvalidCiphertext);
}

#[tokio::test]
async fn the_place_wins_over_a_pair_of_the_same_name() {
    let server = Server::start();
    let (named, plain) =
        (connect(&server, "", KEY, &["store=ffff"]).await, connect(&server, "", KEY, &[]).await);
    let wrapped = named.wrap(&key(), PLACE).await.unwrap();
    assert_eq!(plain.unwrap(&wrapped, PLACE).await.unwrap(), key());
}

#[tokio::test]
async fn a_data_key_has_32_bytes_both_ways() {
    let server = Server::start();
    let kms = connect(&server, "", KEY, &[]).await;
    for len in [0, 16, 31, 33] {
        let error = cause(kms.wrap(&vec![1; len].into(), PLACE).await);
        assert!(matches!(error, Cause::DataKey(_)), "{len}: {error}");
    }
    assert_eq!(server.requests().total, 0);
    let wrapped = kms.wrap(&key(), PLACE).await.unwrap();
    for (path, expected) in [
        (
            "data-key-31",
            "AWS KMS answered with a data key that can't be used: the data key has 31 bytes instead of 32",
        ),
        ("no-plaintext", "the answer is not one of AWS KMS (HTTP status 200)"),
    ] {
        let kms = connect(&server, path, KEY, &[]).await;
        assert_eq!(cause(kms.unwrap(&wrapped, PLACE).await).to_string(), expected);
    }
}

#[tokio::test]
async fn what_passes_is_waited_for_and_what_lasts_is_said_at_once() {
    let server = Server::start();
    let working = connect(&server, "", KEY, &[]).await.wrap(&key(), PLACE).await.unwrap();
    for path in ["throttle-50", "fault-50", "close-first-2", "not-http-first-1", "truncate-first-1"]
    {
        let kms = connect(&server, path, KEY, &[]).await;
        assert_eq!(kms.unwrap(&working, PLACE).await.unwrap(), key(), "{path}");
        let kms = connect(&server, &format!("run-wrap/{path}"), KEY, &[]).await;
        assert!(kms.wrap(&key(), PLACE).await.is_ok(), "{path}");
    }
    for (path, expected) in [
        ("denied", Cause::AccessDenied),
        ("disabled", Cause::Disabled),
        ("unknown", Cause::NotFound),
        ("pending-deletion", Cause::InvalidState),
        ("expired", Cause::Expired),
        ("unrecognized", Cause::UnknownAccessKey),
        ("bad-signature", Cause::BadSignature),
    ] {
        let kms = connect(&server, &format!("run-lasts/{path}"), KEY, &[]).await;
        let before = server.requests().total;
        assert_eq!(cause(kms.wrap(&key(), PLACE).await), expected, "{path}");
        assert_eq!(cause(kms.unwrap(&working, PLACE).await), expected, "{path}");
        assert_eq!(server.requests().total - before, 2, "{path} is asked once each");
    }
    for path in ["throttle", "hang"] {
        let kms = connect(&server, &format!("run-late/{path}"), KEY, &[]).await;
        assert!(matches!(cause(kms.wrap(&key(), PLACE).await), Cause::Late { .. }), "{path}");
    }
}
