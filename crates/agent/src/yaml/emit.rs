//! The tree as text, as yaml.v2's `Marshal` writes it.

use secretary_secret::Secret;

use super::order;
use super::scalar::{Scalar, Style, is_break, is_printable};
use super::{Mapping, Value};

/// Behind this column a blank becomes a line break where that changes nothing.
const WIDTH: usize = 80;

/// Writes a value as a document of its own.
pub fn emit(value: &Value) -> Secret {
    let mut emitter = Emitter::default();
    emitter.node(value, Role::Root);
    emitter.indent = 0;
    emitter.write_indent();
    emitter.out
}

/// What a value is written as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Item,
    /// A key before a `:`.
    SimpleKey,
    /// A key behind a `?`.
    Key,
    Value,
}

/// libyaml's emitter, as far as block style needs it.
struct Emitter {
    out: Secret,
    column: usize,
    /// -1 before the first collection.
    indent: isize,
    /// Whether the last character was a blank, or none is needed.
    whitespace: bool,
    /// Whether there is nothing but indentation and indicators in the line.
    indention: bool,
}

impl Default for Emitter {
    fn default() -> Self {
        let out = Secret::with_capacity(1024);
        Self { out, column: 0, indent: -1, whitespace: true, indention: true }
    }
}

impl Emitter {
    fn node(&mut self, value: &Value, role: Role) {
        match value {
            Value::Sequence(items) if items.is_empty() => self.empty("[", "]"),
            Value::Mapping(mapping) if mapping.is_empty() => self.empty("{", "}"),
            Value::Sequence(items) => self.sequence(items, role),
            Value::Mapping(mapping) => self.mapping(mapping),
            scalar => {
                let scalar = Scalar::of(scalar);
                self.scalar(&scalar, role);
            }
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.indicator(open, true);
        self.whitespace = true;
        self.indicator(close, false);
    }

    fn sequence(&mut self, items: &[Value], role: Role) {
        let outer = self.indent;
        let in_mapping = matches!(role, Role::SimpleKey | Role::Key | Role::Value);
        // A list that is a value does not go deeper than its key.
        if !in_mapping || self.indention {
            self.increase_indent(0);
        }
        for item in items {
            self.write_indent();
            self.block_indicator("-");
            self.node(item, Role::Item);
        }
        self.indent = outer;
    }

    fn mapping(&mut self, mapping: &Mapping) {
        let outer = self.indent;
        self.increase_indent(0);
        for (key, value) in order::sorted(mapping.iter()) {
            self.write_indent();
            self.key(key);
            self.node(value, Role::Value);
        }
        self.indent = outer;
    }

    fn key(&mut self, key: &Value) {
        let scalar = match key {
            Value::Sequence(_) | Value::Mapping(_) => None,
            scalar => Some(Scalar::of(scalar)),
        };
        match scalar {
            Some(scalar) if scalar.is_simple_key() => {
                self.scalar(&scalar, Role::SimpleKey);
                self.indicator(":", false);
            }
            _ => {
                self.block_indicator("?");
                self.node(key, Role::Key);
                self.write_indent();
                self.block_indicator(":");
            }
        }
    }

    /// One level deeper, which is `first` when there has been none.
    fn increase_indent(&mut self, first: isize) {
        self.indent = if self.indent < 0 { first } else { self.indent + 2 };
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, role: Role) {
        let text = scalar.text();
        let simple_key = role == Role::SimpleKey;
        let style = scalar.style(simple_key);
        if scalar.is_binary() {
            self.indicator("!!binary", true);
        }
        let outer = self.indent;
        self.increase_indent(2);
        match style {
            Style::Plain => self.plain(text, !simple_key),
            Style::SingleQuoted => self.single_quoted(text, !simple_key),
            Style::DoubleQuoted => self.double_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    fn plain(&mut self, text: &str, folds: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folded(text, folds, |_, _| {});
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, folds: bool) {
        self.indicator("'", true);
        self.folded(text, folds, |emitter, c| {
            if c == '\'' {
                emitter.put('\'');
            }
        });
        self.indicator("'", false);
    }

    /// Writes characters, each after what it needs before it. A lone blank in a long line becomes a line
    /// break, and a line break two.
    fn folded(&mut self, text: &str, folds: bool, before: impl Fn(&mut Self, char)) {
        let (mut spaces, mut breaks) = (false, false);
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c == ' ' {
                let inside = rest.as_str().len() + 1 < text.len() && !rest.as_str().is_empty();
                let lone = !spaces && !rest.as_str().starts_with(' ');
                if folds && lone && inside && self.column > WIDTH {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break('\n');
                }
                self.put_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                before(self, c);
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    fn double_quoted(&mut self, text: &str, folds: bool) {
        self.indicator("\"", true);
        // yaml.v2 looks for this mark at the beginning of the text when it means the character.
        let marked = text.starts_with('\u{feff}');
        let mut spaces = false;
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if marked || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escaped(c);
                spaces = false;
            } else if c == ' ' {
                let inside = rest.as_str().len() + 1 < text.len() && !rest.as_str().is_empty();
                if folds && !spaces && inside && self.column > WIDTH {
                    self.write_indent();
                    if rest.as_str().starts_with(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false);
    }

    fn escaped(&mut self, c: char) {
        self.put('\\');
        let short = match c {
            '\0' => '0',
            '\x07' => 'a',
            '\x08' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\x0b' => 'v',
            '\x0c' => 'f',
            '\r' => 'r',
            '\x1b' => 'e',
            '"' | '\\' => c,
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.hexadecimal(u32::from(c)),
        };
        self.put(short);
    }

    fn hexadecimal(&mut self, code: u32) {
        let (kind, digits) = match code {
            0..=0xff => ('x', 2),
            0x100..=0xffff => ('u', 4),
            _ => ('U', 8),
        };
        self.put(kind);
        for place in (0..digits).rev() {
            let digit = char::from_digit(code >> (4 * place) & 15, 16).expect("below 16");
            self.put(digit.to_ascii_uppercase());
        }
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator("2", false);
        }
        let mut ends = text.chars().rev().map(is_break);
        match (ends.next(), ends.next()) {
            (Some(true), Some(true) | None) => self.indicator("+", false),
            (Some(true), Some(false)) => {}
            _ => self.indicator("-", false),
        }
        self.put_break('\n');
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.put_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(c);
                self.indention = false;
                breaks = false;
            }
        }
    }

    /// `-`, `?` and `:` of a block, which leave the line open for a collection.
    fn block_indicator(&mut self, indicator: &str) {
        let indention = self.indention;
        self.indicator(indicator, true);
        self.indention = indention;
    }

    fn indicator(&mut self, indicator: &str, needs_whitespace: bool) {
        if needs_whitespace && !self.whitespace {
            self.put(' ');
        }
        indicator.chars().for_each(|c| self.put(c));
        self.whitespace = false;
        self.indention = false;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.max(0) as usize;
        let fresh = self.column < indent || self.column == indent && self.whitespace;
        if !(self.indention && fresh) {
            self.put_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn put(&mut self, c: char) {
        self.out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.column += 1;
    }

    fn put_break(&mut self, c: char) {
        self.put(c);
        self.column = 0;
    }
}
