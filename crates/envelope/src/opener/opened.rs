//! What tokens have become: plaintexts, in the tokens' order.

use std::ops::Range;

use secretary_secret::Secret;

use crate::nacl;
use crate::token::Token;

/// The plaintexts of tokens, in their order: one behind the other in a single wiped buffer, and beside it the secrets
/// that came from elsewhere, which are not copied, however many tokens name one.
#[derive(Debug, Default)]
pub struct Opened {
    bytes: Secret,
    ends: Vec<usize>,
    secrets: Vec<Secret>,
    /// Tokens that stand for one of the secrets, each by its number and that of the secret. The first numbers ascend.
    named: Vec<(usize, usize)>,
}

impl<'a> FromIterator<&'a [u8]> for Opened {
    /// Takes plaintexts that something else has opened.
    fn from_iter<T: IntoIterator<Item = &'a [u8]>>(plaintexts: T) -> Self {
        let mut opened = Self::default();
        for plaintext in plaintexts {
            opened.bytes.extend(plaintext);
            opened.ends.push(opened.bytes.len());
        }
        opened
    }
}

impl Opened {
    /// The plaintexts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.range(0..self.ends.len())
    }

    /// The plaintexts of the tokens numbered so.
    pub fn range(&self, tokens: Range<usize>) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        tokens.map(|n| match self.named.binary_search_by_key(&n, |(token, _)| *token) {
            Ok(found) => self.secrets[self.named[found].1].expose(),
            Err(_) => &self.bytes.expose()[self.place(n)],
        })
    }

    /// Plaintext is shorter than its token by the overhead at least, except that the last one needs
    /// its whole body: so this never grows, and never leaves a copy behind.
    pub(super) fn with_room_for<'a>(tokens: impl Iterator<Item = Token<'a>>) -> Self {
        let (mut count, mut plaintexts, mut largest) = (0, 0, 0);
        for token in tokens {
            count += 1;
            plaintexts += token.body_bound().saturating_sub(nacl::OVERHEAD);
            largest = largest.max(token.body_bound());
        }
        let mut bytes = Secret::default();
        bytes.resize(plaintexts + largest.min(nacl::OVERHEAD));
        Self { bytes, ends: Vec::with_capacity(count), ..Self::default() }
    }

    pub(super) fn one_mut(&mut self, token: usize) -> &mut [u8] {
        let place = self.place(token);
        &mut self.bytes.expose_mut()[place]
    }

    pub(super) fn room_for(&mut self, token: &Token<'_>) -> &mut [u8] {
        let start = self.used();
        &mut self.bytes.expose_mut()[start..start + token.body_bound()]
    }

    /// Ends the next plaintext, which is in the bytes of [`Self::room_for`] at `place`, and moves it to their start.
    pub(super) fn keep(&mut self, place: Range<usize>) {
        let start = self.used();
        self.ends.push(start + place.len());
        let place = start + place.start..start + place.end;
        self.bytes.expose_mut().copy_within(place, start);
    }

    /// Has tokens stand for `secrets`. `named` is each by its number, which ascend, and that of the secret.
    pub(super) fn put(&mut self, named: Vec<(usize, usize)>, secrets: Vec<Secret>) {
        (self.named, self.secrets) = (named, secrets);
    }

    fn place(&self, token: usize) -> Range<usize> {
        let start = if token == 0 { 0 } else { self.ends[token - 1] };
        start..self.ends[token]
    }

    fn used(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }
}
