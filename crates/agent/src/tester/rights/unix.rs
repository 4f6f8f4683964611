//! The rules on Linux: an owner, permission bits, and in their relaxed form a group.
//!
//! Neither set-id bits nor parent folders are looked at, and root has to own the executable like anybody else.

use super::{GroupRule, Rules};
use crate::tester::AgentError;
use crate::tester::accounts::Identity;

/// What stat(2) answers about the executable, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// `st_mode`, the type included.
    pub mode: u32,
}

impl Stat {
    const GROUP_AND_OTHERS: u32 = 0o077;
    const OTHERS_AND_GROUP_WRITE: u32 = 0o027;
    const OWNER_EXEC: u32 = 0o100;
    const GROUP_EXEC: u32 = 0o010;
    const OTHERS_EXEC: u32 = 0o001;

    fn has(self, bits: u32) -> bool {
        self.mode & bits != 0
    }
}

/// Asks the system about the executable at `path`.
///
/// # Errors
///
/// The agent's text for a file that it can't look at.
#[cfg(unix)]
pub fn stat(path: &std::path::Path) -> Result<Stat, AgentError> {
    use std::os::unix::fs::MetadataExt;

    let file = std::fs::metadata(path).map_err(|error| {
        let reason = crate::tester::reason(&error);
        AgentError(format!("invalid executable '{}': can't stat it: {reason}", path.display()))
    })?;
    Ok(Stat { uid: file.uid(), gid: file.gid(), mode: file.mode() })
}

/// Whether an agent that is `who` runs the executable.
///
/// # Errors
///
/// The text of the first rule that is broken.
pub fn judge(
    path: &str,
    stat: Stat,
    who: &Identity,
    group: GroupRule,
    rules: Rules,
) -> Result<(), AgentError> {
    let verdict = match (rules, group) {
        (Rules::Fork, GroupRule::Strict) => strict(path, stat, who),
        (Rules::Fork, GroupRule::Relaxed) => relaxed(path, stat, who),
        (Rules::Today, group) => today(path, stat, who, group),
    };
    verdict.map_or(Ok(()), |text| Err(AgentError(text)))
}

fn strict(path: &str, stat: Stat, who: &Identity) -> Option<String> {
    let Identity { name, uid, .. } = who;
    if stat.uid != *uid {
        return Some(format!(
            "invalid executable: '{path}' isn't owned by this user: username '{name}', UID {uid}. We can't execute it"
        ));
    }
    if !stat.has(Stat::OWNER_EXEC) {
        return Some(format!("invalid executable: '{path}' is not executable"));
    }
    stat.has(Stat::GROUP_AND_OTHERS).then(|| others_have_rights(path))
}

fn relaxed(path: &str, stat: Stat, who: &Identity) -> Option<String> {
    if stat.has(Stat::OTHERS_AND_GROUP_WRITE) {
        return Some(too_many_rights(path));
    }
    if stat.uid == who.uid && stat.has(Stat::OWNER_EXEC) {
        return None;
    }
    // An owner who may not execute it falls through to the rule for groups.
    if !who.groups.contains(&stat.gid) {
        let Identity { name, uid, gid, .. } = who;
        return Some(format!(
            "invalid executable: '{path}' isn't owned by this user or one of his group: username '{name}', UID {uid} GUI {gid}. We can't execute it"
        ));
    }
    (!stat.has(Stat::GROUP_EXEC))
        .then(|| format!("invalid executable: '{path}' is not executable by group"))
}

fn today(path: &str, stat: Stat, who: &Identity, group: GroupRule) -> Option<String> {
    match group {
        GroupRule::Strict if stat.has(Stat::GROUP_AND_OTHERS) => Some(others_have_rights(path)),
        GroupRule::Relaxed if stat.has(Stat::OTHERS_AND_GROUP_WRITE) => Some(too_many_rights(path)),
        _ => (!may_execute(stat, who))
            .then(|| format!("invalid executable '{path}': can't access it: permission denied")),
    }
}

/// What access(2) answers: the first class that somebody is in decides, and for root any of them.
fn may_execute(stat: Stat, who: &Identity) -> bool {
    if who.uid == 0 {
        return stat.has(Stat::OWNER_EXEC | Stat::GROUP_EXEC | Stat::OTHERS_EXEC);
    }
    if stat.uid == who.uid {
        return stat.has(Stat::OWNER_EXEC);
    }
    stat.has(if who.groups.contains(&stat.gid) { Stat::GROUP_EXEC } else { Stat::OTHERS_EXEC })
}

fn others_have_rights(path: &str) -> String {
    format!("invalid executable '{path}', 'group' or 'others' have rights on it")
}

fn too_many_rights(path: &str) -> String {
    format!(
        "invalid executable '{path}', 'others' have rights on it or 'group' has write permissions on it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent() -> Identity {
        let (name, home) = ("agent".to_string(), "/".to_string());
        Identity { name, uid: 7, gid: 8, groups: vec![8, 9], home }
    }

    fn verdict(uid: u32, gid: u32, mode: u32, group: GroupRule, rules: Rules) -> Option<String> {
        let stat = Stat { uid, gid, mode: 0o100_000 | mode };
        judge("/x", stat, &agent(), group, rules).err().map(|error| error.to_string())
    }

    #[test]
    fn an_owner_who_may_not_execute_falls_through_to_the_group() {
        let text = verdict(7, 9, 0o640, GroupRule::Relaxed, Rules::Fork);
        assert_eq!(text.as_deref(), Some("invalid executable: '/x' is not executable by group"));
        assert_eq!(verdict(7, 9, 0o650, GroupRule::Relaxed, Rules::Fork), None);
    }

    #[test]
    fn the_owner_comes_before_the_mode() {
        let text = verdict(1, 9, 0o777, GroupRule::Strict, Rules::Fork).expect("an error");
        assert!(text.contains("isn't owned by this user: username 'agent', UID 7."), "{text}");
    }

    #[test]
    fn todays_agent_asks_the_kernels_question() {
        assert_eq!(verdict(7, 1, 0o500, GroupRule::Strict, Rules::Today), None);
        let denied = Some("invalid executable '/x': can't access it: permission denied");
        let text = verdict(1, 9, 0o700, GroupRule::Strict, Rules::Today);
        assert_eq!(text.as_deref(), denied);
        // The owner's class decides although the group's would allow it.
        let text = verdict(7, 9, 0o650, GroupRule::Relaxed, Rules::Today);
        assert_eq!(text.as_deref(), denied);
    }
}
