//! Rules: actions, and patterns of names. They add up, and none takes away.
//!
//! A pattern is bytes, of which `*` stands for any bytes, also none and also `/`. Nothing else is special, and nothing
//! escapes a `*`.

use memchr::memmem;
use secretary_setec_api::{Action, Malformed, rule};

/// What somebody may do with which secrets: each of the actions with each secret whose name one of the patterns matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The actions, as they were written: one that there is not allows nothing.
    pub action: Vec<String>,
    /// The patterns.
    pub secret: Vec<Pattern>,
}

/// A name, or many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Rule {
    /// A rule with all actions on all secrets.
    pub fn everything() -> Self {
        let action = Action::ALL.map(|action| action.as_str().to_string()).to_vec();
        Self { action, secret: vec![Pattern::new("*")] }
    }

    /// Reads a rule of a tailnet's policy.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn decode(json: &[u8]) -> Result<Self, Malformed> {
        let rule::Rule { action, secret } = rule::Rule::decode(json)?;
        Ok(Self { action, secret: secret.into_iter().map(Pattern).collect() })
    }

    /// Whether it allows `action` on the secret called `name`.
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.has(action) && self.covers(name)
    }

    /// Whether `action` is one of its actions.
    pub fn has(&self, action: Action) -> bool {
        self.action.iter().any(|allowed| allowed == action.as_str())
    }

    /// Whether one of its patterns matches `name`.
    pub fn covers(&self, name: &str) -> bool {
        self.secret.iter().any(|pattern| pattern.matches(name))
    }
}

impl Pattern {
    /// The pattern with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one name and no other.
    pub fn is_literal(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether `name` is one of its names.
    pub fn matches(&self, name: &str) -> bool {
        self.matches_by(name, memmem::find)
    }

    /// What is between two stars is looked for from the left and never again: if there is a match at all, then there
    /// is one with each piece as far left as it can be. So this takes as long as both are, together.
    fn matches_by(&self, name: &str, find: impl Fn(&[u8], &[u8]) -> Option<usize>) -> bool {
        let (mut pieces, name) = (self.0.as_bytes().split(|&byte| byte == b'*'), name.as_bytes());
        let first = pieces.next().unwrap_or_default();
        let Some(last) = pieces.next_back() else { return name == first };
        let Some(after) = name.strip_prefix(first) else { return false };
        let Some(mut rest) = after.strip_suffix(last) else { return false };
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            let Some(at) = find(rest, piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}

#[cfg(test)]
mod tests;
