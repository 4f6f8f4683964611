//! What a scalar stands for by the rules of yaml.v2, which are those of YAML 1.1 with holes.

use secretary_secret::Secret;

use super::nodes::Tag;
use super::number::{Whole, parse_float, parse_whole, separates_digits};
use super::timestamp::is_timestamp;

/// What a scalar stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resolved {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Float(f64),
    /// Its text, which would be a timestamp to others.
    Timestamp,
    /// Its text.
    String,
}

/// What a plain scalar without a tag stands for.
pub(super) fn resolve(text: &str) -> Resolved {
    resolve_by(Tag::None, text)
}

/// What a scalar with a tag stands for.
///
/// # Errors
///
/// What yaml.v2 says, without the text.
pub(super) fn resolve_tagged(tag: Tag, text: &str) -> Result<Resolved, &'static str> {
    use Resolved::*;
    let resolved = match tag {
        Tag::None => return Ok(resolve(text)),
        Tag::String | Tag::Binary | Tag::Merge | Tag::Other => return Ok(String),
        _ => resolve_by(tag, text),
    };
    match (tag, resolved) {
        (Tag::Null, Null)
        | (Tag::Boolean, Boolean(_))
        | (Tag::Integer, Integer(_) | Unsigned(_))
        | (Tag::Float, Float(_))
        | (Tag::Timestamp, Timestamp) => Ok(resolved),
        (Tag::Float, Integer(number)) => Ok(Float(number as f64)),
        (Tag::Null, _) => Err("cannot decode the scalar as a !!null"),
        (Tag::Boolean, _) => Err("cannot decode the scalar as a !!bool"),
        (Tag::Integer, _) => Err("cannot decode the scalar as a !!int"),
        (Tag::Float, _) => Err("cannot decode the scalar as a !!float"),
        _ => Err("cannot decode the scalar as a !!timestamp"),
    }
}

fn resolve_by(tag: Tag, text: &str) -> Resolved {
    match text.as_bytes().first() {
        None | Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => {
            word(text).unwrap_or(Resolved::String)
        }
        Some(b'.') => word(text)
            .or_else(|| {
                let digits = Some(text).filter(|text| separates_digits(text))?;
                without_marks(digits, parse_float).map(Resolved::Float)
            })
            .unwrap_or(Resolved::String),
        Some(b'+' | b'-') => word(text).unwrap_or_else(|| number(tag, text)),
        Some(b'0'..=b'9') => number(tag, text),
        Some(_) => Resolved::String,
    }
}

fn word(text: &str) -> Option<Resolved> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Boolean(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Boolean(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(tag: Tag, text: &str) -> Resolved {
    if matches!(tag, Tag::None | Tag::Timestamp) && is_timestamp(text) {
        return Resolved::Timestamp;
    }
    without_marks(text, plain_number)
}

/// Reads a number of which `_` is no part. Whoever has a password of digits and `_` does not want a copy
/// of it left.
fn without_marks<T>(text: &str, read: impl Fn(&str) -> T) -> T {
    let mut digits = Secret::with_capacity(text.len());
    text.split('_').for_each(|part| digits.extend(part.as_bytes()));
    read(std::str::from_utf8(digits.expose()).expect("parts of a text are text"))
}

fn plain_number(text: &str) -> Resolved {
    match parse_whole(text) {
        Some(Whole::Signed(number)) => Resolved::Integer(number),
        Some(Whole::Unsigned(number)) => Resolved::Unsigned(number),
        None => parse_float(text).map_or(Resolved::String, Resolved::Float),
    }
}
