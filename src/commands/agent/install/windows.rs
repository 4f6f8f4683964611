//! An access control list as an agent wants it.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use secretary_acl::{Sid, set_for_agent, sid_of_account};
use secretary_agent::tester::rights::windows::{Dacl, judge};

use crate::cli::AgentInstall;
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};

/// The names that the agents' installers give their users.
const USERS: [&str; 2] = ["stsagentuser", "ddagentuser"];

/// Who may do what with the copy.
pub(super) struct Rights {
    user: String,
    sid: Sid,
}

impl Rights {
    pub(super) fn find(args: &AgentInstall) -> Result<Self, Failure> {
        let found = |name: &str| {
            let sid = sid_of_account(name).ok()?;
            Some(Self { user: name.to_string(), sid })
        };
        let (rights, name) = match &args.user {
            Some(name) => (found(name), shown(name)),
            None => (USERS.into_iter().find_map(found), USERS.join(" or ")),
        };
        rights.ok_or_else(|| {
            Failure::new(Code::Configuration, format!("there is no user {name}"))
                .hint("--user names the one that the agent runs as, here or as DOMAIN\\USER")
        })
    }

    pub(super) fn default_path(environ: &Environ) -> Result<PathBuf, Failure> {
        let programs = environ.get("ProgramFiles").ok_or_else(|| {
            Failure::new(Code::Configuration, "%ProgramFiles% is not set")
                .hint("--path says where to put the executable")
        })?;
        Ok(Path::new(programs).join("secretary").join("secretary-agent.exe"))
    }

    /// The default folder is nobody else's, so it is made; who may write to it is handed down.
    pub(super) fn make_default_folder(path: &Path) -> Result<(), Failure> {
        let folder = path.parent().unwrap_or(path);
        std::fs::create_dir_all(folder).map_err(|error| Failure::io("make", &shown(folder), &error))
    }

    /// The copy is its owner's alone until the list is set.
    pub(super) fn mode(&self) -> u32 {
        0o600
    }

    pub(super) fn has_group(&self) -> bool {
        false
    }

    pub(super) fn give(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn give_path(&self, path: &Path) -> Result<(), Failure> {
        set_for_agent(path, &self.sid)
            .map_err(|error| Failure::io("set the access list of", &shown(path), &error))
    }

    /// Judges the copy as the agent will.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        let judged = judge(&path.to_string_lossy(), &Dacl::of(path), &self.sid.to_string());
        judged.map_err(|error| {
            Failure::new(Code::General, "it was copied, and an agent would not run it")
                .detail(error.to_string())
        })
    }

    /// Nobody becomes another user here without their password.
    pub(super) fn become_user(&self) -> Result<(), Failure> {
        Ok(())
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for {}, the administrators and the system alone", shown(&self.user))
    }
}
