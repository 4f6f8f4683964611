//! A request as the helpers read one.
//!
//! Go's JSON decoder knows a field by its name in any case and takes null for nothing; Python's names are exact, and a
//! field that is missing ends the program.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Helper;

/// The most bytes of a request.
pub const MAX_SIZE: usize = 16 << 20;

/// Why nothing is answered, in the words of the helper that was called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is no JSON, or of other types.
    #[error("failed to unmarshal json input")]
    Unreadable,
    /// It is none that the Python helper can parse, and why.
    #[error("Cannot parse input: {0}")]
    Unparsable(&'static str),
    /// The version is another one than 1.
    #[error("incompatible protocol version {0:?}")]
    Version(String),
    /// The same in Python.
    #[error("Cannot parse input: incompatible protocol version {0}")]
    PythonVersion(String),
    /// Nothing is asked for.
    #[error("no secrets listed in input")]
    Empty,
    /// The Python helper ends like this when a field is missing.
    #[error("KeyError: '{0}'")]
    Missing(&'static str),
}

/// The handles that `text` asks for, in their order.
///
/// # Errors
///
/// When it is no request of protocol version 1.
pub fn parse(helper: Helper, text: &[u8]) -> Result<Vec<String>, RequestError> {
    // As Go and Python do with what is not UTF-8; a handle with such a character names nothing.
    let text = String::from_utf8_lossy(text);
    match helper {
        Helper::Go => of_go(&text),
        Helper::Python => of_python(&text),
    }
}

fn of_go(text: &str) -> Result<Vec<String>, RequestError> {
    let AnyCase(fields) = serde_json::from_str(text).map_err(|_| RequestError::Unreadable)?;
    let version = fields.version.unwrap_or_default();
    if !is_of_version_1(&version) {
        return Err(RequestError::Version(shortened(&version)));
    }
    let secrets = fields.secrets.unwrap_or_default();
    match secrets.is_empty() {
        true => Err(RequestError::Empty),
        false => Ok(secrets.into_iter().map(Option::unwrap_or_default).collect()),
    }
}

fn of_python(text: &str) -> Result<Vec<String>, RequestError> {
    if text.trim_start().is_empty() {
        return Err(RequestError::Unparsable("Expecting value: line 1 column 1 (char 0)"));
    }
    let exact = serde_json::from_str::<ExactCase>(text);
    let ExactCase(fields) = exact.map_err(|_| RequestError::Unparsable("it is not a request"))?;
    let version = fields.version.ok_or(RequestError::Missing("version"))?;
    if !is_of_version_1(&version) {
        return Err(RequestError::PythonVersion(shortened(&version)));
    }
    let secrets = fields.secrets.ok_or(RequestError::Missing("secrets"))?;
    let secrets = secrets.into_iter().collect::<Option<Vec<_>>>();
    secrets.ok_or(RequestError::Unparsable("a handle is not a text"))
}

/// What is before the first dot counts.
fn is_of_version_1(version: &str) -> bool {
    version.split('.').next() == Some("1")
}

/// A message is no place for a text of any length.
fn shortened(version: &str) -> String {
    version.chars().take(64).filter(|character| !character.is_control()).collect()
}

#[derive(Default)]
struct Fields {
    version: Option<String>,
    secrets: Option<Vec<Option<String>>>,
}

/// Fields known by their names in any case.
struct AnyCase(Fields);

/// Fields known by their very names.
struct ExactCase(Fields);

impl<'de> Deserialize<'de> for AnyCase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader { is_same: str::eq_ignore_ascii_case }).map(Self)
    }
}

impl<'de> Deserialize<'de> for ExactCase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader { is_same: str::eq }).map(Self)
    }
}

struct Reader {
    is_same: fn(&str, &str) -> bool,
}

impl<'de> Visitor<'de> for Reader {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// Go takes `null` for an object without fields.
    fn visit_unit<E: serde::de::Error>(self) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    /// The last of two fields with one name counts, unless it is null.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            if (self.is_same)(&name, "version") {
                fields.version = map.next_value::<Option<String>>()?.or(fields.version);
            } else if (self.is_same)(&name, "secrets") {
                fields.secrets = map.next_value::<Option<Vec<_>>>()?.or(fields.secrets);
            } else {
                map.next_value::<IgnoredAny>().map_err(A::Error::custom)?;
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(text: &str) -> Result<Vec<String>, String> {
        parse(Helper::Go, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn python(text: &str) -> Result<Vec<String>, String> {
        parse(Helper::Python, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn list(handles: &[&str]) -> Result<Vec<String>, String> {
        Ok(handles.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn go_takes_names_in_any_case_and_null_for_nothing() {
        assert_eq!(go(r#"{"version":"1.0","secrets":["a","a",""]}"#), list(&["a", "a", ""]));
        assert_eq!(go(r#" {"VERSION":"1","Secrets":["a",null],"x":{"y":[1]}}"#), list(&["a", ""]));
        assert_eq!(go("{\"version\":\"1.x.y\",\"secrets\":[\"a\"]}\r\n"), list(&["a"]));
        assert_eq!(go(r#"{"secrets":["b"],"secrets":["a"],"version":"1"}"#), list(&["a"]));
    }

    #[test]
    fn go_says_what_is_wrong() {
        let version = |version: &str| Err(format!("incompatible protocol version {version}"));
        for text in ["", "invalid", "[]", "7", "{} {}", r#"{"version":1,"secrets":["a"]}"#] {
            assert_eq!(go(text), Err("failed to unmarshal json input".to_string()), "{text}");
        }
        assert_eq!(go(r#"{"version":"2.0"}"#), version("\"2.0\""));
        assert_eq!(go(r#"{"version":"01.0"}"#), version("\"01.0\""));
        assert_eq!(go("null"), version("\"\""));
        assert_eq!(go(r#"{"version":"1"}"#), Err("no secrets listed in input".to_string()));
        let secrets = r#"{"version":"1","secrets":[5]}"#;
        assert_eq!(go(secrets), Err("failed to unmarshal json input".to_string()));
    }

    #[test]
    fn python_takes_names_as_they_are() {
        assert_eq!(python(r#"{"version":"1.0","secrets":["a"]}"#), list(&["a"]));
        assert_eq!(python(r#"{"version":"1.0","secrets":[]}"#), list(&[]));
        assert_eq!(python(r#"{"Version":"1","secrets":[]}"#), Err("KeyError: 'version'".into()));
        assert_eq!(python(r#"{"version":"1"}"#), Err("KeyError: 'secrets'".into()));
        for text in ["x", "null", "[]", r#"{"version":1,"secrets":["a"]}"#] {
            assert_eq!(python(text), Err("Cannot parse input: it is not a request".into()));
        }
    }

    #[test]
    fn a_version_is_told_on_one_short_line() {
        let text = format!(r#"{{"version":"2{}\n"}}"#, "\\u001b[2J".repeat(1000));
        assert!(go(&text).expect_err("it is 2").len() < 200);
        assert!(!python(&text).expect_err("it is 2").contains(char::is_control));
    }
}
