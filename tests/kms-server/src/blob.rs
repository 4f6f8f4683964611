//! The ciphertext blob: what `Decrypt` needs, so that the server keeps nothing.
//!
//! ```text
//! 01 02 02 00 54 45 53 54 | checksum, 8 bytes | {"arn":..,"context":..,"key":..,"salt":..} xor a fixed pad
//! ```
//!
//! It is no encryption. The pad only keeps a data key from being found in a blob by its bytes. What `Encrypt` is given
//! takes the data key's place.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::arn::checksum;

/// KMS' own blobs begin with the same three bytes.
const MARKER: &[u8] = b"\x01\x02\x02\x00TEST";

/// What a blob says.
#[derive(Debug, PartialEq)]
pub(crate) struct Blob {
    pub(crate) arn: String,
    /// In order of names, so that two equal contexts are equal however they were sent.
    pub(crate) context: BTreeMap<String, String>,
    pub(crate) data_key: Vec<u8>,
}

impl Blob {
    pub(crate) fn seal(&self) -> Vec<u8> {
        let text = json!({
            "arn": self.arn,
            "context": self.context,
            "key": BASE64_STANDARD.encode(&self.data_key),
            "salt": salt(),
        })
        .to_string();
        let mut bytes = MARKER.to_vec();
        bytes.extend(checksum(text.as_bytes()).to_be_bytes());
        bytes.extend(pad(text.as_bytes()));
        bytes
    }

    /// What was sealed, or `None` for anything that differs from it in a byte.
    pub(crate) fn open(bytes: &[u8]) -> Option<Self> {
        let (sum, padded) = bytes.strip_prefix(MARKER)?.split_first_chunk::<8>()?;
        let text = pad(padded);
        if checksum(&text) != u64::from_be_bytes(*sum) {
            return None;
        }
        let value: Value = serde_json::from_slice(&text).ok()?;
        Some(Self {
            arn: value["arn"].as_str()?.to_string(),
            context: context(&value["context"])?,
            data_key: BASE64_STANDARD.decode(value["key"].as_str()?).ok()?,
        })
    }
}

/// An encryption context; a missing one is an empty one.
pub(crate) fn context(value: &Value) -> Option<BTreeMap<String, String>> {
    if value.is_null() {
        return Some(BTreeMap::new());
    }
    let pairs = value.as_object()?.iter();
    pairs.map(|(name, value)| Some((name.clone(), value.as_str()?.to_string()))).collect()
}

/// KMS encrypts nothing twice to the same ciphertext.
fn salt() -> String {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).expect("the system has random bytes");
    BASE64_STANDARD.encode(salt)
}

/// Its own reverse.
fn pad(bytes: &[u8]) -> Vec<u8> {
    let key = (0_u8..=255).map(|index| index.wrapping_mul(167).wrapping_add(89)).cycle();
    bytes.iter().zip(key).map(|(byte, pad)| byte ^ pad).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_no_byte_of_it_changed() {
        let context = BTreeMap::from([("a".to_string(), "b".to_string())]);
        let blob = Blob { arn: "arn:x".into(), context, data_key: vec![7; 32] };
        let sealed = blob.seal();
        assert_eq!(Blob::open(&sealed).as_ref(), Some(&blob));
        for index in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[index] ^= 1;
            assert_eq!(Blob::open(&damaged), None, "byte {index}");
            assert_eq!(Blob::open(&sealed[..index]), None, "cut at {index}");
        }
    }
}
