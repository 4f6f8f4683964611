//! In which styles a scalar can be written.

/// What the characters of a scalar allow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Analysis {
    /// Whether it has line breaks, so that it cannot be a key before a `:`.
    pub(super) multiline: bool,
    /// Whether it may be written without quotes.
    pub(super) plain: bool,
    /// Whether it may be written in `'`.
    pub(super) single_quoted: bool,
    /// Whether it may be written as a block.
    pub(super) block: bool,
}

/// Looks at each character once.
pub(super) fn analyze(text: &str) -> Analysis {
    if text.is_empty() {
        return Analysis { multiline: false, plain: true, single_quoted: true, block: false };
    }
    let mut found = Found::default();
    found.indicators = text.starts_with("---") || text.starts_with("...");
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
pub(super) fn is_base60(text: &str) -> bool {
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
