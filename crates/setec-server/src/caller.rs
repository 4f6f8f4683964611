//! Who calls, and what the rules that were found for them allow.

use std::net::IpAddr;

use secretary_setec_api::Action;

use crate::rule::Rules;

/// Somebody, as they stand in the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The name of the machine, if its identity has one.
    pub hostname: String,
    /// The address that the call came from.
    pub ip: Option<IpAddr>,
    /// The person or program. Empty when it is a machine with tags.
    pub user: String,
    /// The tags of a machine in a tailnet.
    pub tags: Vec<String>,
}

/// Somebody, and their rules, for one call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What they may do. Without rules that is nothing.
    pub rules: Rules,
}

impl Caller {
    /// Whether one of the rules allows `action` on the secret called `name`.
    pub fn may(&self, action: Action, name: &str) -> bool {
        self.rules.allow(action, name)
    }
}
