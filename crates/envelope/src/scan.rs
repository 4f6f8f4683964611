//! Finding tokens in any bytes, in one pass.
//!
//! A token is what the Go program's pattern `ENC\[(NACL|KMS),[a-zA-Z0-9+/=\s]+\]` matches, leftmost
//! and without overlap. No regular expression is compiled: that alone would cost more than opening a
//! token. Each byte is looked at a bounded number of times, whatever the text.
//!
//! A third kind, which that program leaves as it is, is what `ENC\[SETEC,[^\[\]]{0,4096}\]` matches. Far from all of that
//! names a secret. What does not is a token all the same, so that it is told of: left in its place, a program would have
//! it for a password. As there is no bracket in its body, it covers no token of the other kinds.

use std::sync::LazyLock;

use memchr::memchr2;
use memchr::memmem::Finder;

use crate::reference::MAX_NAME;
use crate::token::{Kind, Token, is_space};

const OPEN: &[u8] = b"ENC[";

/// The most bytes that are searched for the end of a name: some times what a name may have.
const MAX_REFERENCE: usize = 4 * MAX_NAME;

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
    match kind {
        Kind::Nacl | Kind::Kms => sealed_at(kind, text, body),
        Kind::Setec => reference_at(text, body),
    }
}

/// What is at the start of `text`, the body of which starts at `body` and should be base64.
fn sealed_at(kind: Kind, text: &[u8], body: usize) -> At<'_> {
    let mut spaced = false;
    let plain = base64_prefix(&text[body..]);
    for (len, &byte) in text[body..].iter().enumerate().skip(plain) {
        match CLASS[usize::from(byte)] {
            Class::Base64 => {}
            Class::Space => spaced = true,
            Class::Other if byte == b']' && len > 0 => {
                return At::Token(Token::new(kind, &text[..=body + len], spaced));
            }
            Class::Other => return nothing_until(body, body + len),
        }
    }
    At::CutOff
}

/// The same where the body should be a name.
fn reference_at(text: &[u8], body: usize) -> At<'_> {
    let end = text.len().min(body + MAX_REFERENCE + 1);
    match memchr2(b'[', b']', &text[body..end]) {
        Some(len) if text[body + len] == b']' => {
            At::Token(Token::new(Kind::Setec, &text[..=body + len], false))
        }
        Some(len) => nothing_until(body, body + len),
        None if end - body > MAX_REFERENCE => nothing_until(body, end),
        None => At::CutOff,
    }
}

/// No token starts before `end`, unless the body has ended in `ENC`, and its `[` is there.
fn nothing_until<'a>(body: usize, end: usize) -> At<'a> {
    At::Nothing(end.saturating_sub(OPEN.len() - 1).max(body))
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

    /// The patterns, tried at every offset: slow, and plain enough to be believed.
    fn reference(input: &[u8]) -> Vec<&[u8]> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            let sealed = ["ENC[NACL,", "ENC[KMS,"].iter().find_map(|tag| {
                let body = rest.strip_prefix(tag.as_bytes())?;
                let end = body.iter().position(|&b| {
                    !(b.is_ascii_alphanumeric() || b"+/=\t\n\x0c\r ".contains(&b))
                })?;
                (end > 0 && body[end] == b']').then_some(tag.len() + end + 1)
            });
            let len = sealed.or_else(|| {
                let body = rest.strip_prefix(b"ENC[SETEC,")?;
                let end = body.iter().position(|b| b"[]".contains(b))?;
                (end <= 4096 && body[end] == b']').then_some("ENC[SETEC,".len() + end + 1)
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
        for unit in ["ENC[NACL,", "ENC[NACL,A", "ENC[", "ENC[NACL,\n", "ENC[SETEC,", "ENC[SETEC,a"]
        {
            assert!(tokens(unit.repeat((8 << 20) / unit.len()).as_bytes()).is_empty());
        }
    }

    #[test]
    fn what_may_name_a_secret_ends_at_the_first_bracket() {
        for text in ["a", "a@1", "", "a b", "a\nb", "\0", "a,b", "]"] {
            let text = format!("x ENC[SETEC,{text}] y");
            let end = text.find(']').expect("a bracket");
            assert_eq!(tokens(text.as_bytes()), [&text.as_bytes()[2..=end]]);
        }
        for text in ["ENC[SETEC,a", "ENC[SETEC]", "ENC[setec,a]", "ENC[SETEC a]", "enc[SETEC,a]"] {
            assert!(tokens(text.as_bytes()).is_empty(), "{text}");
        }
        assert_eq!(tokens(b"ENC[SETEC,aENC[NACL,AAAA]]"), [b"ENC[NACL,AAAA]"]);
        assert_eq!(tokens(b"ENC[NACL,AENC[SETEC,a]"), [b"ENC[SETEC,a]"]);
    }

    #[test]
    fn the_end_of_a_name_is_not_looked_for_in_the_whole_text() {
        let text = |len| format!("ENC[SETEC,{}ENC[SETEC,a]", "x".repeat(len) + "]");
        assert_eq!(tokens(text(MAX_REFERENCE).as_bytes()).len(), 2);
        assert_eq!(tokens(text(MAX_REFERENCE + 1).as_bytes()), [b"ENC[SETEC,a]"]);
        // The bracket that ends the search may be that of a token.
        for len in MAX_REFERENCE - 8..MAX_REFERENCE + 8 {
            let text = format!("ENC[SETEC,{}ENC[KMS,A]", "x".repeat(len));
            assert_eq!(tokens(text.as_bytes()), [b"ENC[KMS,A]"], "{len}");
        }
    }

    /// Text that is nearly a token more often than not.
    pub(crate) fn near_tokens() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just("ENC[".to_string()),
            Just("ENC[NACL,".to_string()),
            Just("ENC[KMS,".to_string()),
            Just("ENC[SETEC,".to_string()),
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

        /// The third kind of token changes nothing about the others.
        #[test]
        fn the_go_programs_tokens_stay_what_they_are(input in near_tokens()) {
            let is_sealed = |token: &&[u8]| !token.starts_with(b"ENC[SETEC,");
            let without = String::from_utf8_lossy(&input).replace("SETEC", "SETEK").into_bytes();
            let sealed: Vec<_> = tokens(&input).into_iter().filter(is_sealed).collect();
            prop_assert_eq!(sealed, tokens(&without));
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
