//! A token's identity: which one it is, without its text.

use std::fmt;

use secretary_envelope::{Text, Token};
use sha2::{Digest, Sha256};

/// SHA-256 of a token's text, from `ENC[` to `]`, without the white space that may be in it.
///
/// `printf %s 'ENC[...]' | sha256sum` prints the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId([u8; 32]);

/// As many bytes as a label has of it, so that a long list fits.
pub const PREFIX: usize = 16;

impl TokenId {
    /// The identity of `token`.
    pub fn of(token: &Token<'_>) -> Self {
        let mut hash = Sha256::new();
        let parts = token.text().split(u8::is_ascii_whitespace);
        parts.for_each(|part| hash.update(part));
        Self(hash.finalize().into())
    }

    /// The identities of all tokens in `text`.
    pub fn of_all(text: &[u8]) -> impl Iterator<Item = Self> {
        let ids: Vec<_> = Text::parse(text).tokens().map(|token| Self::of(&token)).collect();
        ids.into_iter()
    }

    /// The first [`PREFIX`] bytes of the identity that `text` has in hexadecimal digits, all 64 or the first 32.
    pub fn parse_prefix(text: &str) -> Option<[u8; PREFIX]> {
        let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
        let digits = digits.filter(|digits| [2 * PREFIX, 64].contains(&digits.len()))?;
        let byte = |at: usize| u8::try_from(16 * digits[2 * at] + digits[2 * at + 1]);
        Some(std::array::from_fn(|at| byte(at).expect("two hexadecimal digits are a byte")))
    }

    /// The first [`PREFIX`] bytes.
    pub fn prefix(&self) -> [u8; PREFIX] {
        *self.0.first_chunk().expect("32 bytes have 16 at their start")
    }
}

impl fmt::Display for TokenId {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_in_a_token_is_no_part_of_it() {
        let ids: Vec<_> = TokenId::of_all(b"a ENC[KMS,AA==] b ENC[KMS,\nA A\t==]").collect();
        assert_eq!(ids.len(), 2);
        assert_eq!(ids[0], ids[1]);
        let sha256sum = "474c6c77e85b45fdb61434baaf936790";
        assert_eq!(&ids[0].to_string()[..32], sha256sum);
    }

    #[test]
    fn a_prefix_is_read_from_32_or_64_digits() {
        let id = TokenId::of_all(b"ENC[KMS,AA==]").next().expect("a token");
        let text = id.to_string();
        for digits in [&text, &text[..32], &text.to_uppercase()] {
            assert_eq!(TokenId::parse_prefix(digits), Some(id.prefix()));
        }
        for digits in ["", &text[..31], &text[..33], &text[..62], &format!("{text}00"), "+1", "é"]
        {
            assert_eq!(TokenId::parse_prefix(digits), None, "{digits}");
        }
        assert_eq!(TokenId::parse_prefix(&text.replace('b', "g")), None);
    }
}
