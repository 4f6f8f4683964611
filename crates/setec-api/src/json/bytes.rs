//! Bytes, which Go reads from base64 and from arrays of numbers.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secretary_secret::Secret;

use super::{Malformed, Value};

/// Go wants the padding, and does not look at the bits of the last character that stand for nothing.
const GO: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A field of bytes while it is read, which may happen more than once.
#[derive(Default)]
pub(crate) struct Bytes {
    /// Go reads an array into the memory of the one before, and `null` leaves a byte as it was there, even behind
    /// the end of one between the two.
    memory: Secret,
    len: usize,
}

impl Bytes {
    pub(crate) fn into_secret(mut self) -> Secret {
        self.memory.resize(self.len);
        self.memory
    }

    /// Takes what `value` is for bytes.
    pub(crate) fn set(&mut self, value: Value<'_>) -> Result<(), Malformed> {
        if value.is_null() {
            *self = Self::default();
            return Ok(());
        }
        if let Some(plain) = value.plain_text() {
            // Line ends would have to be escaped.
            self.memory = decoded(plain.as_bytes())?;
            self.len = self.memory.len();
            return Ok(());
        }
        if let Some(mut text) = value.text() {
            remove_line_ends(&mut text);
            self.memory = decoded(text.expose())?;
            self.len = self.memory.len();
            return Ok(());
        }
        self.set_numbers(value)
    }

    fn set_numbers(&mut self, array: Value<'_>) -> Result<(), Malformed> {
        let mut len = 0;
        array.items(|item| {
            if len == self.memory.len() {
                self.memory.extend(&[0]);
            }
            if !item.is_null() {
                self.memory.expose_mut()[len] = item.number()?.try_into().map_err(|_| Malformed)?;
            }
            len += 1;
            Ok(())
        })?;
        self.len = len;
        if len == 0 {
            *self = Self::default();
        }
        Ok(())
    }
}

/// What `text` is the base64 of.
fn decoded(text: &[u8]) -> Result<Secret, Malformed> {
    let mut bytes = Secret::default();
    bytes.resize(base64::decoded_len_estimate(text.len()));
    let len = GO.decode_slice(text, bytes.expose_mut()).map_err(|_| Malformed)?;
    bytes.resize(len);
    Ok(bytes)
}

fn remove_line_ends(text: &mut Secret) {
    let bytes = text.expose_mut();
    let mut len = 0;
    for at in 0..bytes.len() {
        if !matches!(bytes[at], b'\r' | b'\n') {
            bytes[len] = bytes[at];
            len += 1;
        }
    }
    text.resize(len);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left when all of `values` were set, one after the other.
    fn set(values: &[&str]) -> Result<Vec<u8>, Malformed> {
        let mut bytes = Bytes::default();
        for value in values {
            bytes.set(Value::whole(value.as_bytes())?)?;
        }
        Ok(bytes.into_secret().expose().to_vec())
    }

    #[test]
    fn base64_has_padding_and_may_have_line_ends() {
        for (text, expected) in [
            (r#""aGk=""#, "hi"),
            (r#""aGl=""#, "hi"),
            (r#""a\r\nGk\n=""#, "hi"),
            (r#""\n""#, ""),
            (r#""""#, ""),
            (r#""\u0061Gk\u003d""#, "hi"),
            ("null", ""),
        ] {
            assert_eq!(set(&[text]), Ok(expected.into()), "{text}");
        }
        for text in ["aGk", "aG k=", "_-8=", "aGk==", "=", "aGk=aGk=", "a", "aGk=\\t", "\u{e9}"] {
            assert_eq!(set(&[&format!("\"{text}\"")]), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn numbers_are_bytes_and_null_leaves_what_was_there() {
        assert_eq!(set(&["[104, 105]"]), Ok(b"hi".to_vec()));
        assert_eq!(set(&["[]"]), Ok(Vec::new()));
        assert_eq!(set(&["[null,1]"]), Ok(vec![0, 1]));
        assert_eq!(set(&["\"aGk=\"", "[null,1]"]), Ok(b"h\x01".to_vec()));
        assert_eq!(set(&["[1,2,3]", "[9]", "[null,null,null,null]"]), Ok(vec![9, 2, 3, 0]));
        assert_eq!(set(&["[1,2,3]", "[]", "[null]"]), Ok(vec![0]));
        assert_eq!(set(&["[1,2,3]", "null", "[null]"]), Ok(vec![0]));
        assert_eq!(set(&["[1,2]", "[3]"]), Ok(vec![3]));
        for text in ["[256]", "[-1]", "[1.0]", "[\"a\"]", "[[1]]", "[true]", "{}", "1", "true"] {
            assert_eq!(set(&[text]), Err(Malformed), "{text}");
        }
    }
}
