//! Who may do what, in a file of the operator.
//!
//! ```toml
//! [[grant]]
//! principal = ["token:ci", "tag:web", "uri:spiffe://example.org/*"]
//! action = ["get", "info"]
//! secret = ["prod/*"]
//! ```
//!
//! Grants add up, none takes away, and they add to what a tailnet's policy allows. A caller has one or more names, each
//! with its kind; a pattern is one as [`Pattern`] has them, and `*` alone is everybody who is known.
//!
//! | module | what it knows |
//! |---|---|
//! | `read` | the text of a file, and what in it can only be a mistake |
//! | [`judgement`] | why somebody may do something, or may not |

pub mod judgement;
mod read;

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::rule::{Pattern, Rule};

pub use judgement::Judgement;
pub use read::{Unfit, principal};

/// The grants of a file.
#[derive(Debug, Default)]
pub struct Policy {
    grants: Vec<Grant>,
    /// Which grants a name has, by name.
    literal: HashMap<String, Vec<usize>>,
    /// Patterns of names, each with its grant.
    patterns: Vec<(Pattern, usize)>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Where it begins in the file, if that has lines to name.
    pub line: Option<usize>,
    /// Whose it is.
    pub principal: Vec<Pattern>,
    /// What it allows.
    pub rule: Arc<Rule>,
}

impl Policy {
    /// A policy with these grants.
    pub fn new(grants: Vec<Grant>) -> Self {
        let mut policy = Self { grants, ..Self::default() };
        for (index, grant) in policy.grants.iter().enumerate() {
            for pattern in &grant.principal {
                match pattern.is_literal() {
                    true => policy.literal.entry(pattern.as_str().into()).or_default().push(index),
                    false => policy.patterns.push((pattern.clone(), index)),
                }
            }
        }
        policy
    }

    /// How many grants there are.
    pub fn len(&self) -> usize {
        self.grants.len()
    }

    /// Whether nobody may do anything.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// The rules of somebody with these names. What they may do is then looked for among those alone.
    pub fn rules(&self, names: &[String]) -> impl Iterator<Item = Arc<Rule>> {
        let literal = names.iter().filter_map(|name| self.literal.get(name)).flatten().copied();
        let patterns = self.patterns.iter().filter(|(pattern, _)| is_for(pattern, names));
        let mut indexes: SmallVec<[usize; 8]> =
            literal.chain(patterns.map(|(_, index)| *index)).collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes.into_iter().map(|index| self.grants[index].rule.clone())
    }
}

/// Whether `pattern` is for somebody with these names. `*` is for everybody, also without a name.
fn is_for(pattern: &Pattern, names: &[String]) -> bool {
    pattern.as_str() == "*" || names.iter().any(|name| pattern.matches(name))
}

#[cfg(test)]
mod tests;
