//! Why somebody may do something, or may not: for who writes policies, and not for callers.

use std::fmt;

use secretary_setec_api::Action;

use super::{Policy, is_for};

/// What one grant says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Which of the grants, from 1.
    pub number: usize,
    /// Where it begins, if the file has lines to name.
    pub line: Option<usize>,
    /// Whether it is for the caller.
    pub principal: bool,
    /// Whether it has the action.
    pub action: bool,
    /// Whether one of its patterns matches the name of the secret.
    pub secret: bool,
}

impl Judgement {
    /// Whether it allows the call.
    pub fn allows(&self) -> bool {
        self.principal && self.action && self.secret
    }

    /// Whether it would, if not for one thing.
    pub fn nearly_allows(&self) -> bool {
        [self.principal, self.action, self.secret].iter().filter(|has| !**has).count() == 1
    }
}

/// `grant 2 (line 7) has this principal and this action, but no pattern for this secret`
impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "grant {}", self.number)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        f.write_str(match (self.principal, self.action, self.secret) {
            (true, true, true) => " allows it",
            (true, true, false) => " has this principal and action, but no pattern for this secret",
            (true, false, true) => " has this principal and secret, but not this action",
            (false, true, true) => " has this action and secret, but not this principal",
            (true, false, false) => " has this principal, but neither this action nor this secret",
            (false, true, false) => " has this action, but neither this principal nor this secret",
            (false, false, true) => " has this secret, but neither this principal nor this action",
            (false, false, false) => " has nothing of it",
        })
    }
}

impl Policy {
    /// What each grant says of a call of somebody with these names.
    pub fn judge(&self, names: &[String], action: Action, secret: &str) -> Vec<Judgement> {
        let grants = self.grants.iter().enumerate();
        let judged = grants.map(|(index, grant)| Judgement {
            number: index + 1,
            line: grant.line,
            principal: grant.principal.iter().any(|pattern| is_for(pattern, names)),
            action: grant.rule.has(action),
            secret: grant.rule.covers(secret),
        });
        judged.collect()
    }
}
