//! What an agent writes to the executable: one line of JSON without an end of line, as Go writes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// Which agent's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// `1.0`: a handle that is used twice is in it twice.
    #[default]
    V1_0,
    /// `1.1`: each handle once, and the seconds that there are.
    V1_1,
}

/// The request for `handles`, which are not empty, in their order.
///
/// ```text
/// {"secrets":["b","a"],"version":"1.0"}
/// {"secret_backend_timeout":30,"secrets":["b","a"],"version":"1.1"}
/// ```
pub fn of(handles: &[String], version: Version, timeout: Duration) -> String {
    let mut payload = String::from("{");
    if version == Version::V1_1 {
        let _ = write!(payload, "\"secret_backend_timeout\":{},", timeout.as_secs());
    }
    payload.push_str("\"secrets\":[");
    let mut seen = BTreeSet::new();
    let asked = handles.iter().filter(|handle| version == Version::V1_0 || seen.insert(*handle));
    for (place, handle) in asked.enumerate() {
        if place > 0 {
            payload.push(',');
        }
        push_string(&mut payload, handle);
    }
    payload.push_str("],\"version\":");
    payload.push_str(if version == Version::V1_0 { "\"1.0\"}" } else { "\"1.1\"}" });
    payload
}

/// Go escapes what would end an HTML element or a line of JavaScript, and nothing else beyond ASCII.
fn push_string(payload: &mut String, text: &str) {
    payload.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => payload.extend(['\\', character]),
            '\n' => payload.push_str("\\n"),
            '\r' => payload.push_str("\\r"),
            '\t' => payload.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(payload, "\\u{:04x}", u32::from(character));
            }
            _ => payload.push(character),
        }
    }
    payload.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(handles: &[&str], version: Version) -> String {
        let handles: Vec<_> = handles.iter().map(|handle| handle.to_string()).collect();
        of(&handles, version, Duration::from_secs(30))
    }

    #[test]
    fn strings_are_escaped_as_go_does() {
        let text = payload(&["<a>&\u{2028}é\"\\\n\u{8}\u{7f}😀", ""], Version::V1_0);
        let handle = "\\u003ca\\u003e\\u0026\\u2028é\\\"\\\\\\n\\u0008\u{7f}😀";
        assert_eq!(text, format!("{{\"secrets\":[\"{handle}\",\"\"],\"version\":\"1.0\"}}"));
    }

    #[test]
    fn only_the_old_agent_repeats_a_handle() {
        let text = payload(&["b", "a", "b"], Version::V1_0);
        assert_eq!(text, r#"{"secrets":["b","a","b"],"version":"1.0"}"#);
        let text = payload(&["b", "a", "b"], Version::V1_1);
        let expected = r#"{"secret_backend_timeout":30,"secrets":["b","a"],"version":"1.1"}"#;
        assert_eq!(text, expected);
    }
}
