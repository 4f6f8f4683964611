//! The first document as it is written: anchors and aliases are names still, and scalars are text.

use std::collections::HashMap;

use libyaml_safer::{
    Encoding, Error, Event, EventData, MappingStyle, Parser, ScalarStyle, SequenceStyle,
};
use secretary_secret::Secret;

use super::dialect::Changes;
use super::scalar::is_break;
use super::source::Source;
use super::{DEEPEST, MOST_VALUES, Place, Style, YamlError};

/// A document's nodes, each known by its index.
pub(super) struct Nodes {
    list: Vec<Node>,
    /// The outermost one. `None` when there is no document.
    pub(super) root: Option<usize>,
}

impl Nodes {
    pub(super) fn node(&self, index: usize) -> &Node {
        &self.list[index]
    }
}

/// What stands at one place of a document.
pub(super) struct Node {
    /// Its line, from 0.
    pub(super) line: u64,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Scalar(Scalar),
    Sequence(Vec<usize>),
    /// Keys and values by turns.
    Mapping(Vec<usize>),
    /// The node of that anchor.
    Alias(usize),
}

pub(super) struct Scalar {
    pub(super) text: Secret,
    pub(super) tag: Tag,
    /// Whether it is for its text to say what it stands for: it is plain, or its tag is `!`.
    pub(super) implicit: bool,
    pub(super) place: Place,
}

/// The tags that say something to yaml.v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    Null,
    Boolean,
    Integer,
    Float,
    Timestamp,
    String,
    Binary,
    Merge,
    /// All that are local, and those of sequences and mappings.
    Other,
}

impl Tag {
    fn named(name: Option<&str>) -> Self {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Self::None };
        match name.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => Self::Null,
            Some("bool") => Self::Boolean,
            Some("int") => Self::Integer,
            Some("float") => Self::Float,
            Some("timestamp") => Self::Timestamp,
            Some("str") => Self::String,
            Some("binary") => Self::Binary,
            Some("merge") => Self::Merge,
            _ => Self::Other,
        }
    }
}

/// Why there are no nodes.
pub(super) struct Failure {
    pub(super) error: YamlError,
    /// The byte of the text at which the parser stopped.
    pub(super) index: Option<usize>,
}

impl From<YamlError> for Failure {
    fn from(error: YamlError) -> Self {
        Self { error, index: None }
    }
}

impl Failure {
    fn new(error: &Error, source: &Source, changes: &Changes) -> Self {
        let mark = error.problem_mark();
        let index = mark.and_then(|mark| usize::try_from(mark.index).ok());
        let at_end = index == Some(source.text().len());
        let before = mark.map(|mark| mark.line.saturating_sub(1));
        // What is found missing behind the last line would be found in it, had no line been added. A key
        // that has not ended with its line is found behind it in any case.
        let behind = match error.problem() {
            "found unexpected end of stream" => true,
            "could not find expected ':'" => error.context_mark().map(|mark| mark.line) != before,
            _ => false,
        };
        let lines = u64::from(behind && at_end && changes.added_line());
        Self { error: YamlError::of(error, lines), index }
    }
}

/// Reads the first document of the source.
pub(super) fn compose(source: &Source, changes: &Changes) -> Result<Nodes, Failure> {
    let mut pieces = source.pieces();
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input(&mut pieces);
    let mut composer = Composer::new(source.text(), changes);
    loop {
        match parser.parse() {
            Ok(event) => match event.data {
                EventData::DocumentEnd { .. } | EventData::StreamEnd => {
                    return Ok(Nodes { list: composer.list, root: composer.root });
                }
                _ => composer.take(event)?,
            },
            Err(error) => {
                drop(parser);
                let unread = pieces.failed().map(|problem| YamlError::new(problem).into());
                return Err(unread.unwrap_or_else(|| Failure::new(&error, source, changes)));
            }
        }
    }
}

struct Composer<'a> {
    text: &'a str,
    changes: &'a Changes,
    list: Vec<Node>,
    root: Option<usize>,
    /// The collections that have begun and not ended, and whether each is in flow style.
    open: Vec<(usize, bool)>,
    anchors: HashMap<String, usize>,
}

impl<'a> Composer<'a> {
    fn new(text: &'a str, changes: &'a Changes) -> Self {
        let (list, open, anchors) = (Vec::new(), Vec::new(), HashMap::new());
        Self { text, changes, list, root: None, open, anchors }
    }

    fn take(&mut self, event: Event) -> Result<(), YamlError> {
        let (start, end) = (event.start_mark, event.end_mark);
        match event.data {
            EventData::DocumentStart { version_directive: Some(version), .. }
                if (version.major, version.minor) != (1, 1) =>
            {
                let problem = "found incompatible YAML document";
                return Err(YamlError::in_parser(problem, start.line, None));
            }
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => {
                let range = start.index as usize..end.index as usize;
                let written = self.text.get(range).unwrap_or_default();
                self.refuse_what_yaml_v2_refuses(&value, written, style, start.line)?;
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let value = match block && end.index as usize == self.text.len() {
                    true => self.changes.undone_at_end(value),
                    false => self.changes.undone(value),
                };
                let scalar = Scalar {
                    text: Secret::from(value.into_bytes()),
                    tag: Tag::named(tag.as_deref()),
                    implicit: plain_implicit,
                    place: self.place(start.line, style),
                };
                self.add(anchor, start.line, Kind::Scalar(scalar))?;
            }
            EventData::SequenceStart { anchor, style, .. } => {
                let index = self.add(anchor, start.line, Kind::Sequence(Vec::new()))?;
                self.open(index, style == SequenceStyle::Flow, start.line)?;
            }
            EventData::MappingStart { anchor, style, .. } => {
                let index = self.add(anchor, start.line, Kind::Mapping(Vec::new()))?;
                self.open(index, style == MappingStyle::Flow, start.line)?;
            }
            EventData::SequenceEnd | EventData::MappingEnd => {
                self.open.pop();
            }
            EventData::Alias { anchor } => {
                // Its name is not repeated: an unquoted password may begin with a `*`.
                let target = self.anchors.get(&anchor);
                let unknown = || YamlError::at("unknown anchor referenced", start.line);
                let target = *target.ok_or_else(unknown)?;
                self.add(None, start.line, Kind::Alias(target))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn in_flow(&self) -> bool {
        self.open.last().is_some_and(|(_, flow)| *flow)
    }

    fn place(&self, line: u64, style: ScalarStyle) -> Place {
        let style = match style {
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
            _ => Style::Plain,
        };
        let line = u32::try_from(line).expect("a text has less than 4 Gi lines") + 1;
        Place { line, style, in_flow: self.in_flow() }
    }

    /// Two characters that are an error to yaml.v2 and not to libyaml 0.2.5. `written` has what stands
    /// in the text from the scalar's anchor or tag to its end.
    fn refuse_what_yaml_v2_refuses(
        &self,
        value: &str,
        written: &str,
        style: ScalarStyle,
        line: u64,
    ) -> Result<(), YamlError> {
        let lines = |len: usize| line + count_breaks(&written[..len]);
        let marks = value.matches('?').count();
        if style == ScalarStyle::Plain && self.in_flow() && marks > 0 {
            let first = written.rmatch_indices('?').nth(marks - 1).map_or(0, |(index, _)| index);
            let problem = "did not find expected ',' or ']'";
            return Err(YamlError::in_parser(problem, lines(first), None));
        }
        if style == ScalarStyle::DoubleQuoted
            && let Some(index) = escaped_slash(written)
        {
            return Err(YamlError::in_scanner(
                "found unknown escape character",
                lines(index),
                None,
            ));
        }
        Ok(())
    }

    fn add(&mut self, anchor: Option<String>, line: u64, kind: Kind) -> Result<usize, YamlError> {
        let index = self.list.len();
        if index == MOST_VALUES {
            return Err(YamlError::at("the document has more than 500000 values", line));
        }
        self.list.push(Node { line, kind });
        if let Some(name) = anchor {
            self.anchors.insert(name, index);
        }
        match self.open.last() {
            None => self.root = Some(index),
            Some((parent, _)) => match &mut self.list[*parent].kind {
                Kind::Sequence(children) | Kind::Mapping(children) => children.push(index),
                Kind::Scalar(_) | Kind::Alias(_) => unreachable!("only collections are open"),
            },
        }
        Ok(index)
    }

    fn open(&mut self, index: usize, flow: bool, line: u64) -> Result<(), YamlError> {
        if self.open.len() == DEEPEST {
            return Err(YamlError::at("exceeded max depth of 100", line));
        }
        self.open.push((index, flow));
        Ok(())
    }
}

fn count_breaks(text: &str) -> u64 {
    let both = text.matches("\r\n").count();
    (text.chars().filter(|c| is_break(*c)).count() - both) as u64
}

/// Where `\/` stands among the escapes of a double-quoted scalar.
fn escaped_slash(written: &str) -> Option<usize> {
    let mut rest = written.char_indices();
    while let Some((index, c)) = rest.next() {
        if c == '\\' && rest.next().is_some_and(|(_, c)| c == '/') {
            return Some(index);
        }
    }
    None
}
