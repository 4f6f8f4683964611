//! One token, as it stands in a text: its kind and its encoded body. No plaintext here.

use std::fmt;

use crate::kms::MAX_WRAPPED_KEY;
use crate::nacl::{self, TAG};
use crate::reference::{Reference, ReferenceError};
use crate::scan::Tokens;
use crate::{base64, gob};

/// Who made a secret a token, and so who makes it a secret again. The list is the format; a kind more is a line in each
/// `match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `ENC[NACL,...]`: base64 of nonce (24 bytes), tag (16) and ciphertext.
    Nacl,
    /// `ENC[KMS,...]`: base64 of a data key wrapped by AWS KMS and the message sealed with it.
    Kms,
    /// `ENC[SETEC,...]`: the name of a secret that a secrets server has, see [`Reference`]. Nothing is sealed in it.
    Setec,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nacl, Self::Kms, Self::Setec];

    /// Those whose tokens have the secret itself in them, sealed.
    pub const SEALED: [Self; 2] = [Self::Nacl, Self::Kms];

    /// The word between `ENC[` and the comma.
    pub fn tag(self) -> &'static str {
        self.tag_and_comma().trim_end_matches(',')
    }

    pub(crate) fn tag_and_comma(self) -> &'static str {
        match self {
            Self::Nacl => "NACL,",
            Self::Kms => "KMS,",
            Self::Setec => "SETEC,",
        }
    }
}

/// Why a token can't be what was once sealed, whatever the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The body is cut, changed, or never was base64.
    #[error("its body is not base64, so it was cut or changed")]
    NotBase64,
    /// Not even an empty secret is that short.
    #[error("its body has {len} bytes, and the shortest has {least}, so it was cut")]
    TooShort {
        /// Bytes there are.
        len: usize,
        /// Bytes that an empty secret gives.
        least: usize,
    },
    /// The body is base64 of something else.
    #[error("it is damaged: its body is not what a KMS token holds")]
    NotGob,
    /// No key service takes a wrapped key of that length.
    #[error("its wrapped data key has {len} bytes, and AWS KMS takes 1 to {MAX_WRAPPED_KEY}")]
    WrappedKey {
        /// Bytes there are.
        len: usize,
    },
    /// It should name a secret.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It names a secret, and was taken for one.
    #[error("nothing is sealed in it, it names a secret of a secrets server")]
    NothingSealed,
}

/// One `ENC[...]`, found by [`crate::scan()`]: its type and body are well formed, no more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    text: &'a [u8],
    kind: Kind,
    spaced: bool,
}

impl<'a> Token<'a> {
    /// Only the scanner makes one. `spaced`: there is white space in the body.
    pub(crate) fn new(kind: Kind, text: &'a [u8], spaced: bool) -> Self {
        Self { text, kind, spaced }
    }

    /// Reads `text`, which is one token from its first byte to its last, or nothing. It is one with something sealed in
    /// it: who is handed a token, and not a text, is to open it.
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        let (start, token) = Tokens::new(text).next()?;
        let is_sealed = Kind::SEALED.contains(&token.kind);
        (start == 0 && token.text.len() == text.len() && is_sealed).then_some(token)
    }

    /// Who can make a secret of it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether there is white space in its body.
    pub(crate) fn is_spaced(&self) -> bool {
        self.spaced
    }

    /// From `ENC[` to `]`, as it stands in the text.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Why nothing can make a secret of it, whatever the keys, if that is so.
    pub fn damage(&self) -> Option<Damage> {
        match self.kind {
            Kind::Nacl | Kind::Kms => self.plaintext_len().err(),
            Kind::Setec => self.reference().err(),
        }
    }

    /// The secret that a SETEC token names.
    ///
    /// # Errors
    ///
    /// When it names none.
    pub fn reference(&self) -> Result<Reference, Damage> {
        Ok(Reference::parse(self.body())?)
    }

    /// Bytes of the plaintext, which is as long as what is encrypted.
    ///
    /// # Errors
    ///
    /// When the token is damaged, so that no key could open it, or nothing is encrypted in it.
    pub fn plaintext_len(&self) -> Result<usize, Damage> {
        let mut body = vec![0; self.body_bound()];
        let len = self.decode_body(&mut body)?;
        match self.kind {
            Kind::Nacl => len
                .checked_sub(nacl::OVERHEAD)
                .ok_or(Damage::TooShort { len, least: nacl::OVERHEAD }),
            Kind::Kms => {
                gob::decode(&body[..len])?.message.len().checked_sub(TAG).ok_or(Damage::NotGob)
            }
            Kind::Setec => Err(Damage::NothingSealed), // `decode_body` has said so
        }
    }

    /// As many bytes as the decoded body has, or more. A name is not decoded.
    pub(crate) fn body_bound(&self) -> usize {
        match self.kind {
            Kind::Nacl | Kind::Kms => base64::decoded_bound(self.body().len()),
            Kind::Setec => 0,
        }
    }

    /// Decodes the body to the start of `out`, which has room for [`Self::body_bound`] bytes.
    pub(crate) fn decode_body(&self, out: &mut [u8]) -> Result<usize, Damage> {
        if self.kind == Kind::Setec {
            return Err(Damage::NothingSealed);
        }
        let encoded = self.body();
        let len = if self.spaced {
            base64::decode(&without_space(encoded), out)
        } else {
            base64::decode(encoded, out)
        };
        len.ok_or(Damage::NotBase64)
    }

    /// What is between the comma and the bracket.
    fn body(&self) -> &'a [u8] {
        &self.text["ENC[".len() + self.kind.tag_and_comma().len()..self.text.len() - 1]
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ENC[{},..]", self.kind.tag())
    }
}

/// The text of a token with this body.
pub(crate) fn encode(kind: Kind, body: &[u8]) -> String {
    let mut text = String::with_capacity(body.len() / 3 * 4 + 16);
    text.push_str("ENC[");
    text.push_str(kind.tag_and_comma());
    base64::encode(body, &mut text);
    text.push(']');
    text
}

/// The token in lines of 64 characters, each with its line feed, as the Go program's `--wrap` does.
pub fn fold(token: &str) -> String {
    let mut folded = String::with_capacity(token.len() + token.len() / 64 + 1);
    let mut rest = token;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        folded.push_str(line);
        folded.push('\n');
        rest = after;
    }
    folded
}

/// The white space of a token's body: that of Go's `\s`, so no vertical tab and nothing of Unicode.
pub(crate) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

fn without_space(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|&byte| !is_space(byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_at_64_columns_and_ends_every_line() {
        assert_eq!(fold(""), "");
        assert_eq!(fold(&"x".repeat(64)), "x".repeat(64) + "\n");
        assert_eq!(fold(&"x".repeat(65)), "x".repeat(64) + "\nx\n");
    }
}
