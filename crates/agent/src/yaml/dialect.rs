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
//! | U+FEFF at the begin of a line | ignored | a character | a stand-in |
//! | `%YAML 1.2` | ignored | an error | refused |
//! | `!a,b`, `!a[b]` | an error | all is the tag | other characters in the tag |
//!
//! At three places the port panics, and a text is changed so that it does not come there: at a comma
//! behind a tag in flow style, at a backslash that ends a text within double quotes, and at the end of a
//! block scalar when the text ends without a line break.

use std::io::Read as _;

use libyaml_safer::{Encoding, Scanner};

use super::YamlError;
use super::nodes::{self, Nodes};
use super::scalar::is_break;
use super::source::Source;

/// How many bytes may be read again after changes. Texts that need more are no configurations.
const MOST_READ_AGAIN: usize = 16 * 1024 * 1024;

const MARK: &str = "\u{feff}";

const TOO_TANGLED: &str = "the text is too tangled";

/// Reads the first document.
pub(super) fn read(bytes: &[u8]) -> Result<Nodes, YamlError> {
    let mut budget = Budget(MOST_READ_AGAIN);
    let source = with_whole_tags(Source::decode(bytes)?, 0, &mut budget)?;
    let mut changes = Changes::default();
    let mut source = changes.prepare(source)?;
    loop {
        let failure = match nodes::compose(&source, &changes) {
            Ok(nodes) => return Ok(nodes),
            Err(failure) => failure,
        };
        let Some(start) = failure.index else { return Err(failure.error) };
        let rest = source.text().get(start..).unwrap_or_default();
        let changed = match failure.error.problem() {
            "found unexpected ':'" if rest.starts_with(':') => changes.hide(&source, start, ":")?,
            "found unknown escape character" if rest.starts_with("\\'") => {
                source.with(start, 1, "")
            }
            _ => return Err(failure.error),
        };
        budget.spend(changed.text().len())?;
        // Tags behind an error were not seen before.
        source = with_whole_tags(changed, start, &mut budget)?;
    }
}

/// What was changed in a text and is undone in what is read from it.
#[derive(Default)]
pub(super) struct Changes {
    /// Characters that do not occur in the text, and what each stands for.
    stand_ins: Vec<(char, &'static str)>,
    ending: Ending,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Ending {
    #[default]
    AsWritten,
    /// A line break was put behind a line that has more than blanks.
    AfterText,
    /// A line break was put behind blanks.
    AfterBlanks,
}

impl Changes {
    /// Hides byte order marks, and makes the end of a text one that the parser does not panic at.
    fn prepare(&mut self, mut source: Source) -> Result<Source, YamlError> {
        if source.text().contains(MARK) {
            let stand_in = self.stand_in(&source, MARK)?;
            source = source.with_all(MARK, stand_in.encode_utf8(&mut [0; 4]));
        }
        if let Some(start) = source.text().strip_suffix('\\').map(str::len) {
            source = self.hide(&source, start, "\\")?;
        }
        let text = source.text();
        if source.ends_early() || text.ends_with(is_break) || !text.contains(['|', '>']) {
            return Ok(source);
        }
        let last = text.rsplit(is_break).next().unwrap_or_default();
        let blank = last.chars().all(|c| c == ' ');
        self.ending = if blank { Ending::AfterBlanks } else { Ending::AfterText };
        Ok(source.with(text.len(), 0, "\n"))
    }

    /// Puts a stand-in for the `original` at `start`.
    fn hide(
        &mut self,
        source: &Source,
        start: usize,
        original: &'static str,
    ) -> Result<Source, YamlError> {
        let stand_in = self.stand_in(source, original)?;
        Ok(source.with(start, original.len(), stand_in.encode_utf8(&mut [0; 4])))
    }

    fn stand_in(&mut self, source: &Source, original: &'static str) -> Result<char, YamlError> {
        if let Some((c, _)) = self.stand_ins.iter().find(|(_, own)| *own == original) {
            return Ok(*c);
        }
        let c = unused(source.text()).ok_or(YamlError::new(TOO_TANGLED))?;
        self.stand_ins.push((c, original));
        Ok(c)
    }

    /// A scalar's text as it would be without the changes.
    pub(super) fn undone(&self, text: String) -> String {
        self.stand_ins.iter().fold(text, |text, (c, original)| match text.contains(*c) {
            true => text.replace(*c, original),
            false => text,
        })
    }

    /// The same for a block scalar that goes to the end of the text: without the line break that was put
    /// there, if it got into it.
    pub(super) fn undone_at_end(&self, text: String) -> String {
        let mut text = self.undone(text);
        if let Some(rest) = text.strip_suffix('\n') {
            let last = rest.rsplit(is_break).next().unwrap_or_default();
            let is_put = match self.ending {
                Ending::AsWritten => false,
                Ending::AfterText => true,
                // Blanks that are indentation are no line of the scalar, and what ends it is another.
                Ending::AfterBlanks => last.chars().all(|c| c == ' '),
            };
            text.truncate(text.len() - usize::from(is_put));
        }
        text
    }

    /// Whether the text was made longer by a line.
    pub(super) fn added_line(&self) -> bool {
        self.ending != Ending::AsWritten
    }
}

/// A character for private use that the text does not have.
fn unused(text: &str) -> Option<char> {
    // Planes 15 and 16. One look at the text finds all that it has of them.
    const FIRST: u32 = 0xf_0000;
    let mut seen = vec![false; 0x2_0000];
    for c in text.chars().map(u32::from).filter(|c| *c >= FIRST) {
        seen[(c - FIRST) as usize] = true;
    }
    let free = seen.iter().position(|seen| !seen)?;
    char::from_u32(FIRST + u32::try_from(free).ok()?)
}

struct Budget(usize);

impl Budget {
    fn spend(&mut self, bytes: usize) -> Result<(), YamlError> {
        self.0 = self.0.checked_sub(bytes).ok_or(YamlError::new("the text is too tangled"))?;
        Ok(())
    }
}

/// Changes tags from a place on with characters that libyaml 0.2.5 ends them at and yaml.v2 does not.
fn with_whole_tags(
    mut source: Source,
    mut from: usize,
    budget: &mut Budget,
) -> Result<Source, YamlError> {
    while let Some(index) = next_suspect(source.text(), from) {
        budget.spend(source.text().len())?;
        if ends_a_tag(&source.text()[..index]) {
            // No tag that means something has this character.
            source = source.with(index, 1, ";");
        }
        from = index + 1;
    }
    Ok(source)
}

/// The next such character that may belong to a tag: there is nothing but characters of tags between it
/// and a `!` that can begin one.
fn next_suspect(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    (from..bytes.len()).find(|end| {
        let run = || bytes[..*end].iter().rev().take_while(|byte| may_be_in_tag(**byte)).count();
        matches!(bytes[*end], b',' | b'[' | b']')
            && (*end - run()..*end).any(|index| {
                let before = index.checked_sub(1).map(|index| bytes[index]);
                bytes[index] == b'!' && !before.is_some_and(|byte| byte.is_ascii_alphanumeric())
            })
    })
}

fn may_be_in_tag(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_;/?:@&=+$.%!~*'()<>".contains(&byte)
}

/// Whether a tag goes to the end of the text.
fn ends_a_tag(text: &str) -> bool {
    // The parser complains of a character behind a tag before it looks at anything else. The line break
    // keeps it from its panic in block scalars.
    let probe = text.as_bytes().chain(b"`\n".as_slice());
    let mut scanner = Scanner::new();
    scanner.set_encoding(Encoding::Utf8);
    scanner.set_input(probe);
    scanner.find_map(Result::err).is_some_and(|error| {
        // The tag is whole, or nothing stands behind its `!!` yet.
        let reason = (error.context().unwrap_or_default(), error.problem());
        let whole = ("while scanning a tag", "did not find expected whitespace or line break");
        let begun = ("while parsing a tag", "did not find expected tag URI");
        [whole, begun].contains(&reason)
            && error.problem_mark().is_some_and(|mark| mark.index == text.len() as u64)
    })
}
