//! A file of plain names and what each stands for: text with tokens, so that the file can be in a config repository
//! like everything else.
//!
//! ```toml
//! db_prod_user = "ENC[NACL,...]"
//! "db/prod password" = "ENC[KMS,...]"
//! ```
//!
//! A file that ends in `.toml` is TOML, one in `.yaml` or `.yml` YAML. The names are on the first level and the values
//! strings.

use std::collections::HashMap;

use crate::yaml::{self, Document, Value};

/// The most bytes of such a file.
pub const MAX_NAMES: usize = yaml::LONGEST_TEXT;

/// Names, and what they stand for.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, String>);

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.0.
    Toml,
    /// YAML, as an agent reads it.
    Yaml,
}

/// A file that can't be used. What is in it is not repeated, but for names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// It does not follow the rules of its language.
    #[error("line {line} is no {language}")]
    Syntax {
        /// The first line that does not, from 1.
        line: usize,
        /// The language.
        language: &'static str,
    },
    /// It holds something else than names and what they stand for.
    #[error("it has to hold names, each with a string")]
    NoNames,
    /// A name stands for something that is no string.
    #[error("what {0} stands for is no string")]
    NoString(String),
}

impl Syntax {
    /// The language of a file with this ending.
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

impl Names {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// When it is not of that language, or has something else in it than names and strings.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, NamesError> {
        match syntax {
            Syntax::Toml => Self::parse_toml(text),
            Syntax::Yaml => Self::parse_yaml(text),
        }
    }

    /// What `name` stands for.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn parse_toml(text: &str) -> Result<Self, NamesError> {
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            let line = before.matches('\n').count() + 1;
            NamesError::Syntax { line, language: "TOML" }
        })?;
        let names = table.into_iter().map(|(name, value)| match value {
            toml::Value::String(text) => Ok((name, text)),
            _ => Err(NamesError::NoString(name)),
        });
        names.collect::<Result<_, _>>().map(Self)
    }

    fn parse_yaml(text: &str) -> Result<Self, NamesError> {
        let document = Document::parse(text.as_bytes()).map_err(|error| {
            let line = error.line().and_then(|line| usize::try_from(line).ok()).unwrap_or(1);
            NamesError::Syntax { line, language: "YAML" }
        })?;
        let mapping = match &document.root {
            // A file without a document, or with comments alone.
            Value::Null => return Ok(Self::default()),
            root => root.as_mapping().ok_or(NamesError::NoNames)?,
        };
        let names = mapping.iter().map(|(name, value)| {
            let name = name.as_str().ok_or(NamesError::NoNames)?;
            let text = value.as_str().ok_or_else(|| NamesError::NoString(name.to_string()))?;
            Ok((name.to_string(), text.to_string()))
        });
        names.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_its_text() {
        let names = Names::parse("a = \"1\"\n\"b@c/d e\" = 'x\\y'\n", Syntax::Toml).expect("names");
        assert_eq!(names.find("a"), Some("1"));
        assert_eq!(names.find("b@c/d e"), Some("x\\y"));
        assert_eq!(names.find("c"), None);
    }

    #[test]
    fn errors_have_a_line_and_no_value() {
        let wrong = |text| Names::parse(text, Syntax::Toml).map(|_| ()).expect_err("an error");
        let syntax = |line| NamesError::Syntax { line, language: "TOML" };
        assert_eq!(wrong("a = \"1\"\nb = hunter2\n"), syntax(2));
        assert_eq!(wrong("a = \"1\"\n\na = \"2\"\n"), syntax(3));
        assert_eq!(wrong("a = 1"), NamesError::NoString("a".to_string()));
        assert_eq!(wrong("[a]\nb = \"1\""), NamesError::NoString("a".to_string()));
    }

    #[test]
    fn yaml_says_the_same() {
        let parse = |text| Names::parse(text, Syntax::Yaml);
        let names = parse("# c\na: ENC[NACL,AA]\n'b c': |-\n  x\n  y\n").expect("names");
        assert_eq!(names.find("a"), Some("ENC[NACL,AA]"));
        assert_eq!(names.find("b c"), Some("x\ny"));
        assert!(parse("").is_ok());
        assert_eq!(parse("a: 1").map(drop), Err(NamesError::NoString("a".to_string())));
        assert_eq!(parse("- a").map(drop), Err(NamesError::NoNames));
        assert_eq!(parse("1: a").map(drop), Err(NamesError::NoNames));
        let syntax = NamesError::Syntax { line: 2, language: "YAML" };
        assert_eq!(parse("a: b\nc: d: hunter2").map(drop), Err(syntax));
    }
}
