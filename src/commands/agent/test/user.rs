//! Who an agent runs as. All that follows is done as that user, reading the configuration too: what it can't
//! read, an agent can't.

use std::ffi::OsString;

use secretary_agent::tester::AgentError;
#[cfg(unix)]
use secretary_agent::tester::accounts::Accounts;
use secretary_agent::tester::rights::Who;
#[cfg(windows)]
use secretary_agent::tester::rights::windows;

use crate::failure::{Code, Failure, shown};
#[cfg(unix)]
use crate::process::become_user;

/// The user, once this process is that.
pub(super) struct User {
    /// What an agent would know of it.
    pub(super) who: Result<Who, AgentError>,
    /// Whom else there is.
    #[cfg(unix)]
    pub(super) accounts: Accounts,
    /// What a service that is started as that user has in its environment.
    pub(super) variables: Vec<(&'static str, OsString)>,
    /// Whether it is not who this process is.
    #[cfg(windows)]
    is_another: bool,
}

impl User {
    /// Its name, or what an agent would know it by.
    pub(super) fn name(&self) -> String {
        match &self.who {
            #[cfg(unix)]
            Ok(who) => who.name.clone(),
            #[cfg(windows)]
            Ok(who) => who.clone(),
            Err(_) => "the agent's user".to_string(),
        }
    }

    /// Becomes the user called `name`, or stays who it is.
    #[cfg(unix)]
    pub(super) fn become_one(name: Option<&str>) -> Result<Self, Failure> {
        let accounts = Accounts::of_system();
        let own = nix::unistd::getuid();
        let Some(name) = name else {
            let uid = own.as_raw();
            // An agent asks for all that is known of its user, and can't go on without it.
            let who = accounts.user_by_id(uid).ok_or_else(|| {
                AgentError::new(format!(
                    "can't query current user's GIDs: user: unknown userid {uid}"
                ))
            });
            return Ok(Self { who, accounts, variables: Vec::new() });
        };
        let Some(user) = accounts.user_by_name(name) else {
            let message = format!("there is no user {}", shown(name));
            return Err(Failure::new(Code::Configuration, message)
                .hint("give the name of the user that the agent runs as"));
        };
        let mut variables = Vec::new();
        if user.uid != own.as_raw() {
            if !own.is_root() {
                let message = format!("only root can do things as {}", shown(name));
                return Err(Failure::new(Code::Configuration, message)
                    .hint("call it by sudo, or leave out --user to test as yourself"));
            }
            become_user(&user)
                .map_err(|error| Failure::io("become the user", &shown(name), &error))?;
            // Else it would look for its files in the home folder of who called.
            let values = [("HOME", &user.home), ("USER", &user.name), ("LOGNAME", &user.name)];
            variables.extend(values.map(|(name, value)| (name, OsString::from(value))));
        }
        Ok(Self { who: Ok(user), accounts, variables })
    }

    /// Finds out who is called `name`, or who this process is.
    ///
    /// Becoming another user takes its password on Windows. So rights are judged as an agent of that user does, and all
    /// else is done as who calls.
    #[cfg(windows)]
    pub(super) fn become_one(name: Option<&str>) -> Result<Self, Failure> {
        let own = windows::current_user();
        let Some(name) = name else {
            return Ok(Self { who: own, variables: Vec::new(), is_another: false });
        };
        let sid = secretary_acl::sid_of_account(name).map_err(|_| {
            let message = format!("there is no user {}", shown(name));
            Failure::new(Code::Configuration, message)
                .hint("give the name of the user that the agent runs as, here or as DOMAIN\\USER")
        })?;
        let sid = sid.to_string();
        let is_another = own.as_ref() != Ok(&sid);
        Ok(Self { who: Ok(sid), variables: Vec::new(), is_another })
    }

    /// What is not done as that user.
    #[cfg(windows)]
    pub(super) fn note(&self) -> Option<&'static str> {
        self.is_another.then_some(
            "rights are judged as that user's, and the rest is done as you are; runas starts this as that user",
        )
    }
}
