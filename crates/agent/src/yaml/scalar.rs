//! How a scalar can be written.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;

use super::number::format_float;
use super::resolve::{Resolved, resolve};
use super::{Text, Value};

/// The longest key, in bytes, that is written before a `:` and not behind a `?`.
const LONGEST_KEY: usize = 128;

/// How it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// A scalar as it is written, apart from quotes.
pub(super) enum Scalar<'a> {
    /// Of characters of ours, without a style of its own.
    Word(String),
    Text(&'a str, Analysis),
    /// Bytes that are no text, in base 64.
    Binary(Secret, Analysis),
}

impl<'a> Scalar<'a> {
    /// # Panics
    ///
    /// If the value is a collection.
    pub(super) fn of(value: &'a Value) -> Self {
        Self::Word(match value {
            Value::Null => "null".into(),
            Value::Boolean(value) => value.to_string(),
            Value::Integer(number) => number.to_string(),
            Value::Unsigned(number) => number.to_string(),
            Value::Float(number) => format_float(*number),
            Value::String(text) => return Self::of_text(text),
            Value::Sequence(_) | Value::Mapping(_) => unreachable!("no scalar"),
        })
    }

    fn of_text(text: &'a Text) -> Self {
        match text.as_str() {
            Some(text) => Self::Text(text, analyze(text)),
            None => {
                let encoded = encode_binary(text.bytes());
                let analysis = analyze(str_of(&encoded));
                Self::Binary(encoded, analysis)
            }
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Text(text, _) => text,
            Self::Binary(encoded, _) => str_of(encoded),
        }
    }

    pub(super) fn is_binary(&self) -> bool {
        matches!(self, Self::Binary(..))
    }

    pub(super) fn is_simple_key(&self) -> bool {
        match self {
            Self::Word(_) => true,
            Self::Text(text, analysis) => !analysis.multiline && text.len() <= LONGEST_KEY,
            Self::Binary(encoded, analysis) => {
                !analysis.multiline && encoded.len() + "!!binary".len() <= LONGEST_KEY
            }
        }
    }

    /// The style that is asked for, or the first after it that can be had.
    pub(super) fn style(&self, simple_key: bool) -> Style {
        let (text, analysis, plain) = match self {
            Self::Word(_) => return Style::Plain,
            Self::Text(text, analysis) => {
                (*text, analysis, resolve(text) == Resolved::String && !is_base60(text))
            }
            Self::Binary(encoded, analysis) => (str_of(encoded), analysis, true),
        };
        if text.contains('\n') {
            let literal = analysis.block && !simple_key;
            return if literal { Style::Literal } else { Style::DoubleQuoted };
        }
        match analysis {
            Analysis { .. } if !plain => Style::DoubleQuoted,
            Analysis { plain: true, .. } => Style::Plain,
            Analysis { single_quoted: true, .. } => Style::SingleQuoted,
            _ => Style::DoubleQuoted,
        }
    }
}

fn str_of(encoded: &Secret) -> &str {
    std::str::from_utf8(encoded.expose()).expect("base 64 is text")
}

/// Base 64 in lines of 70 characters, the last with a line break too if there are several.
fn encode_binary(bytes: &[u8]) -> Secret {
    const LINE: usize = 70;
    let mut encoded = Secret::default();
    encoded.resize(base64::encoded_len(bytes.len(), true).expect("it was in memory"));
    let len = STANDARD.encode_slice(bytes, encoded.expose_mut()).expect("there is room");
    if len < LINE {
        return encoded;
    }
    let mut lines = Secret::with_capacity(len + len / LINE + 1);
    for line in encoded.expose().chunks(LINE) {
        lines.extend(line);
        lines.extend(b"\n");
    }
    lines
}

/// What the characters of a scalar allow.
pub(super) struct Analysis {
    /// Whether it has line breaks, so that it cannot be a key before a `:`.
    multiline: bool,
    /// Whether it may be written without quotes.
    plain: bool,
    /// Whether it may be written in `'`.
    single_quoted: bool,
    /// Whether it may be written as a block.
    block: bool,
}

/// Looks at each character once.
fn analyze(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis { multiline: false, plain: true, single_quoted: true, block: false };
    }
    let indicators = text.starts_with("---") || text.starts_with("...");
    let mut found = Found { indicators, ..Found::default() };
    let mut before = None;
    for (index, c) in text.char_indices() {
        let after = text[index + c.len_utf8()..].chars().next();
        found.look_at(before, c, after);
        before = Some(c);
    }
    found.analysis(text)
}

#[derive(Default)]
struct Found {
    indicators: bool,
    special: bool,
    breaks: bool,
    /// A blank behind a line break.
    break_space: bool,
    /// A blank before a line break.
    space_break: bool,
}

impl Found {
    fn look_at(&mut self, before: Option<char>, c: char, after: Option<char>) {
        let blank_follows = after.is_none_or(|c| c == ' ' || c == '\t');
        self.indicators |= match (before, c) {
            (
                None,
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`',
            ) => true,
            (None, '?' | '-') | (_, ':') => blank_follows,
            (Some(before), '#') => matches!(before, ' ' | '\t') || is_break(before),
            _ => false,
        };
        self.special |= !is_printable(c);
        self.breaks |= is_break(c);
        match (before, c) {
            (Some(before), ' ') => self.break_space |= is_break(before),
            (Some(' '), c) => self.space_break |= is_break(c),
            _ => {}
        }
    }

    fn analysis(&self, text: &str) -> Analysis {
        let at_ends = |c: char| c == ' ' || is_break(c);
        let blank_ends = text.starts_with(at_ends) || text.ends_with(at_ends);
        let hard = self.space_break || self.special;
        Analysis {
            multiline: self.breaks,
            plain: !(blank_ends || self.break_space || hard || self.breaks || self.indicators),
            single_quoted: !(self.break_space || hard),
            block: !(text.ends_with(' ') || hard),
        }
    }
}

/// The line breaks of YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether yaml.v2 writes the character as it is. It does not know that there are any beyond U+FFFF.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fffd}') && c != '\u{feff}'
}

/// A number in the base 60 of YAML 1.1, such as `190:20:30`: no number to yaml.v2, but to others.
fn is_base60(text: &str) -> bool {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    if !rest.starts_with(':') {
        return false;
    }
    while let Some(part) = rest.strip_prefix(':') {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        match digits {
            1 => {}
            2 if part.as_bytes()[0] < b'6' => {}
            _ => return false,
        }
        rest = &part[digits..];
    }
    rest.is_empty()
        || rest.strip_prefix('.').is_some_and(|fraction| {
            fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        })
}
