//! Rules: actions, and patterns of names. They add up, and none takes away.
//!
//! A pattern is bytes, of which `*` stands for any bytes, also none and also `/`. Nothing else is special, and nothing
//! escapes a `*`.

use std::sync::Arc;

use memchr::memmem;
use secretary_setec_api::{Action, Malformed, rule};
use smallvec::SmallVec;

/// What somebody may do with which secrets: each of the actions with each secret whose name one of the patterns matches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The actions, as they were written: one that there is not allows nothing.
    pub action: Vec<String>,
    /// The patterns.
    pub secret: Vec<Pattern>,
}

/// All that somebody has. Each is shared with the policy that it is of, because they are put together for each call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(SmallVec<[Arc<Rule>; 2]>);

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

impl Rules {
    /// Whether one of them allows `action` on the secret called `name`.
    pub fn allow(&self, action: Action, name: &str) -> bool {
        self.iter().any(|rule| rule.allows(action, name))
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.0.iter().map(Arc::as_ref)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which allow nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Arc<Rule>> for Rules {
    fn from_iter<I: IntoIterator<Item = Arc<Rule>>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl Extend<Arc<Rule>> for Rules {
    fn extend<I: IntoIterator<Item = Arc<Rule>>>(&mut self, rules: I) {
        self.0.extend(rules);
    }
}

impl From<Vec<Rule>> for Rules {
    fn from(rules: Vec<Rule>) -> Self {
        rules.into_iter().map(Arc::new).collect()
    }
}

impl<const N: usize> From<[Rule; N]> for Rules {
    fn from(rules: [Rule; N]) -> Self {
        rules.into_iter().map(Arc::new).collect()
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
