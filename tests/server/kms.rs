//! A key of AWS KMS as the key-encryption key: the store opens with it, and with nothing else; while AWS KMS can't be
//! asked the server is sealed, says why, and opens by itself.

use std::net::{SocketAddr, TcpListener};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::program::{Machine, Server};
use secretary_test_kms::{Server as Kms, plaintext_of};

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234";
const OTHER_KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/5678";

/// The secret half of the access key, and what is kept on the server: neither may be in anything that it says.
const SECRET: &str = "c4n4ry-secret-access-key";
const VALUE: &str = "c4n4ry-value";

/// A machine whose AWS KMS is at this address, and where all that can be logged is to be logged.
fn machine(kms: SocketAddr) -> Machine {
    Machine::new()
        .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .with("AWS_SECRET_ACCESS_KEY", SECRET)
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_ENDPOINT_URL_KMS", &format!("http://{kms}"))
        .with("RUST_LOG", "trace")
        .with("AWS_LOG_LEVEL", "trace")
        .with("RUST_BACKTRACE", "full")
}

/// Arguments with this key.
fn with(key: &str) -> [&str; 2] {
    ["--kms-key-id", key]
}

/// The same where AWS KMS is not going to answer, so that nobody waits for it.
fn in_vain(key: &str) -> [&str; 4] {
    ["--kms-key-id", key, "--kms-timeout", "1"]
}

fn sealed(server: &Server) {
    assert_eq!(server.health(), (503, "sealed\n".to_string()));
    let refused = (503, "the store is sealed\n".to_string());
    assert_eq!(server.get("dev/db").expect_err("it is sealed"), refused);
    assert_eq!(server.call("put", &json!({"Name": "dev/db", "Value": "AAAA"})), refused);
    assert_eq!(server.call("list", &json!({})), refused);
}

/// A store with a secret in it, left as a server leaves it that is told to end.
fn filled(machine: &Machine) -> String {
    let server = machine.start(&with(KEY));
    assert_eq!(server.health(), (200, "ok\n".to_string()));
    server.put("dev/db", VALUE);
    let (status, said) = server.stop();
    assert!(status.success(), "{said}");
    said
}

/// An address where nobody listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

#[test]
fn what_was_put_is_there_after_a_restart() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    filled(&machine);
    let targets = ["TrentService.Encrypt", "TrentService.Decrypt"];
    assert_eq!(kms.requests().targets, targets, "a new store's key was wrapped, and tried");
    kms.reset();
    let server = machine.start(&with(KEY));
    assert_eq!(server.get("dev/db").as_deref(), Ok(VALUE));
    assert_eq!(kms.requests().targets, targets[1..]);
    server.get("dev/db").unwrap();
    assert_eq!(kms.requests().total, 1, "calls do not ask AWS");
}

#[test]
fn a_server_whose_aws_kms_cannot_be_reached_opens_when_it_can() {
    let kms = Kms::start();
    let address = kms.address();
    let machine = machine(address);
    filled(&machine);
    drop(kms);
    let mut server = machine.start(&with(KEY));
    assert!(
        server.has_said().contains(
            "is sealed until that is over: AWS KMS can't be reached: connection refused; "
        ),
        "{}",
        server.has_said()
    );
    sealed(&server);
    let _kms = Kms::start_at(address);
    server.becomes_healthy();
    server.says("the store is open");
    assert_eq!(server.get("dev/db").as_deref(), Ok(VALUE));
}

#[test]
fn a_new_store_waits_for_aws_kms_too() {
    let address = nowhere();
    let machine = machine(address);
    let mut server = machine.start(&with(KEY));
    sealed(&server);
    let _kms = Kms::start_at(address);
    server.becomes_healthy();
    server.put("dev/db", VALUE);
    drop(server);
    assert_eq!(machine.start(&with(KEY)).get("dev/db").as_deref(), Ok(VALUE));
}

#[test]
fn each_reason_is_told() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    filled(&machine);
    kms.set("throttle");
    let mut server = machine.start(&in_vain(KEY));
    assert!(server.has_said().contains("AWS KMS is throttling requests"), "{}", server.has_said());
    sealed(&server);
    kms.set("denied");
    server.says("is sealed until that is over: AWS denies access to the key (arn:aws:kms:");
    sealed(&server);
    kms.set("expired");
    server.says("is sealed until that is over: the AWS credentials have expired");
    kms.set("");
    server.becomes_healthy();
    server.says("the store is open");
    assert_eq!(server.get("dev/db").as_deref(), Ok(VALUE));
}

#[test]
fn a_sealed_server_that_hears_that_its_key_is_no_good_ends() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    filled(&machine);
    kms.set("fault");
    let mut server = machine.start(&in_vain(KEY));
    sealed(&server);
    kms.set("disabled");
    assert_eq!(server.wait().code(), Some(7));
    server.says("error: the store can't be opened: the key is disabled (arn:aws:kms:");
    server.says("hint: enable the key");
}

#[test]
fn a_sealed_server_ends_when_it_is_told_to() {
    let server = machine(nowhere()).start(&with(KEY));
    let (status, said) = server.stop();
    assert!(status.success(), "{said}");
}

#[test]
fn another_key_another_context_and_another_kind_are_refused() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    filled(&machine);
    let (code, said) = machine.fails(&with(OTHER_KEY));
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains("error: the store can't be opened: another key of AWS KMS has wrapped"),
        "{said}"
    );
    let context = [&with(KEY)[..], &["--kms-context", "app=web"]].concat();
    let (code, said) = machine.fails(&context);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("AWS KMS does not accept the store's wrapped data key"), "{said}");
    machine.write("kek", &BASE64_STANDARD.encode([7; 32]));
    let (code, said) = machine.fails(&["--key-file", "kek"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("the store's data key is wrapped by AWS KMS, and not by key file"),
        "{said}"
    );
    let server = machine.start(&with(KEY));
    assert_eq!(server.get("dev/db").as_deref(), Ok(VALUE), "and nothing was changed");
}

#[test]
fn a_store_that_a_key_file_has_wrapped_is_none_of_aws_kms() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    machine.write("kek", &BASE64_STANDARD.encode([7; 32]));
    machine.start(&["--key-file", "kek"]).put("dev/db", VALUE);
    let (code, said) = machine.fails(&with(KEY));
    assert_eq!(code, Some(3), "{said}");
    assert!(
        said.contains("the store's data key is wrapped by key file, and not by AWS KMS"),
        "{said}"
    );
    assert_eq!(kms.requests().total, 0);
}

#[test]
fn settings_that_are_none_end_it_before_anything_is_asked() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    for (arguments, code, part) in [
        (&["--kms-key-id", "a key"][..], 3, "--kms-key-id can't be used"),
        (&["--kms-key-id", KEY, "--kms-context", "app"], 2, "--kms-context can't be used"),
        (
            &["--kms-key-id", KEY, "--kms-context", "secretary-store=00"],
            2,
            "--kms-context can't be used: secretary-store is the server's own",
        ),
        (&["--kms-key-id", ""], 3, "there is no key-encryption key"),
    ] {
        let (status, said) = machine.fails(arguments);
        assert_eq!(status, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    assert_eq!(kms.requests().total, 0);
}

#[test]
fn nothing_it_says_or_keeps_has_the_data_key_or_a_credential_in_it() {
    let kms = Kms::start();
    let machine = machine(kms.address());
    let mut said = filled(&machine);
    let canaries = spellings(&data_key(&kms));
    for setting in
        ["throttle", "fault", "close", "truncate", "garbage", "denied", "expired", "html-500"]
    {
        kms.set(setting);
        let server = machine.start(&in_vain(KEY));
        sealed(&server);
        said += &server.stop().1;
    }
    for setting in
        ["disabled", "unknown", "invalid-ciphertext", "incorrect-key", "data-key-31", "wrong-key"]
    {
        kms.set(setting);
        // Another data key is none that the store's values open with, and that shows when one is asked for.
        if setting == "wrong-key" {
            let server = machine.start(&with(KEY));
            let (status, answer) = server.get("dev/db").unwrap_err();
            assert_eq!(status, 500);
            said += &answer;
            said += &server.stop().1;
        } else {
            said += &machine.fails(&with(KEY)).1;
        }
    }
    let kept: Vec<u8> = ["secrets.db", "secrets.db-wal", "audit.log"]
        .iter()
        .flat_map(|file| std::fs::read(machine.path("state").join(file)).unwrap_or_default())
        .collect();
    assert!(said.contains("AWS KMS is throttling requests") && !kept.is_empty());
    for canary in canaries {
        let is_said = said.as_bytes().windows(canary.len()).any(|part| part == canary);
        assert!(!is_said, "it was said: {said}");
        assert!(!kept.windows(canary.len()).any(|part| part == canary), "it was kept");
    }
}

/// The data key, from the request to unwrap it.
fn data_key(kms: &Kms) -> Vec<u8> {
    let last = kms.requests().last.expect("the store was opened");
    let body: serde_json::Value = serde_json::from_str(&last.body).expect("JSON");
    let wrapped = BASE64_STANDARD.decode(body["CiphertextBlob"].as_str().expect("a wrapped key"));
    plaintext_of(&wrapped.expect("base64")).expect("a ciphertext of this server")
}

/// The forms in which what is secret could be shown, and enough of each to know it by.
fn spellings(key: &[u8]) -> Vec<Vec<u8>> {
    assert_eq!(key.len(), 32);
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = BASE64_STANDARD.encode(key);
    let list = format!("{:?}", &key[..8]);
    let text =
        [&hex[..16], &hex[48..], &base64[..12], &base64[20..32], list.trim_matches(['[', ']'])];
    let mut all: Vec<Vec<u8>> = text.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.extend([key[..8].to_vec(), key[24..].to_vec(), SECRET.into(), VALUE.into()]);
    all.push(BASE64_STANDARD.encode(VALUE).into_bytes());
    all.push(hex[..16].to_uppercase().into_bytes());
    all
}
