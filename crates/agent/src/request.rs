//! What an agent writes to standard input: one JSON object with a version and a list of handles.
//!
//! ```json
//! {"secrets":["db_user","db_password"],"version":"1.1","secret_backend_timeout":30}
//! ```
//!
//! Fields that are not known are none of our business: newer agents send more of them. Names of fields count in any
//! case, and the last of several with one name, as in the agents' own helpers.

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The most bytes of a request.
pub const MAX_REQUEST: usize = 16 * 1024 * 1024;

/// What an agent asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The handles, each once, in the order they came in. An agent sends one that is used twice two times.
    pub handles: Vec<String>,
    /// How long the agent waits, if it says so.
    pub timeout: Option<Duration>,
}

/// A request that can't be handled at all. What is wrong with it is not repeated, but for a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is no JSON object, or a field has a value of another type than it should.
    #[error("failed to unmarshal json input: {0}")]
    Json(&'static str),
    /// It is of another version of the protocol, or says nothing of it.
    #[error("incompatible protocol version {0}")]
    Version(String),
    /// It asks for nothing.
    #[error("no secrets listed in input")]
    Nothing,
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    ///
    /// When it is not one, or not of version 1.
    pub fn parse(text: &[u8]) -> Result<Self, RequestError> {
        // Windows PowerShell puts it before what it writes to a pipe.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let text = str::from_utf8(text).map_err(|_| RequestError::Json("it is not UTF-8"))?;
        if text.trim_ascii().is_empty() {
            return Err(RequestError::Json("there is none"));
        }
        let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| {
            RequestError::Json(match error.classify() {
                serde_json::error::Category::Eof => "it ends too early",
                serde_json::error::Category::Data => "it is no object with a version and a list",
                _ => "it is no JSON, or not only one value",
            })
        })?;
        check_version(fields.version)?;
        let list = fields.secrets.ok_or(RequestError::Nothing)?;
        let list: Option<Vec<String>> = serde_json::from_str(list.get())
            .map_err(|_| RequestError::Json("secrets is no list of strings"))?;
        let mut seen = HashSet::new();
        let mut handles = list.unwrap_or_default();
        handles.retain(|handle| seen.insert(handle.clone()));
        if handles.is_empty() {
            return Err(RequestError::Nothing);
        }
        let timeout = fields.timeout.and_then(|timeout| timeout.get().parse().ok());
        let timeout = timeout.filter(|seconds: &f64| *seconds > 0.0);
        let timeout = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Self { handles, timeout })
    }
}

/// What is before the first dot has to be 1, as in the agents' own helper, and the rest digits. Some callers send a
/// number.
fn check_version(version: Option<&RawValue>) -> Result<(), RequestError> {
    let text = version.map_or("\"\"", RawValue::get);
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let mut parts = digits.split('.');
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next() == Some("1") && parts.all(is_number) {
        return Ok(());
    }
    // Only what could be a version is worth repeating.
    let could_be = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
    let shown = match digits.len() <= 16 && digits.bytes().all(could_be) {
        true => format!("\"{digits}\""),
        false => "that is none".to_string(),
    };
    Err(RequestError::Version(shown))
}

/// The fields that are known, as they are.
#[derive(Default)]
struct Fields<'a> {
    version: Option<&'a RawValue>,
    secrets: Option<&'a RawValue>,
    timeout: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.to_ascii_lowercase().as_str() {
                "version" => fields.version = Some(map.next_value()?),
                "secrets" => fields.secrets = Some(map.next_value()?),
                "secret_backend_timeout" => fields.timeout = Some(map.next_value()?),
                _ => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handles(text: &str) -> Result<Vec<String>, RequestError> {
        Request::parse(text.as_bytes()).map(|request| request.handles)
    }

    #[test]
    fn versions_begin_with_one() {
        for version in ["\"1\"", "\"1.0\"", "\"1.1\"", "\"1.2.3\"", "1", "1.0", "1.25"] {
            let text = format!("{{\"version\":{version},\"secrets\":[\"a\"]}}");
            assert_eq!(handles(&text), Ok(vec!["a".to_string()]), "{version}");
        }
        for version in [
            "\"\"", "\"2.0\"", "\"01.0\"", "\"10.0\"", "\"1.\"", "\"1.x\"", "\"1,0\"", "2", "10",
            "1e0", "-1", "null", "true", "[1]", "{}",
        ] {
            let text = format!("{{\"version\":{version},\"secrets\":[\"a\"]}}");
            assert!(matches!(handles(&text), Err(RequestError::Version(_))), "{version}");
        }
        let without = handles("{\"secrets\":[\"a\"]}");
        assert_eq!(without, Err(RequestError::Version("\"\"".to_string())));
    }

    #[test]
    fn a_version_that_is_none_is_not_repeated() {
        let error = handles("{\"version\":\"hunter2 is my password\",\"secrets\":[\"a\"]}");
        assert_eq!(error, Err(RequestError::Version("that is none".to_string())));
    }

    #[test]
    fn what_surrounds_a_request_does_not_matter() {
        let text = "\u{feff} {\"secrets\":[\"a\"],\"version\":\"1.0\"}\r\n";
        assert_eq!(handles(text), Ok(vec!["a".to_string()]));
        let newer = r#"{"type":"x","config":{"k":[1]},"VERSION":"1.1","Secrets":["a"]}"#;
        assert_eq!(handles(newer), Ok(vec!["a".to_string()]));
    }

    #[test]
    fn every_handle_is_answered_once_and_whatever_it_is() {
        let text = r#"{"version":"1.0","secrets":["b","","a\n%s]\u00e9\\","b",""]}"#;
        assert_eq!(handles(text), Ok(["b", "", "a\n%s]é\\"].map(str::to_string).to_vec()));
    }

    #[test]
    fn a_request_for_nothing_is_none() {
        for list in ["", ",\"secrets\":[]", ",\"secrets\":null"] {
            let text = format!("{{\"version\":\"1.0\"{list}}}");
            assert_eq!(handles(&text), Err(RequestError::Nothing), "{text}");
        }
        for text in [
            "",
            "  ",
            "x",
            "{",
            "[]",
            "null",
            "\"1.0\"",
            r#"{"version":"1.0","secrets":["a"]}{}"#,
            r#"{"version":"1.0","secrets":["a"]} x"#,
            r#"{"version":"1.0","secrets":"a"}"#,
            r#"{"version":"1.0","secrets":["a",5]}"#,
            r#"{"version":"1.0","secrets":["a",null]}"#,
            r#"{"version":"1.0","secrets":["\ud800"]}"#,
        ] {
            assert!(matches!(handles(text), Err(RequestError::Json(_))), "{text}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_request() {
        for text in [
            b"{\"version\":\"1.0\",\"secrets\":[\"\xff\"]}".as_slice(),
            b"{\"version\":\"1.0\",\"secrets\":[\"a\"],\"x\":\"\xff\"}".as_slice(),
        ] {
            assert_eq!(Request::parse(text), Err(RequestError::Json("it is not UTF-8")));
        }
    }

    #[test]
    fn an_agent_may_say_how_long_it_waits() {
        let timeout = |value: &str| {
            let text = format!(
                "{{\"version\":\"1.1\",\"secrets\":[\"a\"],\"secret_backend_timeout\":{value}}}"
            );
            Request::parse(text.as_bytes()).expect("a request").timeout
        };
        assert_eq!(timeout("30"), Some(Duration::from_secs(30)));
        assert_eq!(timeout("0.5"), Some(Duration::from_millis(500)));
        for value in ["0", "-1", "\"30\"", "null", "1e300", "[]"] {
            assert_eq!(timeout(value), None, "{value}");
        }
    }
}
