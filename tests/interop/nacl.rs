//! `go-nacl.json`: tokens sealed by the Go program, and bodies it opened or refused.

use secretary_envelope::{NaclBox, OpenError, Opener, PublicKey, SecretKey, Text, WeakKey};
use secretary_secret::Secret;
use serde_json::Value;

use crate::vectors::{Difference, base64, judge_all, key, parse, text};

const VECTORS: &str = include_str!("../vectors/go-nacl.json");

/// What became of a text with tokens.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// All tokens opened; the text with their plaintexts.
    Opened(Vec<u8>),
    /// There is no token in it.
    NoToken,
    /// A token can't be what was once sealed.
    Damaged,
    /// A token is not of these keys.
    Forged,
}

fn open(text: &[u8], private: &[u8; 32], public: &[u8; 32]) -> Result<Outcome, WeakKey> {
    let keys = (SecretKey::from(private), PublicKey::from(*public));
    let text = Text::parse(text);
    if text.tokens().len() == 0 {
        return Ok(Outcome::NoToken);
    }
    let opening = Opener::new(Some(keys)).open_all(text.tokens());
    Ok(match opening.and_then(|opening| opening.finish(&[], Vec::new())) {
        Ok(opened) => Outcome::Opened(text.replaced(opened.iter()).flatten().copied().collect()),
        Err(failed) => match failed[0].error {
            OpenError::Damaged(_) => Outcome::Damaged,
            OpenError::Forged => Outcome::Forged,
            OpenError::WeakKey(weak) => return Err(weak),
            other => panic!("{other}"),
        },
    })
}

#[test]
fn opens_what_the_go_program_sealed_with_either_private_key_and_seals_for_it() {
    let vectors = parse(VECTORS);
    // A name is used once for each pair of keys.
    let mut cases = vectors["vectors"].clone();
    for case in cases.as_array_mut().expect("cases are a list") {
        case["name"] = format!("{}, {}", text(&case["name"]), text(&case["pair"])).into();
    }
    let weak = [Difference {
        name: "secret, all-zero (low order) public key on both sides",
        ours: WeakKey,
        because: "Whoever knows the format can open what is sealed with such a public key.",
    }];
    judge_all(&cases, 27, &weak, |case, weak| {
        let [seal_private, seal_public, open_private, open_public] =
            ["seal_private", "seal_public", "open_private", "open_public"]
                .map(|half| key(&case[format!("{half}_key_base64")]));
        let plaintext = base64(&case["plaintext_base64"]);
        let token = text(&case["token"]);
        let sealed = NaclBox::agree(&SecretKey::from(&seal_private), &seal_public.into())
            .map(|agreed| agreed.seal(&Secret::from(plaintext.clone())).expect("random bytes"));
        let texts = match (&sealed, weak) {
            (Ok(sealed), None) => vec![token, sealed],
            (Err(_), Some(_)) => vec![token],
            _ => return Err(format!("sealed {sealed:?}")),
        };
        let expected = match weak {
            Some(weak) => Err(*weak),
            None => Ok(Outcome::Opened(plaintext)),
        };
        for text in &texts {
            for (private, public) in [(&open_private, &open_public), (&seal_private, &seal_public)]
            {
                let ours = open(text.as_bytes(), private, public);
                if ours != expected {
                    return Err(format!("{ours:?}"));
                }
            }
        }
        let same_form = texts.iter().all(|text| text.len() == token.len());
        let fresh_nonce = texts.get(1).is_none_or(|sealed| *sealed != token);
        if same_form && fresh_nonce { Ok(()) } else { Err(format!("{sealed:?}")) }
    });
}

/// White space.
const SPACE: &str = "The Go program's `decrypt` takes white space out before it opens a token, so its users see such a token opened, too.";
/// Text around a token.
const AROUND: &str = "The Go program's `decrypt` finds the token in its text before it opens it, so its users see the same.";

fn differences() -> Vec<Difference<Outcome>> {
    let opened = |name, text: &[u8], because| Difference {
        name,
        ours: Outcome::Opened(text.to_vec()),
        because,
    };
    vec![
        opened("space inside base64 (not stripped)", b"secret", SPACE),
        opened("tab inside base64", b"secret", SPACE),
        opened("prefix text before envelope (unanchored type check)", b"xsecret", AROUND),
        opened("9 chars of prefix", b"123456789secret", AROUND),
        opened("suffix text after envelope", b"secretx", AROUND),
        opened("two envelopes", b"secretsecret", AROUND),
        Difference {
            name: "25 bytes",
            ours: Outcome::Damaged,
            because: "A body that is too short for the tag was cut, whatever the keys.",
        },
        Difference {
            name: "39 bytes",
            ours: Outcome::Damaged,
            because: "A body that is too short for the tag was cut, whatever the keys.",
        },
        Difference {
            name: "KMS type",
            ours: Outcome::Damaged,
            because: "It is a token, and its body is not what a KMS token holds.",
        },
    ]
}

#[test]
fn opens_the_bodies_the_go_program_opens_and_no_others() {
    let vectors = parse(VECTORS);
    let recorded = &vectors["decrypt_cases"];
    let master_private = key(&recorded["open_private_key_base64"]);
    let config_public = key(&recorded["open_public_key_base64"]);
    let config_private = key(&vectors["vectors"][0]["seal_private_key_base64"]);
    let master_public = SecretKey::from(&master_private).public_key().to_bytes();
    assert_eq!(config_public, SecretKey::from(&config_private).public_key().to_bytes());
    judge_all(&recorded["cases"], 39, &differences(), |case, difference| {
        let (private, public) = match text(&case["name"]) {
            "opened with (master public, config private): same shared key" => {
                (config_private, master_public)
            }
            "opened with (master public, master private)" => (master_private, master_public),
            _ => (master_private, config_public),
        };
        let go = recorded_outcome(case);
        let ours = open(text(&case["envelope"]).as_bytes(), &private, &public);
        let ours = ours.map_err(|weak| weak.to_string())?;
        let good = match difference {
            Some(listed) => ours == *listed && ours != go,
            None => ours == go,
        };
        if good { Ok(()) } else { Err(format!("ours {ours:?}, go {go:?}")) }
    });
}

fn recorded_outcome(case: &Value) -> Outcome {
    if case["ok"] == true {
        return Outcome::Opened(base64(&case["plaintext_base64"]));
    }
    match text(&case["error"]) {
        "Expected at least 25 bytes of encrypted data" => Outcome::Damaged,
        "Failed to decrypt (incorrect keys?)" => Outcome::Forged,
        "Expected ENC[NACL,...] structured string" => Outcome::NoToken,
        error if error.starts_with("illegal base64 data at input byte ") => Outcome::Damaged,
        error => panic!("the Go program has no error {error:?}"),
    }
}
