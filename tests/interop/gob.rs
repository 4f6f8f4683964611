//! `go-kms.json`, `go-gob-decode.json`, `go-gob-fuzz.json`: the bodies of KMS tokens, and bodies that
//! Go's decoder took or refused.
//!
//! The Go program ignored the decoder's error and went on with the fields filled until then. Here a body
//! counts as taken when Go decoded it without an error; the fields are then the same.

use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use secretary_envelope::{Damage, Kind, Piece, gob, scan};
use serde_json::Value;

use crate::vectors::{Difference, base64, judge_all, key, members, parse, text};

/// What a body holds, or that it is damaged.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Holds { wrapped_key: Vec<u8>, nonce: Vec<u8>, message: Vec<u8> },
    Damaged,
}

impl Outcome {
    /// What a decoded body holds.
    pub(crate) fn of(body: &[u8]) -> Self {
        match gob::decode(body) {
            Ok(payload) => Self::Holds {
                wrapped_key: body[payload.wrapped_key].to_vec(),
                nonce: payload.nonce.to_vec(),
                message: body[payload.message].to_vec(),
            },
            Err(damage) => {
                assert_eq!(damage, Damage::NotGob);
                Self::Damaged
            }
        }
    }

    /// The fields after Go's decoder, unless it gave an error or the Go program then panicked.
    fn recorded(case: &Value) -> Self {
        if !case["decode_error"].is_null() || case["decrypt"].get("panic").is_some() {
            return Self::Damaged;
        }
        Self::Holds {
            wrapped_key: base64(&case["edk_base64"]),
            nonce: case["nonce_base64"]
                .as_str()
                .map(|_| base64(&case["nonce_base64"]))
                .unwrap_or_default(),
            message: base64(&case["message_base64"]),
        }
    }

    /// The plaintext, or `None` if the message was not sealed with this key.
    pub(crate) fn open(&self, data_key: &[u8; 32]) -> Option<Vec<u8>> {
        let Self::Holds { nonce, message, .. } = self else { return None };
        let opened = XSalsa20Poly1305::new(data_key.into());
        opened.decrypt(Nonce::from_slice(nonce), message.as_slice()).ok()
    }
}

/// The decoded body of a text that is one KMS token.
pub(crate) fn body(token: &Value) -> Vec<u8> {
    let text = text(token);
    let found: Vec<_> = scan(text.as_bytes()).collect();
    match found[..] {
        [Piece::Token(token)] => assert_eq!(token.kind(), Kind::Kms),
        _ => panic!("{text} is not one token"),
    }
    base64(&text["ENC[KMS,".len()..text.len() - 1].into())
}

/// One token of the Go program: its parts are as recorded, open, and give the same bytes again.
fn decodes_opens_and_encodes(case: &Value, data_key: &[u8; 32]) {
    let body = body(&case["token"]);
    let parts = ["encrypted_data_key_base64", "nonce_base64", "message_base64"];
    let payload = gob::decode(&body).unwrap_or_else(|damage| panic!("{damage}: {case}"));
    let wrapped_key = &body[payload.wrapped_key];
    let message = &body[payload.message];
    assert_eq!(wrapped_key, base64(&case[parts[0]]), "{case}");
    assert_eq!(payload.nonce.as_slice(), base64(&case[parts[1]]), "{case}");
    if let Some(message_base64) = case.get(parts[2]) {
        assert_eq!(message, base64(message_base64), "{case}");
    }
    if let Some(len) = case["message_len"].as_u64() {
        assert_eq!(message.len() as u64, len, "{case}");
    }
    assert_eq!(
        Outcome::of(&body).open(data_key),
        Some(base64(&case["plaintext_base64"])),
        "{case}"
    );
    assert!(gob::encode(wrapped_key, &payload.nonce, message) == body, "other bytes: {case}");
}

#[test]
fn the_go_programs_tokens_decode_open_and_encode_to_the_same_bytes() {
    let vectors = parse(include_str!("../vectors/go-kms.json"));
    let data_key = key(&vectors["data_key_base64"]);
    for case in members(&vectors["vectors"], 38) {
        decodes_opens_and_encodes(case, &data_key);
    }
    // The token in the Go program's own tests, with the key that its test server unwraps to.
    let reference = &vectors["reference_test_token"];
    decodes_opens_and_encodes(reference, &key(&reference["data_key_base64"]));
}

/// Judges a body by what Go made of it, and by whether the message opens.
fn judge(case: &Value, difference: Option<&Outcome>, data_key: &[u8; 32]) -> Result<(), String> {
    let ours = Outcome::of(&base64(&case["gob_base64"]));
    let go = Outcome::recorded(case);
    let opened = match (&ours, case["decrypt"].get("plaintext_base64")) {
        (Outcome::Holds { .. }, Some(plaintext)) => ours.open(data_key) == Some(base64(plaintext)),
        _ => ours.open(data_key).is_none(),
    };
    let good = match difference {
        Some(listed) => ours == *listed && ours != go,
        None => ours == go,
    };
    if good && opened { Ok(()) } else { Err(format!("ours {ours:?}, go {go:?}")) }
}

/// Bodies that Go decodes without an error, although what they hold never opens.
fn refused(names: &[&'static str]) -> Vec<Difference<Outcome>> {
    let because = "A message too short for its tag never opens, so it was cut, whatever the keys.";
    names.iter().map(|&name| Difference { name, ours: Outcome::Damaged, because }).collect()
}

#[test]
fn decodes_the_bodies_go_decodes_and_no_others() {
    let vectors = parse(include_str!("../vectors/go-gob-decode.json"));
    let data_key = key(&vectors["data_key_base64"]);
    let short = refused(&[
        "Nonce omitted and Message shorter than 16 bytes",
        "Message omitted (empty)",
        "all fields omitted",
        "only EncryptedDataKey in type and value",
        "struct with zero fields",
    ]);
    judge_all(&vectors["cases"], 70, &short, |case, listed| judge(case, listed, &data_key));
}

#[test]
fn decodes_the_changed_bodies_go_decodes_and_no_others() {
    let vectors = parse(include_str!("../vectors/go-gob-fuzz.json"));
    let data_key = key(&vectors["data_key_base64"]);
    let short = refused(&[
        "fuzz 114",
        "fuzz 153",
        "fuzz 289",
        "fuzz 360",
        "fuzz 370",
        "fuzz 544",
        "fuzz 566",
        "fuzz 809",
        "fuzz 839",
        "fuzz 1006",
        "fuzz 1074",
        "fuzz 1274",
        "fuzz 1459",
        "fuzz 1483",
        "fuzz 1726",
        "fuzz 1804",
        "fuzz 1879",
        "fuzz 1883",
    ]);
    judge_all(&vectors["cases"], 1500, &short, |case, listed| judge(case, listed, &data_key));
}
