//! The bytes of a text as characters.

use std::io::{self, BufRead, Read};

use secretary_secret::Secret;

use super::{LONGEST_TEXT, YamlError};

/// How many bytes yaml.v2 reads at once. What is wrong with a byte it finds with the whole piece, and
/// what comes after a piece it may never see.
const PIECE: usize = 512;

/// A text that is UTF-8 as far as it goes, and why it goes no further.
pub(super) struct Source {
    text: Secret,
    ends_because: Option<&'static str>,
}

impl Source {
    /// Finds the encoding by the mark at the beginning, and what cannot be read.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, YamlError> {
        if bytes.len() > LONGEST_TEXT {
            return Err(YamlError::new("the text is longer than 4 MiB"));
        }
        let (text, problem) = match bytes {
            [0xff, 0xfe, rest @ ..] => decode_utf16(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => decode_utf16(rest, u16::from_be_bytes),
            [0xef, 0xbb, 0xbf, rest @ ..] => decode_utf8(rest),
            _ => decode_utf8(bytes),
        };
        let control = str_of(&text).find(|c| !is_readable(c));
        Ok(match control {
            Some(len) => Self {
                text: Secret::from(&text.expose()[..len]),
                ends_because: Some("control characters are not allowed"),
            },
            None => Self { text, ends_because: problem },
        })
    }

    /// What can be read.
    pub(super) fn text(&self) -> &str {
        str_of(&self.text)
    }

    /// Whether there is more that cannot be read.
    pub(super) fn ends_early(&self) -> bool {
        self.ends_because.is_some()
    }

    /// The same source with another text in the place of `len` bytes at `start`.
    pub(super) fn with(&self, start: usize, len: usize, text: &str) -> Self {
        let old = self.text.expose();
        let mut new = Secret::with_capacity(old.len() + text.len());
        new.extend(&old[..start]);
        new.extend(text.as_bytes());
        new.extend(&old[start + len..]);
        Self { text: new, ends_because: self.ends_because }
    }

    /// The same source with another text in every place of `old`.
    pub(super) fn with_all(&self, old: &str, new: &str) -> Self {
        let mut text = Secret::with_capacity(self.text.len());
        for (index, part) in self.text().split(old).enumerate() {
            text.extend(if index == 0 { b"" } else { new.as_bytes() });
            text.extend(part.as_bytes());
        }
        Self { text, ends_because: self.ends_because }
    }

    /// A reader of it from the beginning.
    pub(super) fn pieces(&self) -> Pieces<'_> {
        Pieces { rest: self.text(), ends_because: self.ends_because, failed: None }
    }
}

/// Reads a source by pieces, each of whole characters.
pub(super) struct Pieces<'a> {
    rest: &'a str,
    ends_because: Option<&'static str>,
    failed: Option<&'static str>,
}

impl Pieces<'_> {
    /// What could not be read, if the reader came that far.
    pub(super) fn failed(&self) -> Option<&'static str> {
        self.failed
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(problem) = self.ends_because {
            // That a character is cut off is noticed at the end, when there is nothing else.
            let piece = if problem.starts_with("incomplete") { 1 } else { PIECE };
            if self.rest.len() < piece {
                self.failed = self.ends_because;
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(&self.rest.as_bytes()[..self.rest.floor_char_boundary(PIECE)])
    }

    fn consume(&mut self, len: usize) {
        self.rest = &self.rest[len..];
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

fn str_of(text: &Secret) -> &str {
    std::str::from_utf8(text.expose()).expect("a source is made of characters")
}

/// Whether YAML allows the character in a text.
fn is_readable(c: char) -> bool {
    matches!(c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn decode_utf8(bytes: &[u8]) -> (Secret, Option<&'static str>) {
    match std::str::from_utf8(bytes) {
        Ok(_) => (Secret::from(bytes), None),
        Err(error) => {
            let (good, bad) = bytes.split_at(error.valid_up_to());
            (Secret::from(good), Some(utf8_problem(bad)))
        }
    }
}

/// What yaml.v2 says of bytes that begin with no character.
fn utf8_problem(bytes: &[u8]) -> &'static str {
    let width = match bytes[0] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    if bytes.len() < width {
        return "incomplete UTF-8 octet sequence";
    }
    if bytes[1..width].iter().any(|byte| byte & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    match bytes {
        [0xc0 | 0xc1, ..] | [0xe0, ..=0x9f, ..] | [0xf0, ..=0x8f, ..] => {
            "invalid length of a UTF-8 sequence"
        }
        _ => "invalid Unicode character",
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> (Secret, Option<&'static str>) {
    let (pairs, odd) = bytes.as_chunks();
    let mut text = Secret::with_capacity(bytes.len());
    for c in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match c {
            Ok(c) => text.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(error) if error.unpaired_surrogate() >= 0xdc00 => {
                return (text, Some("unexpected low surrogate area"));
            }
            Err(_) => return (text, Some("expected low surrogate area")),
        }
    }
    let problem = Some("incomplete UTF-16 character").filter(|_| !odd.is_empty());
    (text, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> Option<&'static str> {
        Source::decode(bytes).expect("short").ends_because
    }

    #[test]
    fn reads_all_three_encodings() {
        for bytes in [&b"a: \xc3\xa9"[..], b"\xef\xbb\xbfa: \xc3\xa9", b"\xff\xfea\0:\0 \0\xe9\0"] {
            assert_eq!(Source::decode(bytes).expect("short").text(), "a: é");
        }
        assert_eq!(Source::decode(b"\xfe\xff\xd8\x3d\xde\0").expect("short").text(), "😀");
    }

    #[test]
    fn says_what_is_wrong_with_bytes_in_the_words_of_yaml_v2() {
        assert_eq!(problem(b"a\xff"), Some("invalid leading UTF-8 octet"));
        assert_eq!(problem(b"a\xc3"), Some("incomplete UTF-8 octet sequence"));
        assert_eq!(problem(b"a\xc3b"), Some("invalid trailing UTF-8 octet"));
        assert_eq!(problem(b"a\xc0\x80"), Some("invalid length of a UTF-8 sequence"));
        assert_eq!(problem(b"a\xed\xa0\x80"), Some("invalid Unicode character"));
        assert_eq!(problem(b"\xff\xfe\x00\xdc"), Some("unexpected low surrogate area"));
        assert_eq!(problem(b"\xff\xfe\x00\xd8a\0"), Some("expected low surrogate area"));
        assert_eq!(problem(b"\xff\xfea"), Some("incomplete UTF-16 character"));
        assert_eq!(problem(b"a\x07\xff"), Some("control characters are not allowed"));
    }

    #[test]
    fn gives_whole_characters_and_fails_with_the_piece_that_has_the_fault() {
        let long = [b"x".repeat(511), "é".repeat(10).into_bytes(), b"\x01".to_vec()].concat();
        let source = Source::decode(&long).expect("short");
        let mut pieces = source.pieces();
        assert_eq!(pieces.fill_buf().expect("a piece").len(), 511);
        pieces.consume(511);
        assert!(pieces.failed().is_none());
        pieces.fill_buf().expect_err("the fault");
        assert_eq!(pieces.failed(), Some("control characters are not allowed"));
    }

    #[test]
    fn refuses_a_text_that_is_too_long() {
        assert!(Source::decode(&vec![b' '; LONGEST_TEXT]).is_ok());
        assert!(Source::decode(&vec![b' '; LONGEST_TEXT + 1]).is_err());
    }
}
