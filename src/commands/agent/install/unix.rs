//! Owner, group and mode as an agent wants them.

use std::fmt;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use secretary_agent::tester::accounts::{Accounts, Identity};
use secretary_agent::tester::rights::unix::{judge, stat};
use secretary_agent::tester::rights::{GroupRule, Rules};

use crate::cli::AgentInstall;
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::process::become_user;

/// The names that the agents' packages give their users.
const USERS: [&str; 2] = ["stackstate-agent", "dd-agent"];

/// Who may do what with the copy.
pub(super) struct Rights {
    agent: Identity,
    /// The group that may read and execute it, where root owns it.
    group: Option<(String, u32)>,
}

impl Rights {
    pub(super) fn find(args: &AgentInstall) -> Result<Self, Failure> {
        let accounts = Accounts::of_system();
        let agent = match &args.user {
            Some(name) => accounts.user_by_name(name).ok_or_else(|| nobody(&shown(name))),
            None => USERS
                .iter()
                .find_map(|name| accounts.user_by_name(name))
                .ok_or_else(|| nobody(&USERS.join(" or "))),
        }?;
        let group = args.group.as_ref().map(|name| {
            let number = accounts.group_id(name).ok_or_else(|| {
                Failure::new(Code::Configuration, format!("there is no group {}", shown(name)))
            })?;
            match agent.groups.contains(&number) {
                true => Ok((name.clone(), number)),
                false => {
                    let message =
                        format!("the user {} is not in the group {}", agent.name, shown(name));
                    Err(Failure::new(Code::Configuration, message).hint(format!(
                        "usermod -a -G {} {}",
                        shown(name),
                        agent.name
                    )))
                }
            }
        });
        let rights = Self { agent, group: group.transpose()? };
        match geteuid().is_root()
            || (rights.group.is_none() && geteuid().as_raw() == rights.agent.uid)
        {
            true => Ok(rights),
            false => {
                Err(Failure::new(Code::Configuration, "only root can give a file to another user")
                    .hint("run it with sudo"))
            }
        }
    }

    pub(super) fn default_path(_: &Environ) -> Result<PathBuf, Failure> {
        Ok(PathBuf::from("/usr/local/bin/secretary-agent"))
    }

    /// It is there on every system.
    pub(super) fn make_default_folder(_: &Path) -> Result<(), Failure> {
        Ok(())
    }

    pub(super) fn mode(&self) -> u32 {
        if self.has_group() { 0o550 } else { 0o500 }
    }

    pub(super) fn has_group(&self) -> bool {
        self.group.is_some()
    }

    /// Before it has its name, so that nobody finds it with other rights.
    pub(super) fn give(&self, file: &File) -> io::Result<()> {
        match &self.group {
            Some((_, group)) => fchown(file, Some(0), Some(*group))?,
            None => fchown(file, Some(self.agent.uid), Some(self.agent.gid))?,
        }
        // The process's mask may have taken some away.
        file.set_permissions(Permissions::from_mode(self.mode()))
    }

    pub(super) fn give_path(&self, _: &Path) -> Result<(), Failure> {
        Ok(())
    }

    /// Judges the copy as the agent will.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        let rule = if self.has_group() { GroupRule::Relaxed } else { GroupRule::Strict };
        let judged = stat(path).and_then(|stat| {
            judge(&path.to_string_lossy(), stat, &self.agent, rule, Rules::Fork)?;
            judge(&path.to_string_lossy(), stat, &self.agent, rule, Rules::Today)
        });
        judged.map_err(|error| {
            Failure::new(Code::General, "it was copied, and an agent would not run it")
                .detail(error.to_string())
        })
    }

    /// Makes this process one of the agent's user, for good.
    pub(super) fn become_user(&self) -> Result<(), Failure> {
        if !geteuid().is_root() {
            return Ok(());
        }
        become_user(&self.agent)
            .map_err(|error| Failure::io("become the user", &shown(&self.agent.name), &error))
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some((group, _)) => {
                write!(f, "with mode 0550, owned by root and the group {}", shown(group))
            }
            None => write!(f, "with mode 0500, owned by {}", shown(&self.agent.name)),
        }
    }
}

fn nobody(name: &str) -> Failure {
    Failure::new(Code::Configuration, format!("there is no user {name}"))
        .hint("--user names the one that the agent runs as")
}
