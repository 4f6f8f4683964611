//! The members of one workload in a file.

use std::collections::HashSet;

use secretary_envelope::{KeyError, PublicKey};

use super::document::{Document, Table};
use crate::id::{AppId, TaskId};
use crate::token_id::{PREFIX, TokenId};
use crate::version::Version;
use crate::workload::{Grants, Workload};

/// Who it is. Either of them may be missing, and not both.
pub(super) type Name = (Option<AppId>, Option<TaskId>);

/// Reads what is in `table`. Its app is put into `app` as soon as it is known, for errors to name it.
pub(super) fn read(
    table: Table,
    app: &mut Option<AppId>,
) -> Result<(Name, Option<Version>, Workload), Fault> {
    let mut members = Members::default();
    let (apps, others): (Table, Table) = table.into_iter().partition(|(name, _)| name == "app");
    apps.into_iter().try_for_each(|(name, value)| members.take(name, value))?;
    app.clone_from(&members.app);
    others.into_iter().try_for_each(|(name, value)| members.take(name, value))?;
    members.workload()
}

/// What is wrong with a workload.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A member with a name that means nothing, which is here if it looks like one.
    #[error("{}", unknown(.0.as_deref()))]
    Unknown(Option<String>),
    /// A member that is there more than once.
    #[error("{0} is there twice")]
    Twice(&'static str),
    /// A member that has to be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Neither `app` nor `task` is there.
    #[error("it has neither an app nor a task")]
    Nobody,
    /// A member that has to be a text.
    #[error("{0} is not a text")]
    NoText(&'static str),
    /// A member that has to be a list of texts.
    #[error("{0} is not a list of texts")]
    NoList(&'static str),
    /// A text that is not what its member has to be.
    #[error("{0} is not {1}")]
    IsNot(&'static str, &'static str),
    /// A text that is no key.
    #[error("{0}: {1}")]
    Key(&'static str, KeyError),
    /// A text of a list, from 1, without what has to be in it.
    #[error("{list}: text {number} is not {what}")]
    Element {
        /// The member.
        list: &'static str,
        /// Which one.
        number: usize,
        /// What it has to be.
        what: &'static str,
    },
    /// It is about the same as an earlier one.
    #[error("it is about the same app, version and task as workload {0}")]
    SameAs(usize),
}

fn unknown(name: Option<&str>) -> String {
    name.map_or("it has an unknown member".to_string(), |name| {
        format!("it has an unknown member '{name}'")
    })
}

/// The members of one workload that were read so far.
#[derive(Default)]
struct Members {
    app: Option<AppId>,
    task: Option<TaskId>,
    version: Option<Version>,
    deploy: Option<PublicKey>,
    service: Option<PublicKey>,
    secrets: Option<HashSet<[u8; PREFIX]>>,
    hashes: Option<HashSet<[u8; PREFIX]>>,
}

impl Members {
    fn take(&mut self, name: String, value: Document) -> Result<(), Fault> {
        match name.as_str() {
            "app" => once(&mut self.app, "app", app(value)?),
            "task" => once(&mut self.task, "task", task(value)?),
            "version" => once(&mut self.version, "version", version(value)?),
            "deploy_public_key" => {
                let name = "deploy_public_key";
                once(&mut self.deploy, name, key(name, value)?)
            }
            "service_public_key" => {
                let name = "service_public_key";
                once(&mut self.service, name, key(name, value)?)
            }
            "secrets" => once(&mut self.secrets, "secrets", secrets(value)?),
            "secrets_sha256" => once(&mut self.hashes, "secrets_sha256", hashes(value)?),
            _ => Err(Fault::Unknown(Some(name).filter(|name| looks_like_a_member(name)))),
        }
    }

    fn workload(self) -> Result<(Name, Option<Version>, Workload), Fault> {
        if self.app.is_none() && self.task.is_none() {
            return Err(Fault::Nobody);
        }
        if self.app.is_none() && self.version.is_some() {
            return Err(Fault::IsNot("version", "of use without an app"));
        }
        let deploy = self.deploy.ok_or(Fault::Missing("deploy_public_key"))?;
        let tokens = self.secrets.into_iter().chain(self.hashes).flatten().collect();
        let workload = Workload::new(deploy, self.service, Grants::Starts(tokens));
        Ok(((self.app, self.task), self.version, workload))
    }
}

fn once<T>(place: &mut Option<T>, name: &'static str, value: T) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::Twice(name)),
    }
}

/// The text of a key has another letter than these, and is longer.
fn looks_like_a_member(name: &str) -> bool {
    name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte))
}

fn text(name: &'static str, value: Document) -> Result<String, Fault> {
    if let Document::Text(text) = value { Ok(text) } else { Err(Fault::NoText(name)) }
}

fn texts(name: &'static str, value: Document) -> Result<Vec<String>, Fault> {
    let Document::List(list) = value else { return Err(Fault::NoList(name)) };
    list.into_iter().map(|value| text(name, value).map_err(|_| Fault::NoList(name))).collect()
}

fn app(value: Document) -> Result<AppId, Fault> {
    let app = AppId::parse(&text("app", value)?);
    app.ok_or(Fault::IsNot("app", "the id of an app, such as /group/app"))
}

fn task(value: Document) -> Result<TaskId, Fault> {
    let task = TaskId::parse(&text("task", value)?);
    task.ok_or(Fault::IsNot("task", "the id of a task, in printable ASCII"))
}

fn version(value: Document) -> Result<Version, Fault> {
    let version = Version::parse(&text("version", value)?);
    // Who claims that one claims to have none.
    let version = version.filter(|version| !version.is_unix_epoch());
    version.ok_or(Fault::IsNot("version", "the time of a version in RFC 3339"))
}

fn key(name: &'static str, value: Document) -> Result<PublicKey, Fault> {
    let text = text(name, value)?;
    PublicKey::parse(text.as_bytes()).map_err(|error| Fault::Key(name, error))
}

fn secrets(value: Document) -> Result<HashSet<[u8; PREFIX]>, Fault> {
    let (list, what) = ("secrets", "a text with a token in it");
    let mut tokens = HashSet::new();
    for (text, number) in texts(list, value)?.iter().zip(1..) {
        let mut found = TokenId::of_all(text.as_bytes()).peekable();
        found.peek().ok_or(Fault::Element { list, number, what })?;
        tokens.extend(found.map(|token| token.prefix()));
    }
    Ok(tokens)
}

fn hashes(value: Document) -> Result<HashSet<[u8; PREFIX]>, Fault> {
    let (list, what) = ("secrets_sha256", "64 or 32 hexadecimal digits");
    let prefix = |(text, number): (&String, usize)| {
        TokenId::parse_prefix(text).ok_or(Fault::Element { list, number, what })
    };
    texts(list, value)?.iter().zip(1..).map(prefix).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{FileError, Syntax, Workloads};

    const KEY: &str = "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=";
    const TIME: &str = "2015-12-04T12:25:08.426Z";

    /// One workload of these members and a deploy key.
    fn with(members: &str) -> String {
        format!("[[workload]]\ndeploy_public_key = '{KEY}'\n{members}\n")
    }

    fn parse(text: &str) -> Result<Workloads, FileError> {
        Workloads::parse(text, Syntax::Toml)
    }

    #[test]
    fn errors_say_where_and_never_what() {
        let secret = "8Cw5ysGd14dRObahAX/MtPrkmc7tOVj6OX5lM8HxerI=";
        let key = format!("'{secret}'");
        let first = with("app = '/z'");
        for (text, error) in [
            ("[[workload]]\napp = \n".to_string(), "line 2: this is not TOML"),
            (format!("a = 1\n\n{secret}\n"), "line 3: this is not TOML"),
            ("[[workload]]\napp = '/a'\napp = '/b'\n".to_string(), "line 3: this is not TOML"),
            (
                format!("workloads = [{key}]"),
                "there is something else in it than tables called 'workload'",
            ),
            (
                format!("workload = [{key}]"),
                "there is something else in it than tables called 'workload'",
            ),
            (
                "workload = 1".to_string(),
                "there is something else in it than tables called 'workload'",
            ),
            (
                format!("{first}[other]\n"),
                "there is something else in it than tables called 'workload'",
            ),
            (format!("{first}[[workload]]"), "workload 2: it has neither an app nor a task"),
            (
                format!("{first}[[workload]]\napp = '/a'"),
                "workload 2 (/a): deploy_public_key is missing",
            ),
            (
                format!("[[workload]]\ndeploy_public_key = 'x'\napp = '/a'\n{first}"),
                "workload 1 (/a): deploy_public_key: neither a PEM block nor base64 of a key",
            ),
            (
                with("app = '/a'\nservice_public_key = ''"),
                "workload 1 (/a): service_public_key: 0 bytes where a key has 32",
            ),
            (
                with("app = '/a'\nservice_public_key = 5"),
                "workload 1 (/a): service_public_key is not a text",
            ),
            (with("app = '//a'"), "workload 1: app is not the id of an app, such as /group/app"),
            (
                with(&format!("app = {key}")),
                "workload 1: app is not the id of an app, such as /group/app",
            ),
            (with("task = ''"), "workload 1: task is not the id of a task, in printable ASCII"),
            (
                with("app = '/a'\nversion = 'x'"),
                "workload 1 (/a): version is not the time of a version in RFC 3339",
            ),
            (
                with("app = '/a'\nversion = '1970-01-01T00:00:00Z'"),
                "workload 1 (/a): version is not the time of a version in RFC 3339",
            ),
            (
                with("app = '/a'\nversion = 2015-12-04T12:25:08.426Z"),
                "workload 1 (/a): version is not a text",
            ),
            (
                with(&format!("task = 't'\nversion = '{TIME}'")),
                "workload 1: version is not of use without an app",
            ),
            (
                with(&format!("app = '/a'\nsecrets = {key}")),
                "workload 1 (/a): secrets is not a list of texts",
            ),
            (
                with(&format!("app = '/a'\nsecrets = [1, {key}]")),
                "workload 1 (/a): secrets is not a list of texts",
            ),
            (
                with(&format!("app = '/a'\nsecrets = ['ENC[KMS,AA]', {key}]")),
                "workload 1 (/a): secrets: text 2 is not a text with a token in it",
            ),
            (
                with(&format!("app = '/a'\nsecrets_sha256 = [{key}]")),
                "workload 1 (/a): secrets_sha256: text 1 is not 64 or 32 hexadecimal digits",
            ),
            (with("app = '/a'\nsecret = []"), "workload 1 (/a): it has an unknown member 'secret'"),
            (with(&format!("app = '/a'\n{key} = 1")), "workload 1 (/a): it has an unknown member"),
            (
                format!("{first}{}{first}", with("task = 't'")),
                "workload 3 (/z): it is about the same app, version and task as workload 1",
            ),
        ] {
            let printed = parse(&text).expect_err(&text).to_string();
            assert_eq!(printed, error, "{text}");
        }
        let same_time = ["2015-12-04T12:25:08.426Z", "2015-12-04T13:25:08.4260+01:00"];
        let same = same_time.map(|time| with(&format!("app = '/a'\nversion = '{time}'")));
        let error = parse(&same.concat()).expect_err("the same time").to_string();
        assert!(error.ends_with("as workload 1"), "{error}");
    }

    #[test]
    fn a_member_of_json_comes_once() {
        for (text, error) in [
            (
                r#"{"workload": [], "workload": []}"#,
                "there is something else in it than tables called 'workload'",
            ),
            (r#"{"workload": [{"app": "/a", "app": "/b"}]}"#, "workload 1: app is there twice"),
            (
                r#"{"workload": [{"app": "/a", "task": "t", "task": "t"}]}"#,
                "workload 1 (/a): task is there twice",
            ),
            ("{\"workload\":\n[}", "line 2: this is not JSON"),
            ("{} {}", "line 1: this is not JSON"),
            ("[]", "there is something else in it than tables called 'workload'"),
            ("null", "there is something else in it than tables called 'workload'"),
        ] {
            let printed = Workloads::parse(text, Syntax::Json).expect_err(text).to_string();
            assert_eq!(printed, error, "{text}");
        }
    }
}
