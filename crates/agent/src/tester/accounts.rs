//! Users and groups by name and number.
//!
//! The files are read here and not by the C library, whose statically linked form can't load the modules
//! that `/etc/nsswitch.conf` names. An account that is in no file is asked of `getent`, which can.

use std::path::Path;
use std::process::{Command, Stdio};

/// A user, as an agent knows the one it runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// All groups by the databases, the primary one too. An agent does not ask which ones its process has.
    pub groups: Vec<u32>,
    /// The home folder.
    pub home: String,
}

/// The system's users and groups.
#[derive(Clone, Debug)]
pub struct Accounts {
    passwd: String,
    group: String,
    asks_getent: bool,
}

impl Accounts {
    /// Those of this system. Windows has others, and no such files. A file that can't be read has nobody in it.
    #[cfg(unix)]
    pub fn of_system() -> Self {
        let read = |path| std::fs::read(path).unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let [passwd, group] = ["/etc/passwd", "/etc/group"].map(|path| text(read(path)));
        Self { passwd, group, asks_getent: true }
    }

    /// The user called `name`.
    pub fn user_by_name(&self, name: &str) -> Option<Identity> {
        self.find(&self.passwd, "passwd", name, |fields| fields.first() == Some(&name))
            .and_then(|line| self.identity(&line))
    }

    /// The user with the number `uid`.
    pub fn user_by_id(&self, uid: u32) -> Option<Identity> {
        let number = uid.to_string();
        self.find(&self.passwd, "passwd", &number, |fields| fields.get(2) == Some(&number.as_str()))
            .and_then(|line| self.identity(&line))
    }

    /// The name of the group with the number `gid`.
    pub fn group_name(&self, gid: u32) -> Option<String> {
        let number = gid.to_string();
        let line = self.find(&self.group, "group", &number, |fields| {
            fields.get(2) == Some(&number.as_str())
        })?;
        line.split(':').next().map(str::to_string)
    }

    /// The number of the group called `name`.
    pub fn group_id(&self, name: &str) -> Option<u32> {
        let line = self.find(&self.group, "group", name, |fields| fields.first() == Some(&name))?;
        line.split(':').nth(2)?.parse().ok()
    }

    fn find(
        &self,
        file: &str,
        database: &str,
        key: &str,
        is_it: impl Fn(&[&str]) -> bool,
    ) -> Option<String> {
        let line = file.lines().find(|line| is_it(&line.split(':').collect::<Vec<_>>()));
        line.map(str::to_string).or_else(|| self.asks_getent.then(|| getent(database, key))?)
    }

    fn identity(&self, line: &str) -> Option<Identity> {
        let fields: Vec<&str> = line.split(':').collect();
        let name = fields.first()?.to_string();
        let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
        let home = fields.get(5).map(ToString::to_string).unwrap_or_default();
        let mut groups = vec![gid];
        for line in self.group.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, _, number, members] = fields[..] else { continue };
            let Ok(number) = number.parse() else { continue };
            if members.split(',').any(|member| member == name) && !groups.contains(&number) {
                groups.push(number);
            }
        }
        Some(Identity { name, uid, gid, groups, home })
    }
}

/// What the C library knows from elsewhere, such as a directory service.
fn getent(database: &str, key: &str) -> Option<String> {
    let program =
        ["/usr/bin/getent", "/bin/getent"].map(Path::new).into_iter().find(|p| p.exists())?;
    let output =
        Command::new(program).args([database, "--", key]).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().filter(|_| output.status.success()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts {
            passwd: "root:x:0:0:root:/root:/bin/sh\nagent:x:7:8::/opt/agent:/bin/false\n#broken\n"
                .to_string(),
            group: "root:x:0:\nagent:x:8:\nsecrets:x:9:other,agent\nempty:x:10\n".to_string(),
            asks_getent: false,
        }
    }

    #[test]
    fn a_user_has_the_primary_group_and_those_that_list_it() {
        let agent = accounts().user_by_name("agent").expect("known");
        let (name, home) = ("agent".to_string(), "/opt/agent".to_string());
        let expected = Identity { name, uid: 7, gid: 8, groups: vec![8, 9], home };
        assert_eq!(agent, expected);
        assert_eq!(accounts().user_by_id(7), Some(expected));
    }

    #[test]
    fn strangers_are_nobody() {
        assert_eq!(accounts().user_by_name("7"), None);
        assert_eq!(accounts().user_by_id(12345), None);
        assert_eq!(accounts().group_name(12345), None);
        assert_eq!(accounts().group_id("secrets"), Some(9));
        assert_eq!(accounts().group_id("nobody's"), None);
        assert_eq!(accounts().group_name(9).as_deref(), Some("secrets"));
    }
}
