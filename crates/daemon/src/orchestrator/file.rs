//! Workloads that somebody wrote into a file: for a laptop, a virtual machine, a unit of systemd.
//!
//! ```toml
//! [[workload]]
//! app = "/demo/webapp"
//! deploy_public_key = "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0="
//! secrets = ["ENC[NACL,...]"]
//! ```
//!
//! | member | what it is |
//! |---|---|
//! | `app`, `task` | who it is; one of them, or both, which then both have to be claimed |
//! | `version` | if it is there, the version of the app that has to be claimed |
//! | `deploy_public_key` | what its requests are sealed with |
//! | `service_public_key` | the second key, if it has one |
//! | `secrets` | texts with the tokens that it may have, which may be whole files |
//! | `secrets_sha256` | the same by their SHA-256, all 64 digits or the first 32 |
//!
//! In JSON it is `{"workload": [{"app": ...}]}`. Nobody is asked whether any of this runs: who has the deploy private
//! key is believed.
//!
//! A member that is unknown, or comes twice, is an error. Errors name the workload, and never what stands in a
//! member, which may be a key that somebody took for another.

mod document;
mod members;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use self::document::{Document, Table};
use self::members::Name;
use crate::claim::Claim;
use crate::id::{AppId, TaskId};
use crate::version::Version;
use crate::workload::Workload;

pub use self::members::Fault;

/// The largest file, in bytes.
pub const MAX_FILE: usize = 16 * 1024 * 1024;

/// The most workloads in one.
pub const MAX_WORKLOADS: usize = 10_000;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// TOML 1.0.
    Toml,
    /// JSON, one object.
    Json,
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Toml => "TOML",
            Self::Json => "JSON",
        })
    }
}

/// All workloads of a file.
#[derive(Debug, Default)]
pub struct Workloads {
    by_name: HashMap<Name, Vec<Entry>>,
    count: usize,
}

#[derive(Debug)]
struct Entry {
    number: usize,
    version: Option<Version>,
    workload: Arc<Workload>,
}

/// Why a file is no list of workloads.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// More than [`MAX_FILE`].
    #[error("larger than {MAX_FILE} bytes")]
    TooLarge,
    /// More than [`MAX_WORKLOADS`].
    #[error("more than {MAX_WORKLOADS} workloads")]
    TooMany,
    /// Something that is none of its syntax in a line, from 1.
    #[error("line {0}: this is not {1}")]
    Syntax(usize, Syntax),
    /// Anything but a list of tables that is called `workload`.
    #[error("there is something else in it than tables called 'workload'")]
    NoWorkloads,
    /// Something in one of them.
    #[error("{0}: {1}")]
    Workload(Which, Fault),
}

/// One workload of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Which {
    /// From 1.
    pub number: usize,
    /// Its app, if that is the id of one.
    pub app: Option<AppId>,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "workload {}", self.number)?;
        self.app.iter().try_for_each(|app| write!(f, " ({app})"))
    }
}

impl Workloads {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, FileError> {
        if text.len() > MAX_FILE {
            return Err(FileError::TooLarge);
        }
        let document = Document::parse(text, syntax);
        let document = document.map_err(|line| FileError::Syntax(line, syntax))?;
        let list = workloads_of(document).ok_or(FileError::NoWorkloads)?;
        if list.len() > MAX_WORKLOADS {
            return Err(FileError::TooMany);
        }
        let mut workloads = Self::default();
        for members in list {
            workloads.add(members)?;
        }
        Ok(workloads)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Who calls. An app's task is never found by its task alone, nor a Mesos task where an app is named.
    ///
    /// Of several that are about the same app, one that names the task goes before one that does not, and then one
    /// that names the version before one that does not, wherever they stand.
    pub fn find(&self, claim: &Claim) -> Option<Arc<Workload>> {
        match claim {
            Claim::Task(task) => self.find_named(None, Some(task), None),
            Claim::App { app, version, task } => self
                .find_named(Some(app), Some(task), Some(version))
                .or_else(|| self.find_named(Some(app), None, Some(version))),
        }
    }

    fn find_named(
        &self,
        app: Option<&AppId>,
        task: Option<&TaskId>,
        version: Option<&Version>,
    ) -> Option<Arc<Workload>> {
        let entries = self.by_name.get(&(app.cloned(), task.cloned()))?;
        let of = |wanted: Option<&Version>| {
            entries.iter().find(move |entry| entry.version.as_ref() == wanted)
        };
        let found = of(version).or_else(|| of(None))?;
        Some(Arc::clone(&found.workload))
    }

    fn add(&mut self, table: Table) -> Result<(), FileError> {
        self.count += 1;
        let mut which = Which { number: self.count, app: None };
        let added = self.add_named(table, &mut which);
        added.map_err(|fault| FileError::Workload(which, fault))
    }

    fn add_named(&mut self, table: Table, which: &mut Which) -> Result<(), Fault> {
        let (name, version, workload) = members::read(table, &mut which.app)?;
        let entries = self.by_name.entry(name).or_default();
        if let Some(same) = entries.iter().find(|entry| entry.version == version) {
            return Err(Fault::SameAs(same.number));
        }
        entries.push(Entry { number: which.number, version, workload: Arc::new(workload) });
        Ok(())
    }
}

fn workloads_of(document: Document) -> Option<Vec<Table>> {
    let Document::Table(mut members) = document else { return None };
    let list = match members.pop() {
        None => Vec::new(),
        Some((name, Document::List(list))) if name == "workload" && members.is_empty() => list,
        Some(_) => return None,
    };
    let table = |element| if let Document::Table(table) = element { Some(table) } else { None };
    list.into_iter().map(table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token_id::TokenId;
    use crate::workload::{TokenList, Wanted};
    use secretary_envelope::Token;

    const KEY: &str = "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=";
    const TIME: &str = "2015-12-04T12:25:08.426Z";

    /// One workload of these members and a deploy key.
    fn with(members: &str) -> String {
        format!("[[workload]]\ndeploy_public_key = '{KEY}'\n{members}\n")
    }

    fn parse(text: &str) -> Result<Workloads, FileError> {
        Workloads::parse(text, Syntax::Toml)
    }

    fn of_app(app: &str, version: &str, task: &str) -> Claim {
        let app = AppId::parse(app).expect("an app");
        let version = Version::parse(version).expect("a time");
        Claim::App { app, version, task: TaskId::parse(task).expect("a task") }
    }

    fn of_task(task: &str) -> Claim {
        Claim::Task(TaskId::parse(task).expect("a task"))
    }

    fn has(workload: &Workload, token: &str) -> bool {
        let token = Token::parse(token.as_bytes()).expect("a token");
        workload.grant(Wanted { key: "", token }, TokenList::Required).is_ok()
    }

    /// Which of these tokens is granted to who claims so: the workloads below have one each.
    fn found(workloads: &Workloads, claim: &Claim) -> Option<usize> {
        let workload = workloads.find(claim)?;
        (0..9).find(|number| has(&workload, &format!("ENC[KMS,AA{number}]")))
    }

    #[test]
    fn the_workload_that_says_most_is_found() {
        let text = [
            "app = '/a'",
            "app = '/a'\nversion = '2015-12-04T13:25:08.426+01:00'",
            "app = '/a'\ntask = 't'",
            "app = '/a'\ntask = 't'\nversion = '2015-12-04T12:25:08.426Z'",
            "task = 't'",
            "app = '/b'\ntask = 't'",
            "app = '/c'\nversion = '2015-12-04T12:25:08.426Z'",
        ];
        let numbered = text.iter().enumerate().map(|(number, members)| {
            with(&format!("{members}\nsecrets = ['ENC[KMS,AA{number}]']"))
        });
        let workloads = parse(&numbered.collect::<String>()).expect("workloads");
        assert_eq!(workloads.count(), 7);
        let other_time = "2016-01-01T00:00:00Z";
        for (claim, expected) in [
            (of_app("/a", other_time, "u"), Some(0)),
            (of_app("/a", TIME, "u"), Some(1)),
            (of_app("/a", other_time, "t"), Some(2)),
            (of_app("/a", TIME, "t"), Some(3)),
            (of_task("t"), Some(4)),
            (of_task("u"), None),
            (of_app("/b", TIME, "t"), Some(5)),
            (of_app("/b", TIME, "u"), None),
            (of_app("/c", TIME, "t"), Some(6)),
            (of_app("/c", other_time, "t"), None),
            (of_app("/d", TIME, "t"), None),
        ] {
            assert_eq!(found(&workloads, &claim), expected, "{claim:?}");
        }
    }

    #[test]
    fn toml_and_json_mean_the_same() {
        let id = TokenId::of_all(b"ENC[KMS,CCCC]").next().expect("a token").to_string();
        let toml = with(&format!(
            "app = '/a'\nservice_public_key = '{KEY}'\nsecrets_sha256 = ['{}']\n\
             secrets = ['''\nA=ENC[KMS,AAAA]\nB=ENC[NACL,BB BB]''']",
            &id[..32]
        ));
        let json = serde_json::json!({"workload": [{
            "app": "/a",
            "deploy_public_key": KEY,
            "service_public_key": KEY,
            "secrets": ["A=ENC[KMS,AAAA]\nB=ENC[NACL,BB BB]"],
            "secrets_sha256": [id],
        }]});
        for (text, syntax) in [(toml, Syntax::Toml), (json.to_string(), Syntax::Json)] {
            let workloads = Workloads::parse(&text, syntax).expect("workloads");
            let workload = workloads.find(&of_app("/a", TIME, "t")).expect("found");
            assert!(workload.service.as_ref() == Some(&workload.deploy));
            for token in ["ENC[KMS,AAAA]", "ENC[NACL,BBBB]", "ENC[KMS,CCCC]"] {
                assert!(has(&workload, token), "{token}");
            }
            assert!(!has(&workload, "ENC[KMS,BBBB]"));
        }
        for (text, syntax) in [("", Syntax::Toml), ("{}", Syntax::Json), ("{}", Syntax::Json)] {
            assert_eq!(Workloads::parse(text, syntax).expect("none").count(), 0);
        }
    }

    #[test]
    fn there_are_limits() {
        let many: String = (0..MAX_WORKLOADS).map(|n| with(&format!("app = '/a{n}'"))).collect();
        assert_eq!(parse(&many).expect("not too many").count(), MAX_WORKLOADS);
        let more = many + &with("app = '/b'");
        assert_eq!(parse(&more).expect_err("too many"), FileError::TooMany);
        let large = " ".repeat(MAX_FILE + 1);
        assert_eq!(parse(&large).expect_err("too large"), FileError::TooLarge);
        assert!(parse(&large[1..]).is_ok());
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let deep_toml = format!("workload = {deep}");
        assert!(matches!(parse(&deep_toml), Err(FileError::Syntax(1, Syntax::Toml))));
        let deep_json = Workloads::parse(&deep, Syntax::Json);
        assert!(matches!(deep_json, Err(FileError::Syntax(1, Syntax::Json))));
    }
}
