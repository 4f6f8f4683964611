//! TOML or JSON before it means anything: texts, lists and tables.
//!
//! A library's errors quote what is wrong, which may be a key, so here an error is a line's number.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Syntax;

/// A document, or a part of it.
pub(super) enum Document {
    Text(String),
    List(Vec<Document>),
    Table(Table),
    /// A number, a truth value, `null`.
    Other,
}

/// Names and values in the order of the document. A name may come twice.
pub(super) type Table = Vec<(String, Document)>;

impl Document {
    /// Reads `text`, or answers the line that is none of its syntax.
    pub(super) fn parse(text: &str, syntax: Syntax) -> Result<Self, usize> {
        match syntax {
            Syntax::Json => serde_json::from_str(text).map_err(|error| error.line()),
            Syntax::Toml => toml::from_str(text).map_err(|error| {
                let start = error.span().map_or(text.len(), |span| span.start);
                text.bytes().take(start).filter(|&byte| byte == b'\n').count() + 1
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Part)
    }
}

struct Part;

impl<'de> Visitor<'de> for Part {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Text(text.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Document, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Document::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let mut table = Vec::new();
        while let Some(member) = members.next_entry()? {
            table.push(member);
        }
        Ok(Document::Table(table))
    }

    fn visit_unit<E: Error>(self) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Document, E> {
        Ok(Document::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Document, E> {
        Ok(Document::Other)
    }
}
