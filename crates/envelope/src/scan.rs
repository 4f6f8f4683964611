//! Finding tokens in any bytes, in one pass.
//!
//! A token is what the Go program's pattern `ENC\[(NACL|KMS),[a-zA-Z0-9+/=\s]+\]` matches, leftmost
//! and without overlap. No regular expression is compiled: that alone would cost more than opening a
//! token. Each byte is looked at a bounded number of times, whatever the text.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::token::{Kind, Token, is_space};

const OPEN: &[u8] = b"ENC[";

/// Made once: making it costs more than searching the value of a variable with it.
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(OPEN));

/// A part of a text. All pieces joined are the text, byte for byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// What stays as it is. Never empty.
    Text(&'a [u8]),
    /// What is to be opened.
    Token(Token<'a>),
}

/// Cuts `input` into its pieces.
pub fn scan(input: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut tokens = Tokens::new(input);
    let mut done = 0;
    let mut waiting = None;
    std::iter::from_fn(move || {
        if let Some(token) = waiting.take() {
            return Some(Piece::Token(token));
        }
        let from = done;
        let until = match tokens.next() {
            Some((start, token)) => {
                done = start + token.text().len();
                if start == from {
                    return Some(Piece::Token(token));
                }
                waiting = Some(token);
                start
            }
            None => {
                done = input.len();
                input.len()
            }
        };
        (from < until).then(|| Piece::Text(&input[from..until]))
    })
}

/// The tokens of a text with their offsets, as long as they are whole.
pub(crate) struct Tokens<'a> {
    input: &'a [u8],
    from: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, from: 0 }
    }

    /// Where a token may start that the end of the input has cut off, once there are no more whole
    /// ones: what is before that has been dealt with.
    pub(crate) fn done(&self) -> usize {
        self.from
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(found) = FINDER.find(&self.input[self.from..]) else {
                self.from = self.from.max(self.input.len().saturating_sub(OPEN.len() - 1));
                return None;
            };
            let start = self.from + found;
            match token_at(&self.input[start..]) {
                At::Token(token) => {
                    self.from = start + token.text().len();
                    return Some((start, token));
                }
                At::Nothing(len) => self.from = start + len,
                At::CutOff => {
                    self.from = start;
                    return None;
                }
            }
        }
    }
}

/// What is at a place where `ENC[` stands.
enum At<'a> {
    Token(Token<'a>),
    /// No token, and none starts in so many bytes.
    Nothing(usize),
    /// Whether it is one depends on what follows the input.
    CutOff,
}

fn token_at(text: &[u8]) -> At<'_> {
    let after = &text[OPEN.len()..];
    let Some(kind) =
        Kind::ALL.into_iter().find(|kind| after.starts_with(kind.tag_and_comma().as_bytes()))
    else {
        let cut_off =
            Kind::ALL.iter().any(|kind| kind.tag_and_comma().as_bytes().starts_with(after));
        return if cut_off { At::CutOff } else { At::Nothing(OPEN.len()) };
    };
    let body = OPEN.len() + kind.tag_and_comma().len();
    let mut spaced = false;
    let plain = base64_prefix(&text[body..]);
    for (len, &byte) in text[body..].iter().enumerate().skip(plain) {
        match CLASS[usize::from(byte)] {
            Class::Base64 => {}
            Class::Space => spaced = true,
            Class::Other if byte == b']' && len > 0 => {
                return At::Token(Token::new(kind, &text[..=body + len], spaced));
            }
            // The body may have ended in `ENC`, and this byte be its `[`.
            Class::Other => {
                return At::Nothing((body + len).saturating_sub(OPEN.len() - 1).max(body));
            }
        }
    }
    At::CutOff
}

/// How many bytes at the start of `text` are base64, in steps of 32. Comparisons without a branch are
/// made on many bytes at once, and nearly every body is one run of such bytes.
fn base64_prefix(text: &[u8]) -> usize {
    let is_base64 = |byte: u8| {
        (byte.wrapping_sub(b'/') < 11) // `/` and the digits
            | (byte.wrapping_sub(b'A') < 26)
            | (byte.wrapping_sub(b'a') < 26)
            | (byte == b'+')
    };
    let (chunks, _) = text.as_chunks::<32>();
    let all = |chunk: &&[u8; 32]| chunk.iter().fold(true, |all, &byte| all & is_base64(byte));
    32 * chunks.iter().take_while(all).count()
}

#[derive(Clone, Copy)]
enum Class {
    Base64,
    Space,
    Other,
}

const CLASS: [Class; 256] = {
    let mut class = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'+' | b'/' | b'=') {
            class[byte] = Class::Base64;
        } else if is_space(byte as u8) {
            class[byte] = Class::Space;
        }
        byte += 1;
    }
    class
};

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pattern, tried at every offset: slow, and plain enough to be believed.
    fn reference(input: &[u8]) -> Vec<&[u8]> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            let tag = ["ENC[NACL,", "ENC[KMS,"].iter().find(|tag| rest.starts_with(tag.as_bytes()));
            let len = tag.and_then(|tag| {
                let body = &rest[tag.len()..];
                let end = body.iter().position(|&b| {
                    !(b.is_ascii_alphanumeric() || b"+/=\t\n\x0c\r ".contains(&b))
                })?;
                (end > 0 && body[end] == b']').then_some(tag.len() + end + 1)
            });
            match len {
                Some(len) => {
                    found.push(&rest[..len]);
                    at += len;
                }
                None => at += 1,
            }
        }
        found
    }

    fn tokens(input: &[u8]) -> Vec<&[u8]> {
        Tokens::new(input).map(|(_, token)| token.text()).collect()
    }

    #[test]
    fn a_token_may_start_in_what_looked_like_a_body() {
        assert_eq!(tokens(b"ENC[NACL,ENC[NACL,AAAA]]"), [b"ENC[NACL,AAAA]"]);
        assert_eq!(tokens(b"ENC[NACL,AENC[KMS,A]"), [b"ENC[KMS,A]"]);
        assert_eq!(tokens(b"ENC[ENC[KMS,A]"), [b"ENC[KMS,A]"]);
    }

    #[test]
    fn many_openings_without_an_end_are_scanned_in_linear_time() {
        for unit in ["ENC[NACL,", "ENC[NACL,A", "ENC[", "ENC[NACL,\n"] {
            assert!(tokens(unit.repeat((8 << 20) / unit.len()).as_bytes()).is_empty());
        }
    }

    /// Text that is nearly a token more often than not.
    pub(crate) fn near_tokens() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just("ENC[".to_string()),
            Just("ENC[NACL,".to_string()),
            Just("ENC[KMS,".to_string()),
            Just("EN".to_string()),
            Just("]".to_string()),
            Just("[".to_string()),
            "[A-C+/= \\n\\t\\r\\x0b\\x0c]{0,4}",
            "\\PC{0,2}",
        ];
        proptest::collection::vec(part, 0..20).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        #[test]
        fn finds_what_the_pattern_finds(input in near_tokens()) {
            prop_assert_eq!(tokens(&input), reference(&input));
        }

        #[test]
        fn pieces_join_to_the_input(input in near_tokens()) {
            let joined: Vec<u8> = scan(&input)
                .flat_map(|piece| match piece {
                    Piece::Text(text) => text.to_vec(),
                    Piece::Token(token) => token.text().to_vec(),
                })
                .collect();
            prop_assert_eq!(&joined, &input);
        }
    }
}
