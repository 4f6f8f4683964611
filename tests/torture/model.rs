//! What a secret is, which calls there are, and what they make of it: setec's rules once more, in the fewest lines.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::http::Answer;
use crate::lines::Line;

/// A value, by the number that it is made of.
pub(crate) type ValueId = u64;

/// The bytes of a value. Some are longer than a page, and no two are equal.
pub(crate) fn bytes_of(id: ValueId) -> Vec<u8> {
    let times = if id.is_multiple_of(41) { 500 } else { id % 9 + 1 };
    format!("value {id} ").repeat(times as usize).into_bytes()
}

/// A secret. There is one if it has versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Those that were deleted have no value.
    pub(crate) versions: BTreeMap<u32, Option<ValueId>>,
    pub(crate) active: u32,
}

/// A call about a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Put(ValueId),
    CreateVersion(u32, ValueId),
    Activate(u32),
    DeleteVersion(u32),
    Delete,
    /// Of version 0 the active one.
    Get(u32),
}

/// What a call is answered with when all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Version(u32),
    Value(ValueId, u32),
    Refused(u16, &'static str),
}

const NOT_FOUND: Outcome = Outcome::Refused(404, "not_found");

impl Secret {
    fn find(&self, version: u32) -> Option<ValueId> {
        self.versions.get(&version).copied().flatten()
    }

    /// Versions that are there.
    pub(crate) fn present(&self) -> Vec<u32> {
        let present = self.versions.iter().filter(|(_, value)| value.is_some());
        present.map(|(version, _)| *version).collect()
    }

    /// Whether a list shows them in the same way.
    pub(crate) fn looks_as(&self, versions: &[u32], active: u32) -> bool {
        self.present() == versions && self.active == active
    }

    /// Does what is asked, and says what is answered.
    pub(crate) fn apply(&mut self, call: Call) -> Outcome {
        match call {
            Call::Put(value) => {
                let last =
                    self.versions.last_key_value().map(|(version, value)| (*version, *value));
                if let Some((version, Some(latest))) = last
                    && latest == value
                {
                    return Outcome::Version(version);
                }
                let version = last.map_or(1, |(version, _)| version + 1);
                if self.versions.is_empty() {
                    self.active = version;
                }
                self.versions.insert(version, Some(value));
                Outcome::Version(version)
            }
            Call::CreateVersion(version, _) if self.versions.contains_key(&version) => {
                Outcome::Refused(412, "claimed")
            }
            Call::CreateVersion(version, value) => {
                self.versions.insert(version, Some(value));
                self.active = version;
                Outcome::Done
            }
            Call::Activate(version) if self.find(version).is_some() => {
                self.active = version;
                Outcome::Done
            }
            Call::DeleteVersion(version) if self.active == version => {
                Outcome::Refused(500, "is_active")
            }
            Call::DeleteVersion(version) if self.find(version).is_some() => {
                self.versions.insert(version, None);
                Outcome::Done
            }
            Call::Delete => {
                *self = Self::default();
                Outcome::Done
            }
            Call::Get(version) => {
                let version = if version == 0 { self.active } else { version };
                self.find(version).map_or(NOT_FOUND, |value| Outcome::Value(value, version))
            }
            Call::Activate(_) | Call::DeleteVersion(_) => NOT_FOUND,
        }
    }
}

impl Call {
    pub(crate) fn is_write(self) -> bool {
        !matches!(self, Self::Get(_))
    }

    /// The path, and the body.
    pub(crate) fn request(self, name: &str) -> (&'static str, String) {
        let text = |value| STANDARD.encode(bytes_of(value));
        let (path, body) = match self {
            Self::Put(value) => ("put", json!({"Name": name, "Value": text(value)})),
            Self::CreateVersion(version, value) => {
                ("create-version", json!({"Name": name, "Version": version, "Value": text(value)}))
            }
            Self::Activate(version) => ("activate", json!({"Name": name, "Version": version})),
            Self::DeleteVersion(version) => {
                ("delete-version", json!({"Name": name, "Version": version}))
            }
            Self::Delete => ("delete", json!({"Name": name})),
            Self::Get(version) => ("get", json!({"Name": name, "Version": version})),
        };
        (path, body.to_string())
    }

    /// The audit line of it, when this comes of it.
    pub(crate) fn line(self, name: &str, outcome: Outcome) -> Line {
        let (action, version) = match self {
            Self::Put(_) => ("put", 0),
            Self::CreateVersion(version, _) => ("create-version", version),
            Self::Activate(version) => ("activate", version),
            Self::DeleteVersion(version) => ("delete", version),
            Self::Delete => ("delete", 0),
            Self::Get(version) => ("get", version),
        };
        let (served, result) = match (self, outcome) {
            (_, Outcome::Refused(_, result)) => (0, result),
            (Self::CreateVersion(version, _), _) => (version, "ok"),
            (_, Outcome::Version(version) | Outcome::Value(_, version)) => (version, "ok"),
            (_, Outcome::Done) => (0, "ok"),
        };
        Line::new(action, name, version, served, result)
    }
}

impl Outcome {
    /// Whether that is what was answered.
    pub(crate) fn is(self, answer: &Answer) -> bool {
        let expected = match self {
            Self::Refused(status, _) => return answer.status == status,
            Self::Done => json!({}),
            Self::Version(version) => json!(version),
            Self::Value(value, version) => {
                json!({"Value": STANDARD.encode(bytes_of(value)), "Version": version})
            }
        };
        let body = serde_json::from_slice::<Value>(&answer.body);
        answer.status == 200 && body.is_ok_and(|body| body == expected)
    }
}
