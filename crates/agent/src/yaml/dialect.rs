//! Where yaml.v2 and the libyaml of today part.
//!
//! The parser is a port of libyaml 0.2.5, and yaml.v2 is one of an older libyaml. Their differences are
//! few and all about single characters, so a text is changed, a character at a time, into one that the
//! parser takes as yaml.v2 takes the original, or what the parser took is refused:
//!
//! | text | libyaml 0.2.5 | yaml.v2 | done here |
//! |---|---|---|---|
//! | `[a:]`, `{a:,b:}` | an error | `a:` is a text | a stand-in for the colon |
//! | `[a?b]` | a text | an error | refused |
//! | `"\'"` | an error | `'` | the backslash left out |
//! | `"\/"` | `/` | an error | refused |
//! | `[!a, b]` | an error | the comma is part of the tag | another character for the comma |
//! | `\` at the end of the text | | | a stand-in, see below |
//!
//! Two of these would not only be taken in another way: the port panics at a comma behind a tag, and
//! at a backslash that ends a text within double quotes.

use libyaml_safer::{Encoding, Scanner, Token, TokenData};

use super::YamlError;
use super::nodes::{self, Nodes};
use super::source::Source;

/// How many bytes may be read again after changes. Texts that need more are no configurations.
const MOST_READ_AGAIN: usize = 64 * 1024 * 1024;

/// Reads the first document.
pub(super) fn read(bytes: &[u8]) -> Result<Nodes, YamlError> {
    let mut budget = Budget(MOST_READ_AGAIN);
    let mut source = without_commas_in_tags(Source::decode(bytes)?, &mut budget)?;
    let mut stand_ins = StandIns::default();
    if let Some(start) = source.text().strip_suffix('\\').map(str::len) {
        source = stand_ins.put(&source, start, '\\');
    }
    loop {
        let failure = match nodes::compose(&source, &stand_ins) {
            Ok(nodes) => return Ok(nodes),
            Err(failure) => failure,
        };
        let Some(start) = failure.index else { return Err(failure.error) };
        let rest = source.text().get(start..).unwrap_or_default();
        source = match failure.error.problem() {
            "found unexpected ':'" if rest.starts_with(':') => stand_ins.put(&source, start, ':'),
            "found unknown escape character" if rest.starts_with("\\'") => {
                source.with(start, 1, "")
            }
            _ => return Err(failure.error),
        };
        budget.spend(start)?;
    }
}

/// Characters that do not occur in a text and stand for one that the parser would stumble over.
#[derive(Default)]
pub(super) struct StandIns(Vec<(char, &'static str)>);

impl StandIns {
    /// Puts a stand-in for the one-byte `original` at `start`.
    fn put(&mut self, source: &Source, start: usize, original: char) -> Source {
        let original = if original == ':' { ":" } else { "\\" };
        let known = self.0.iter().find(|(_, own)| *own == original).map(|(c, _)| *c);
        let c = known.unwrap_or_else(|| {
            let c = unused(source.text());
            self.0.push((c, original));
            c
        });
        source.with(start, 1, c.encode_utf8(&mut [0; 4]))
    }

    /// A scalar's text with the originals.
    pub(super) fn undone(&self, text: String) -> String {
        self.0.iter().fold(text, |text, (c, original)| match text.contains(*c) {
            true => text.replace(*c, original),
            false => text,
        })
    }
}

/// A character for private use that the text does not have.
fn unused(text: &str) -> char {
    // A text of the longest length cannot have all of the planes 15 and 16, four bytes each, and there
    // it pays to look once: one that has many of them was made to be slow.
    let mut seen = vec![false; 0x2_0000];
    for c in text.chars().map(u32::from).filter(|c| *c >= 0xf_0000) {
        seen[(c - 0xf_0000) as usize] = true;
    }
    let free = (0xf_0000..0x10_fffe)
        .filter(|c| c & 0xfffe != 0xfffe)
        .find(|c| !seen[(c - 0xf_0000) as usize])
        .unwrap_or(0xf_0000);
    char::from_u32(free).expect("no surrogate")
}

struct Budget(usize);

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), YamlError> {
        self.0 = self.0.checked_sub(bytes).ok_or(YamlError::new("the text is too tangled"))?;
        Ok(())
    }
}

fn without_commas_in_tags(mut source: Source, budget: &mut Budget) -> Result<Source, YamlError> {
    let mut from = 0;
    while let Some(comma) = next_suspect(source.text(), from) {
        budget.spend(comma)?;
        if ends_a_tag(&source.text()[..comma]) {
            // Any character of tags does: no tag that means something has it.
            source = source.with(comma, 1, ";");
        }
        from = comma + 1;
    }
    Ok(source)
}

/// The next comma that may belong to a tag: there is nothing but characters of tags between it and a `!`
/// that can begin one.
fn next_suspect(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let commas = (from..bytes.len()).filter(|index| bytes[*index] == b',');
    commas.into_iter().find(|comma| {
        let run = bytes[..*comma].iter().rev().take_while(|byte| may_be_in_tag(**byte)).count();
        (comma - run..*comma).any(|index| {
            let before = index.checked_sub(1).map(|index| bytes[index]);
            bytes[index] == b'!' && !before.is_some_and(|byte| byte.is_ascii_alphanumeric())
        })
    })
}

fn may_be_in_tag(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$.%!~*'()<>".contains(&byte)
}

/// Whether the last token of the text is a tag that goes to its end.
fn ends_a_tag(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    let mut scanner = Scanner::new();
    scanner.set_encoding(Encoding::Utf8);
    scanner.set_input(&mut bytes);
    let end = scanner.try_fold(None, |end, token| match token {
        Ok(Token { data: TokenData::Tag { .. }, end_mark, .. }) => Ok(Some(end_mark.index)),
        Ok(_) => Ok(end),
        Err(error) => Err(error),
    });
    matches!(end, Ok(Some(end)) if end == text.len() as u64)
}
