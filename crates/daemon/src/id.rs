//! Names of apps and tasks, once they are known to be nothing else.

use std::fmt;

/// The most bytes in an id.
pub const MAX_ID: usize = 1024;

/// A Marathon app's id: an absolute path of names, as in `/group/app`.
///
/// It becomes a part of a URL, so nothing is repaired or escaped: what Marathon would not take as an
/// id is none, and Marathon is not asked about it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AppId(String);

impl AppId {
    /// Reads `text`, or nothing when it is no id of an app.
    pub fn parse(text: &str) -> Option<Self> {
        let names = text.strip_prefix('/')?;
        let fits = text.len() <= MAX_ID && names.split('/').all(is_name);
        fits.then(|| Self(text.to_string()))
    }

    /// The whole id, with its `/` at the start.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Marathon itself takes no upper case; Metronome's runs have it.
fn is_name(text: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let mut bytes = text.bytes();
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && alphanumeric(bytes.next())
        && alphanumeric(text.bytes().next_back())
        && !text.contains("..")
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A task's id. It is compared, and never becomes a part of anything.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TaskId(String);

impl TaskId {
    /// Reads `text`, or nothing when no task has such an id: it is of printable ASCII.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            (1..=MAX_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_string()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_id_can_be_nothing_but_a_path_of_names() {
        for id in ["/a", "/demo/webapp", "/a-b/c.d/0", "/test-job/20180725075828m0Ezl", "/a_b"] {
            assert_eq!(AppId::parse(id).expect("an id").as_str(), id);
        }
        let long = format!("/{}", "a".repeat(MAX_ID));
        for text in [
            "",
            "/",
            "a",
            "demo/webapp",
            "//demo",
            "/demo//webapp",
            "/demo/",
            "/.",
            "/..",
            "/a/../b",
            "/a/.../b",
            "/a..b",
            "/-a",
            "/a-",
            "/a b",
            "/a+b",
            "/a%2Fb",
            "/a?x=1",
            "/a#f",
            "/a\\b",
            "/a\nb",
            "/a\0b",
            "/ü",
            &long,
        ] {
            assert!(AppId::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_task_id_is_printable() {
        for id in ["1", "demo_webapp.0f810e10-9a82-11e5-94c7-6a515f434e2d", "t&="] {
            assert_eq!(TaskId::parse(id).expect("an id").as_str(), id);
        }
        for text in ["", "a b", "a\n", "\u{7f}", "ü", &"a".repeat(MAX_ID + 1)] {
            assert!(TaskId::parse(text).is_none(), "{text:?}");
        }
    }
}
