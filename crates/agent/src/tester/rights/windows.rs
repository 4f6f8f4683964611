//! The rules on Windows: who stands in the executable's access list, and in which order.
//!
//! They are judged on plain values, so that they can be tested everywhere. What the rights are, and kinds
//! of entries other than these two, an agent does not look at.

use crate::tester::AgentError;

/// LocalSystem.
pub const SYSTEM: &str = "S-1-5-18";
/// The group of administrators, which the user of that name is not.
pub const ADMINISTRATORS: &str = "S-1-5-32-544";

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AceKind {
    /// ACCESS_ALLOWED_ACE_TYPE
    Allow,
    /// ACCESS_DENIED_ACE_TYPE
    Deny,
    /// Any other type.
    Other,
}

/// An entry of an access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ace {
    /// What it does.
    pub kind: AceKind,
    /// Whom it is about, as `S-1-…`.
    pub sid: String,
}

/// What is known of the executable before its access list is read.
#[derive(Clone, Debug)]
pub enum Dacl {
    /// There is no such file.
    Missing,
    /// It could not be read, or the file has none, for this reason.
    Unreadable(String),
    /// Its entries in order, inherited ones too.
    Entries(Vec<Ace>),
}

#[cfg(windows)]
impl Dacl {
    /// What the system says of the file at `path`.
    pub fn of(path: &std::path::Path) -> Self {
        let kind = |kind| match kind {
            secretary_acl::Kind::Allow => AceKind::Allow,
            secretary_acl::Kind::Deny => AceKind::Deny,
            secretary_acl::Kind::Other => AceKind::Other,
        };
        match secretary_acl::dacl(path) {
            Ok(Some(list)) => {
                let entry = |ace: &secretary_acl::Ace| Ace {
                    kind: kind(ace.kind),
                    sid: ace.sid.to_string(),
                };
                Self::Entries(list.iter().map(entry).collect())
            }
            Ok(None) => Self::Unreadable("it has no list".to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::Missing,
            Err(error) => Self::Unreadable(crate::tester::reason(&error)),
        }
    }
}

/// Whether an agent that is the user `agent` runs the executable.
///
/// # Errors
///
/// The text of the first rule that is broken.
pub fn judge(path: &str, dacl: &Dacl, agent: &str) -> Result<(), AgentError> {
    let entries = match dacl {
        Dacl::Missing => {
            return Err(AgentError(format!("secretBackendCommand {path} does not exist")));
        }
        Dacl::Unreadable(reason) => {
            return Err(AgentError(format!("could not query ACLs for {path}: {reason}")));
        }
        Dacl::Entries(entries) => entries,
    };
    let mut is_allowed = false;
    for Ace { kind, sid } in entries {
        let is_agent = sid == agent;
        let is_one_of_three = is_agent || sid == SYSTEM || sid == ADMINISTRATORS;
        match kind {
            AceKind::Deny if is_one_of_three => {
                return Err(AgentError(format!(
                    "Invalid executable '{path}': Can't deny access LOCAL_SYSTEM, Administrators or {agent}"
                )));
            }
            AceKind::Allow if !is_one_of_three => {
                return Err(AgentError(format!(
                    "Invalid executable '{path}': other users/groups than LOCAL_SYSTEM, Administrators or {agent} have rights on it"
                )));
            }
            AceKind::Allow => is_allowed |= is_agent,
            AceKind::Deny | AceKind::Other => {}
        }
    }
    match is_allowed {
        true => Ok(()),
        false => Err(AgentError(format!(
            "'{agent}' user is not allowed to execute secretBackendCommand '{path}'"
        ))),
    }
}

/// The user that this process runs as, whom an agent takes for its own.
///
/// # Errors
///
/// When the system does not say so.
#[cfg(windows)]
pub fn current_user() -> Result<String, AgentError> {
    let user = secretary_acl::current_user().map(|sid| sid.to_string());
    user.map_err(|error| {
        AgentError(format!("could not get the current user: {}", crate::tester::reason(&error)))
    })
}

/// What an agent on Windows says when its group may have rights: there is no such rule there.
pub fn refuse_group_rule() -> AgentError {
    AgentError("the option 'allowGroupExec=true' is not allowed on windows".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "S-1-5-21-1-2-3-1001";

    fn sid(name: &str) -> String {
        match name {
            "agent" => AGENT,
            "SYSTEM" => SYSTEM,
            "Administrators" => ADMINISTRATORS,
            "Users" => "S-1-5-32-545",
            "Administrator(user)" => "S-1-5-21-1-2-3-500",
            other => panic!("{other} is new"),
        }
        .to_string()
    }

    fn dacl_of(input: &serde_json::Value) -> Dacl {
        let Some(entries) = input["dacl_in_order"].as_array() else { return Dacl::Missing };
        let entries = entries.iter().map(|entry| Ace {
            kind: if entry[0] == "deny" { AceKind::Deny } else { AceKind::Allow },
            sid: sid(entry[1].as_str().expect("a name")),
        });
        Dacl::Entries(entries.collect())
    }

    #[test]
    fn the_recorded_cases_are_judged_as_an_agent_does() {
        let text = include_str!("../../../../../tests/vectors/agent-backend-cases.json");
        let file: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let mut seen = 0;
        for case in file["cases"].as_array().expect("cases") {
            // What is no program fails when it is started, which takes Windows.
            if case["area"] != "rights_windows" || case["id"] == "WIN-15" {
                continue;
            }
            let input = &case["input"];
            let verdict = match input["allow_group_exec"] == true {
                true => Err(refuse_group_rule()),
                false => judge("C:\\x.exe", &dacl_of(input), AGENT),
            };
            let expected = case["expect"]["error"].as_str();
            let expected =
                expected.map(|text| text.replace("{PATH}", "C:\\x.exe").replace("{SID}", AGENT));
            assert_eq!(verdict.err().map(|error| error.to_string()), expected, "{}", case["id"]);
            seen += 1;
        }
        assert_eq!(seen, 9);
    }

    #[test]
    fn entries_of_other_kinds_and_denials_for_strangers_do_not_count() {
        let entry = |kind, name| Ace { kind, sid: sid(name) };
        let entries = vec![
            entry(AceKind::Deny, "Users"),
            entry(AceKind::Other, "Users"),
            entry(AceKind::Allow, "agent"),
            entry(AceKind::Allow, "SYSTEM"),
        ];
        assert_eq!(judge("x", &Dacl::Entries(entries), AGENT), Ok(()));
        let unreadable = Dacl::Unreadable("no DACL".to_string());
        let error = judge("x", &unreadable, AGENT).expect_err("unknown rights");
        assert_eq!(error.to_string(), "could not query ACLs for x: no DACL");
    }
}
