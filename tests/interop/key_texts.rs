//! `go-keys.json`: which texts are keys, and how keys are written.

use secretary_envelope::{KeyError, PublicKey, SecretKey};
use serde_json::Value;

use crate::vectors::{base64, hex, judge_all, members, parse, text};

const VECTORS: &str = include_str!("../vectors/go-keys.json");

#[test]
fn reads_the_keys_the_go_program_reads_and_no_others() {
    let vectors = parse(VECTORS);
    judge_all::<()>(&vectors["pem_decode"], 48, &[], |case, _| {
        judge(case, text(&case["input"]).as_bytes())
    });
    judge_all::<()>(&vectors["pem_decode_raw_bytes"], 7, &[], |case, _| {
        judge(case, &base64(&case["input_base64"]))
    });
}

/// The same for both halves: the format does not tell them apart.
fn judge(case: &Value, input: &[u8]) -> Result<(), String> {
    let public = PublicKey::parse(input);
    let private = SecretKey::parse(input);
    let good = match case["ok"].as_bool().expect("ok is a truth value") {
        true => {
            let key = hex_key(&case["key_hex"]);
            let same = SecretKey::from(&key);
            public.as_ref().is_ok_and(|public| public.to_bytes() == key)
                && private.as_ref().is_ok_and(|private| private.is(&same))
        }
        false => {
            let expected = |error: &KeyError| match text(&case["error"]) {
                "Expected a 32 byte key" => matches!(error, KeyError::Length(_)),
                "Failed to decode PEM block" => *error == KeyError::NoKey,
                other => panic!("the Go program has no error {other:?}"),
            };
            public.as_ref().is_err_and(expected) && private.as_ref().is_err_and(expected)
        }
    };
    if good { Ok(()) } else { Err(format!("{public:?}, {private:?} for {case}")) }
}

#[test]
fn writes_the_bytes_the_go_program_writes() {
    let vectors = parse(VECTORS);
    for case in members(&vectors["pem_encode"], 4) {
        let key = hex_key(&case["key_hex"]);
        let pem = match text(&case["type"]) {
            "NACL PUBLIC KEY" => PublicKey::from(key).to_pem(),
            "NACL PRIVATE KEY" => SecretKey::from(&key).to_pem(),
            other => panic!("there is no kind of key called {other:?}"),
        };
        assert_eq!(*pem, text(&case["pem"]));
    }
}

fn hex_key(value: &Value) -> [u8; 32] {
    hex(value).try_into().expect("a key has 32 bytes")
}
