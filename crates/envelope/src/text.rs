//! A text with its tokens: where they stand, and what it is with other things in their places.

use std::borrow::Cow;
use std::ops::Range;

use crate::scan::Tokens;
use crate::token::{Kind, Token};

/// A text whose tokens are found.
///
/// Takes 32 bytes of memory for a token.
#[derive(Debug)]
pub struct Text<'a> {
    input: &'a [u8],
    /// What the tokens are read from: the input, or copies.
    bytes: &'a [u8],
    found: Cow<'a, [Found]>,
}

/// Where one token is.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// In the input.
    start: usize,
    /// In the bytes.
    at: usize,
    len: usize,
    kind: Kind,
    spaced: bool,
}

impl Found {
    fn new(start: usize, at: usize, token: &Token<'_>) -> Self {
        Self { start, at, len: token.text().len(), kind: token.kind(), spaced: token.is_spaced() }
    }
}

impl<'a> Text<'a> {
    /// Finds all tokens of `input`.
    pub fn parse(input: &'a [u8]) -> Self {
        let found = Tokens::new(input).map(|(start, token)| Found::new(start, start, &token));
        Self { input, bytes: input, found: found.collect() }
    }

    /// The tokens, in order.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = Token<'a>> + Clone {
        let bytes = self.bytes;
        self.found
            .iter()
            .map(move |found| Token::new(found.kind, &bytes[found.at..][..found.len], found.spaced))
    }

    /// Where the tokens numbered `indexes`, which ascend, start: line and column, both from 1.
    ///
    /// A column is a byte, so that an editor and `cut -b` agree on it. Any number of positions is
    /// found in one pass over the text.
    pub fn positions(
        &self,
        indexes: impl IntoIterator<Item = usize>,
    ) -> impl Iterator<Item = (usize, usize)> {
        let (mut line, mut line_start) = (1, 0);
        indexes.into_iter().map(move |index| {
            let start = self.found[index].start;
            let before = &self.input[line_start..start];
            line += memchr::memchr_iter(b'\n', before).count();
            line_start += memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
            (line, start - line_start + 1)
        })
    }

    /// Where the tokens stand, in order.
    pub fn places(&self) -> impl Iterator<Item = Range<usize>> {
        self.found.iter().map(|found| found.start..found.start + found.len)
    }

    /// The text with `plaintexts`, one for each token in order, in the tokens' places.
    pub fn replaced<'b>(
        &'b self,
        plaintexts: impl Iterator<Item = &'b [u8]>,
    ) -> impl Iterator<Item = &'b [u8]> {
        let mut done = 0;
        let mut tokens = self.found.iter().zip(plaintexts);
        let mut tail = Some(());
        std::iter::from_fn(move || match tokens.next() {
            Some((found, plaintext)) => {
                let before = &self.input[done..found.start];
                done = found.start + found.len;
                Some([before, plaintext])
            }
            None => tail.take().map(|()| [&self.input[done..], &[]]),
        })
        .flatten()
    }
}

/// Finds the tokens of a text that comes in parts, and keeps a copy of each.
///
/// So a large file can be searched without being in memory.
#[derive(Debug, Default)]
pub struct Collector {
    from: usize,
    bytes: Vec<u8>,
    found: Vec<Found>,
}

impl Collector {
    /// Takes the tokens of the next part of the text, and answers how many bytes of it are done with.
    /// The rest, which may be the start of a token, is to come again with more behind it.
    pub fn take(&mut self, part: &[u8]) -> usize {
        let mut tokens = Tokens::new(part);
        for (start, token) in tokens.by_ref() {
            self.found.push(Found::new(self.from + start, self.bytes.len(), &token));
            self.bytes.extend_from_slice(token.text());
        }
        self.from += tokens.done();
        tokens.done()
    }

    /// The text, which is `input` as a whole.
    pub fn text<'a>(&'a self, input: &'a [u8]) -> Text<'a> {
        Text { input, bytes: &self.bytes, found: Cow::Borrowed(&self.found) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::tests::near_tokens;
    use proptest::prelude::*;

    #[test]
    fn positions_count_lines_and_bytes_from_one() {
        let text = Text::parse(b"ENC[KMS,A]\n\xc3\xa9 ENC[KMS,B]ENC[KMS,C]");
        let positions: Vec<_> = text.positions(0..3).collect();
        assert_eq!(positions, [(1, 1), (2, 4), (2, 14)]);
    }

    proptest! {
        #[test]
        fn a_token_replaced_by_itself_changes_nothing(input in near_tokens()) {
            let text = Text::parse(&input);
            let same = text.replaced(text.tokens().map(|token| token.text())).collect::<Vec<_>>();
            prop_assert_eq!(same.concat(), input);
        }

        #[test]
        fn a_text_in_parts_has_the_same_tokens(input in near_tokens(), step in 1_usize..40) {
            let mut collector = Collector::default();
            let (mut done, mut end) = (0, 0);
            while end < input.len() {
                end = input.len().min(end + step);
                done += collector.take(&input[done..end]);
            }
            let (whole, parts) = (Text::parse(&input), collector.text(&input));
            prop_assert!(whole.tokens().eq(parts.tokens()));
            let count = whole.tokens().len();
            prop_assert!(whole.positions(0..count).eq(parts.positions(0..count)));
        }
    }
}
