//! Rules: actions, and patterns of names. They add up, and none takes away.
//!
//! A pattern is bytes, of which `*` stands for any bytes, also none and also `/`. Nothing else is special, and nothing
//! escapes a `*`.

use secretary_setec_api::Action;

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

    /// Whether it allows `action` on the secret called `name`.
    pub fn allows(&self, action: Action, name: &str) -> bool {
        self.action.iter().any(|allowed| allowed == action.as_str())
            && self.secret.iter().any(|pattern| pattern.matches(name))
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

    /// Whether `name` is one of its names. What is between two stars is looked for from the left and never again, so
    /// that this takes no longer than the lengths of both multiplied.
    pub fn matches(&self, name: &str) -> bool {
        let (mut pieces, mut rest) =
            (self.0.as_bytes().split(|&byte| byte == b'*'), name.as_bytes());
        let first = pieces.next().unwrap_or_default();
        let Some(last) = pieces.next_back() else { return rest == first };
        let Some(after) = rest.strip_prefix(first) else { return false };
        let Some(between) = after.strip_suffix(last) else { return false };
        rest = between;
        for piece in pieces {
            let Some(at) = find(rest, piece) else { return false };
            rest = &rest[at + piece.len()..];
        }
        true
    }
}

/// Where `piece` first is in `bytes`.
fn find(bytes: &[u8], piece: &[u8]) -> Option<usize> {
    match piece {
        [] => Some(0),
        _ => bytes.windows(piece.len()).position(|window| window == piece),
    }
}
