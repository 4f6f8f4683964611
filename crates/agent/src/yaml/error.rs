//! Why a text is not read.

use std::fmt;

use libyaml_safer::{Error, ErrorKind};

/// Why a text is not read, in yaml.v2's words. It repeats nothing of the text, because an unquoted
/// password can be what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    problem: &'static str,
    said: Option<u64>,
    line: Option<u64>,
}

impl YamlError {
    /// A problem that yaml.v2 tells without a line.
    pub(super) fn new(problem: &'static str) -> Self {
        Self { problem, said: None, line: None }
    }

    /// The same, and the line it is in, from 0, for whoever asks.
    pub(super) fn at(problem: &'static str, line: u64) -> Self {
        Self { line: Some(line + 1), ..Self::new(problem) }
    }

    /// A problem that the parser finds in a line, counted from 0, inside of what began in another.
    pub(super) fn in_parser(problem: &'static str, line: u64, began: Option<u64>) -> Self {
        // The lines that yaml.v2 names are one too small here, and the first is never named.
        let said = Some(line).filter(|line| *line != 0).or(began.filter(|line| *line != 0));
        Self { problem, said, line: Some(line + 1) }
    }

    /// A problem that the scanner finds.
    pub(super) fn in_scanner(problem: &'static str, line: u64, began: Option<u64>) -> Self {
        let said = Some(line).filter(|line| *line != 0).map(|line| line + 1);
        Self { problem, said: said.or(began.filter(|line| *line != 0)), line: Some(line + 1) }
    }

    /// What the parser says, of a line that is `behind` lines before the one it found.
    pub(super) fn of(error: &Error, behind: u64) -> Self {
        let began = error.context_mark().map(|mark| mark.line);
        let line = error.problem_mark().map(|mark| mark.line.saturating_sub(behind));
        match (error.kind(), line) {
            (ErrorKind::Scanner, Some(line)) => Self::in_scanner(error.problem(), line, began),
            (_, Some(line)) => Self::in_parser(error.problem(), line, began),
            (_, None) => Self::new(error.problem()),
        }
    }

    /// The line of the problem, from 1. It may be another than the text says: yaml.v2 miscounts.
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// What is wrong, without the line.
    pub fn problem(&self) -> &'static str {
        self.problem
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.said {
            Some(line) => write!(f, "yaml: line {line}: {}", self.problem),
            None => write!(f, "yaml: {}", self.problem),
        }
    }
}

impl std::error::Error for YamlError {}
