//! What a string of JSON stands for, as Go's `encoding/json` reads it.
//!
//! Two protocols were written in Go, setec's and the agents', and what one of their strings stands for may be a plaintext.
//! serde_json can't stand in for this: it refuses what is no UTF-8, and surrogates without their other half, which Go replaces,
//! and it copies what it unescapes to memory that is not wiped.
//!
//! This knows no grammar: each protocol has a scanner of its own, because they differ in what they say about a wrong text.

use secretary_secret::Secret;

/// `raw`, if each byte of it stands for itself: most strings are so, and need not be copied.
pub fn plain(raw: &[u8]) -> Option<&str> {
    if raw.contains(&b'\\') { None } else { str::from_utf8(raw).ok() }
}

/// The text between two quotation marks, of which a scanner has said that it is a string. What is no UTF-8, and surrogates
/// without the other half, become U+FFFD.
///
/// # Panics
///
/// When an escape is cut off, which no scanner lets pass.
pub fn unescaped(mut raw: &[u8]) -> Secret {
    let mut text = Secret::with_capacity(raw.len());
    while let Some(&first) = raw.first() {
        if first == b'\\' {
            raw = push_escaped(&mut text, raw);
            continue;
        }
        let plain = raw.iter().position(|&byte| byte == b'\\').unwrap_or(raw.len());
        push_lossy(&mut text, &raw[..plain]);
        raw = &raw[plain..];
    }
    text
}

/// Appends what the escape at the start of `raw` stands for, and answers what is behind it.
fn push_escaped<'a>(text: &mut Secret, raw: &'a [u8]) -> &'a [u8] {
    let simple = match raw[1] {
        b'b' => b'\x08',
        b'f' => b'\x0c',
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return push_unicode(text, raw),
        other => other,
    };
    text.extend(&[simple]);
    &raw[2..]
}

fn push_unicode<'a>(text: &mut Secret, raw: &'a [u8]) -> &'a [u8] {
    let first = unit(raw).unwrap_or_default();
    let (character, len) = match (first, unit(&raw[6..])) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            (0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00), 12)
        }
        _ => (first, 6),
    };
    let character = char::from_u32(character).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    &raw[len..]
}

/// The number of a `\uXXXX` at the start of `raw`.
fn unit(raw: &[u8]) -> Option<u32> {
    let digits = raw.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// Go replaces each byte that can't be read, where Rust would replace a cut sequence as a whole.
fn push_lossy(text: &mut Secret, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            text.extend("\u{fffd}".as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &[u8]) -> String {
        String::from_utf8(unescaped(raw).expose().to_vec()).expect("all else was replaced")
    }

    #[test]
    fn escapes_are_undone_and_halves_replaced() {
        let raw =
            br#"\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00 \ud83d \ude00 \ud83d\u0041 \ud83d\n \ud83d\ue000 \u0000"#;
        let expected =
            "\"\\/\u{8}\u{c}\n\r\té😀 \u{fffd} \u{fffd} \u{fffd}A \u{fffd}\n \u{fffd}\u{e000} \0";
        assert_eq!(text(raw), expected);
    }

    #[test]
    fn each_byte_that_is_no_text_is_replaced() {
        assert_eq!(
            text(b"a\xff\xe2\x82b\xed\xa0\x80"),
            format!("a{0}{0}{0}b{0}{0}{0}", '\u{fffd}')
        );
        assert_eq!(text("é\u{ffff}".as_bytes()), "é\u{ffff}");
    }
}
