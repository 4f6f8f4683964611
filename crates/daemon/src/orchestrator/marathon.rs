//! What Marathon answers about an app: which tasks it has, and what a version of it may have.
//!
//! This is about what is in an answer. Where it came from, and how large it may be, is another matter.

mod env;

use std::sync::Arc;

use serde::Deserialize;

use self::env::Env;
use crate::form::escape;
use crate::id::{AppId, TaskId};
use crate::orchestrator::is_alive;
use crate::orchestrator::json::{self, Object, Text};
use crate::refusal::{Refusal, Upstream};
use crate::version::Version;
use crate::workload::Workload;

/// Where an app and its tasks are told of.
pub fn app_path(app: &AppId) -> String {
    format!("/v2/apps{app}?embed=apps.tasks")
}

/// Where a version of an app is told of. Marathon finds it by the text, so that is as the caller wrote it.
pub fn version_path(app: &AppId, version: &Version) -> String {
    format!("/v2/apps{app}/versions/{}", escape(version.as_str()))
}

/// An app with its tasks.
#[derive(Debug)]
pub struct App {
    id: Vec<u8>,
    tasks: Vec<Task>,
}

#[derive(Debug)]
struct Task {
    id: Vec<u8>,
    /// Nothing for a task that does not run.
    version: Option<Version>,
}

/// Reads the answer to [`app_path`].
///
/// # Errors
///
/// [`Refusal::Unreadable`] when it tells of no app.
pub fn parse_app(body: &[u8]) -> Result<App, Refusal> {
    let Object(app) = json::read::<AppAnswer<'_>>(body, Upstream::Marathon)?.app;
    let tasks = app.tasks.unwrap_or_default();
    let tasks = tasks.iter().map(|Object(task)| Task::from(task)).collect();
    Ok(App { id: bytes(app.id.as_ref()), tasks })
}

impl App {
    /// Whether `task` runs this `version`.
    ///
    /// # Errors
    ///
    /// [`Refusal::OtherApp`] when this is not `app`, byte for byte. [`Refusal::NotRunning`] when it has no such task,
    /// or says of it anything but that it is to start or runs, and this version. Marathon gives no id twice; if it
    /// did, all of them would have to be so.
    pub fn check_running(
        &self,
        app: &AppId,
        version: &Version,
        task: &TaskId,
    ) -> Result<(), Refusal> {
        if self.id != app.as_str().as_bytes() {
            return Err(Refusal::OtherApp(Upstream::Marathon));
        }
        let named = |known: &&Task| known.id == task.as_str().as_bytes();
        let mut named = self.tasks.iter().filter(named).peekable();
        let runs =
            named.peek().is_some() && named.all(|known| known.version.as_ref() == Some(version));
        if runs { Ok(()) } else { Err(Refusal::NotRunning) }
    }
}

/// One version of an app.
#[derive(Debug)]
pub struct AppVersion {
    id: Vec<u8>,
    version: Option<Version>,
    workload: Result<Arc<Workload>, Refusal>,
}

/// Reads the answer to [`version_path`].
///
/// There are private keys in it. What is kept of the environment is two public keys and the identities of tokens;
/// all else is looked at where it is in `body`, except a value with escapes in it, which `serde_json` makes a copy of
/// and frees without wiping it.
///
/// # Errors
///
/// [`Refusal::Unreadable`] when it is no version of an app.
pub fn parse_version(body: &[u8]) -> Result<AppVersion, Refusal> {
    let answer: VersionAnswer<'_> = json::read(body, Upstream::Marathon)?;
    Ok(AppVersion {
        id: bytes(answer.id.as_ref()),
        version: time(answer.version.as_ref()),
        workload: answer.env.unwrap_or_default().workload().map(Arc::new),
    })
}

impl AppVersion {
    /// What this is, if it is `version` of `app`.
    ///
    /// # Errors
    ///
    /// [`Refusal::OtherApp`] when it is not, or else what is wrong with its keys.
    pub fn check(&self, app: &AppId, version: &Version) -> Result<Arc<Workload>, Refusal> {
        if self.id != app.as_str().as_bytes() || self.version.as_ref() != Some(version) {
            return Err(Refusal::OtherApp(Upstream::Marathon));
        }
        self.workload.clone()
    }
}

#[derive(Deserialize)]
struct AppAnswer<'a> {
    #[serde(borrow)]
    app: Object<AppMembers<'a>>,
}

#[derive(Deserialize)]
struct AppMembers<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    tasks: Option<Vec<Object<TaskMembers<'a>>>>,
}

/// Whose task it is, is known from where it stands, so its `appId` is not looked at.
#[derive(Deserialize)]
struct TaskMembers<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    version: Option<Text<'a>>,
    /// Old versions of Marathon do not say it.
    state: Option<Text<'a>>,
}

impl From<&TaskMembers<'_>> for Task {
    fn from(task: &TaskMembers<'_>) -> Self {
        let alive = task.state.as_ref().is_none_or(|state| is_alive(state.as_bytes()));
        let version = time(task.version.as_ref()).filter(|_| alive);
        Self { id: bytes(task.id.as_ref()), version }
    }
}

/// Nothing is no id, as an empty one is none.
fn bytes(text: Option<&Text<'_>>) -> Vec<u8> {
    text.map_or(Vec::new(), |text| text.as_bytes().to_vec())
}

fn time(text: Option<&Text<'_>>) -> Option<Version> {
    Version::parse(text?.as_str()?)
}

#[derive(Deserialize)]
struct VersionAnswer<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    version: Option<Text<'a>>,
    env: Option<Env>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const TIME: &str = "2015-12-04T12:25:08.426Z";
    const KEY: &str = "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=";

    fn id() -> AppId {
        AppId::parse("/demo/webapp").expect("an id")
    }

    fn version() -> Version {
        Version::parse(TIME).expect("a time")
    }

    fn check_task(tasks: &Value) -> Result<(), Refusal> {
        let body = json!({"app": {"tasks": tasks, "id": "/demo/webapp"}}).to_string();
        let task = TaskId::parse("t").expect("an id");
        parse_app(body.as_bytes())?.check_running(&id(), &version(), &task)
    }

    #[test]
    fn a_task_runs_the_version_that_it_is_of() {
        for task in [
            json!({"id": "t", "version": TIME}),
            json!({"id": "t", "version": "2015-12-04T13:25:08.42600+01:00", "state": null}),
            json!({"id": "t", "version": TIME, "state": "TASK_STAGING"}),
            json!({"id": "t", "version": TIME, "state": "TASK_STARTING"}),
            json!({"id": "t", "version": TIME, "state": "TASK_RUNNING"}),
        ] {
            assert_eq!(check_task(&json!([{"id": "u"}, task, {}])), Ok(()), "{task}");
        }
    }

    #[test]
    fn any_other_task_does_not_run() {
        let runs = json!({"id": "t", "version": TIME});
        for tasks in [
            json!(null),
            json!([]),
            json!([{}]),
            json!([{"id": "T", "version": TIME}, {"id": "t ", "version": TIME}]),
            json!([{"id": "t"}]),
            json!([{"id": "t", "version": null}]),
            json!([{"id": "t", "version": ""}]),
            json!([{"id": "t", "version": "garbage"}]),
            json!([{"id": "t", "version": "2015-12-04T12:25:08.427Z"}]),
            json!([{"id": "t", "version": TIME, "state": ""}]),
            json!([{"id": "t", "version": TIME, "state": "Running"}]),
            json!([{"id": "t", "version": TIME, "state": "TASK_KILLING"}]),
            json!([{"id": "t", "version": TIME, "state": "TASK_UNREACHABLE"}]),
            json!([runs, {"id": "t", "version": TIME, "state": "TASK_KILLED"}]),
            json!([{"id": "t", "version": "garbage"}, runs]),
        ] {
            assert_eq!(check_task(&tasks), Err(Refusal::NotRunning), "{tasks}");
        }
        assert_eq!(check_task(&json!([runs, runs])), Ok(()));
        for tasks in [json!({}), json!("t"), json!([["t", TIME]]), json!([{"id": 1}]), json!([1])] {
            let unreadable = Err(Refusal::Unreadable(Upstream::Marathon));
            assert_eq!(check_task(&tasks), unreadable, "{tasks}");
        }
    }

    #[test]
    fn an_answer_about_another_app_is_of_no_use() {
        let task = TaskId::parse("t").expect("an id");
        for app in [
            json!({}),
            json!({"id": null}),
            json!({"id": "/demo/webapp2"}),
            json!({"id": "demo/webapp"}),
            json!({"id": "//demo/webapp"}),
            json!({"id": "/demo/webapp/"}),
            json!({"id": "/Demo/webapp"}),
        ] {
            let mut answer = app.clone();
            answer["tasks"] = json!([{"id": "t", "version": TIME}]);
            let answer = parse_app(json!({ "app": answer }).to_string().as_bytes()).expect("read");
            let refused = answer.check_running(&id(), &version(), &task);
            assert_eq!(refused, Err(Refusal::OtherApp(Upstream::Marathon)), "{app}");
        }
    }

    #[test]
    fn an_answer_about_another_version_is_of_no_use() {
        let env = json!({"DEPLOY_PUBLIC_KEY": KEY});
        for (of, version_of) in [
            ("/demo/other", TIME),
            ("", TIME),
            ("/demo/webapp", "2015-12-04T12:25:08.425Z"),
            ("/demo/webapp", "garbage"),
            ("/demo/webapp", ""),
        ] {
            let body = json!({"id": of, "version": version_of, "env": env}).to_string();
            let answer = parse_version(body.as_bytes()).expect("read");
            let refused = answer.check(&id(), &version()).map(|_| ());
            assert_eq!(refused, Err(Refusal::OtherApp(Upstream::Marathon)), "{body}");
        }
        let other_spelling = "2015-12-04T13:25:08.42600+01:00";
        let body = json!({"id": "/demo/webapp", "version": other_spelling, "env": env}).to_string();
        let answer = parse_version(body.as_bytes()).expect("read");
        assert!(answer.check(&id(), &version()).is_ok());
    }

    #[test]
    fn an_answer_has_one_environment() {
        let env = format!(r#""env": {{"DEPLOY_PUBLIC_KEY": "{KEY}"}}"#);
        let check = |members: &str| {
            let body = format!(r#"{{"id": "/demo/webapp", "version": "{TIME}"{members}}}"#);
            parse_version(body.as_bytes())?.check(&id(), &version()).map(|_| ())
        };
        assert_eq!(check(&format!(", {env}")), Ok(()));
        for none in ["", ", \"env\": null", ", \"env\": {}", ", \"Env\": 1"] {
            assert_eq!(check(none), Err(Refusal::NoDeployVariable), "{none}");
        }
        let unreadable = Err(Refusal::Unreadable(Upstream::Marathon));
        for several in [format!(", {env}, {env}"), format!(", {env}}}}}"), ", \"env\": []".into()] {
            assert_eq!(check(&several), unreadable, "{several}");
        }
    }
}
