//! Base64 with exactly the leniency of Go's `base64.StdEncoding`.
//!
//! Padding is required and nothing may follow it, but bits that no byte uses may be anything: the Go
//! program accepts such tokens, so they exist. White space is taken out by the callers, because keys
//! and tokens differ in what they allow.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

const GO: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// How many bytes `len` characters can give at the most.
pub(crate) const fn decoded_bound(len: usize) -> usize {
    len / 4 * 3 + 3
}

/// Decodes `text` to the start of `out`, which has room for [`decoded_bound`] bytes.
pub(crate) fn decode(text: &[u8], out: &mut [u8]) -> Option<usize> {
    GO.decode_slice(text, out).ok()
}

/// Appends the encoded `bytes` to `out`.
pub(crate) fn encode(bytes: &[u8], out: &mut String) {
    GO.encode_string(bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What Go does, written for reading: groups of four characters, the last of them padded.
    fn go(text: &[u8]) -> Option<Vec<u8>> {
        let value = |c: u8| {
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            alphabet.iter().position(|&a| a == c).map(|v| v as u32)
        };
        let mut out = Vec::new();
        for (n, group) in text.chunks(4).enumerate() {
            let last = (n + 1) * 4 >= text.len();
            let pads = group.iter().rev().take_while(|&&c| c == b'=').count();
            if group.len() != 4 || pads > 2 || (pads > 0 && !last) {
                return None;
            }
            let mut bits = 0;
            for &c in &group[..4 - pads] {
                bits = bits << 6 | value(c)?;
            }
            bits <<= 6 * pads;
            out.extend_from_slice(&bits.to_be_bytes()[1..4 - pads]);
        }
        Some(out)
    }

    fn ours(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; decoded_bound(text.len())];
        let len = decode(text, &mut out)?;
        out.truncate(len);
        Some(out)
    }

    #[test]
    fn decodes_every_short_text_as_go_does() {
        let characters = b"AB/+=-_ ";
        for len in 0..=5 {
            for n in 0..characters.len().pow(len) {
                let text: Vec<u8> = (0..len).map(|i| characters[n >> (3 * i) & 7]).collect();
                assert_eq!(ours(&text), go(&text), "{:?}", String::from_utf8_lossy(&text));
            }
        }
    }

    proptest! {
        #[test]
        fn decodes_any_text_as_go_does(text in "[A-Za-z0-9+/]{0,90}={0,3}[A-D]{0,1}") {
            prop_assert_eq!(ours(text.as_bytes()), go(text.as_bytes()));
        }

        #[test]
        fn decodes_what_it_encodes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut text = String::new();
            encode(&bytes, &mut text);
            prop_assert_eq!(ours(text.as_bytes()), Some(bytes));
        }
    }
}
