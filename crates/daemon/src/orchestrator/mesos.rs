//! What the leading Mesos master answers about tasks: all of them at once, so one pass keeps what is needed.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};
use std::fmt;
use std::sync::Arc;

use secretary_envelope::PublicKey;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::id::TaskId;
use crate::orchestrator::is_alive;
use crate::orchestrator::json::{self, Object, Text};
use crate::refusal::{Refusal, Upstream};
use crate::token_id::{PREFIX, TokenId};
use crate::workload::{Grants, Workload};

/// The path of the one question.
pub const PATH: &str = "/api/v1";

/// The body of the question.
pub const QUESTION: &str = r#"{"type":"GET_TASKS"}"#;

/// All tasks of a cluster.
#[derive(Default)]
pub struct Tasks(HashMap<TaskId, Found>);

impl fmt::Debug for Tasks {
    /// Not their labels: somebody may have put a private key there by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tasks({})", self.0.len())
    }
}

/// What was found of one id. Frameworks choose ids by themselves, so two of them may choose the same.
enum Found {
    /// No task that runs.
    NotRunning,
    /// One task that runs, or several that say the same.
    Running(Labels),
    /// Several that run and do not say the same.
    Several,
}

/// The labels that are read.
#[derive(Default, PartialEq, Eq)]
struct Labels {
    deploy: Option<Box<[u8]>>,
    service: Option<Box<[u8]>>,
    variables: Option<Box<[u8]>>,
    tokens: Option<Box<[u8]>>,
    /// Whether one of them comes twice.
    repeated: bool,
}

/// Reads the answer to [`QUESTION`]. Takes time and memory in proportion to its size.
///
/// # Errors
///
/// [`Refusal::Unreadable`] when it is no list of tasks.
pub fn parse_tasks(body: &[u8]) -> Result<Tasks, Refusal> {
    let Object(answer) = json::read::<Answer>(body, Upstream::Mesos)?.get_tasks;
    Ok(answer.tasks.unwrap_or_default())
}

impl Tasks {
    /// What the task is. Tasks that do not run count for nothing beside one of the same id that does.
    ///
    /// # Errors
    ///
    /// When there is none that runs; when there are several of that id and their labels differ, or one label comes
    /// twice, where the Go program takes the first task and the last label; and when a key is missing or is none.
    pub fn workload(&self, task: &TaskId) -> Result<Arc<Workload>, Refusal> {
        match self.0.get(task) {
            None => Err(Refusal::NoTask),
            Some(Found::NotRunning) => Err(Refusal::NotRunning),
            Some(Found::Several) => Err(Refusal::Ambiguous(Upstream::Mesos)),
            Some(Found::Running(labels)) => labels.workload().map(Arc::new),
        }
    }

    fn add(&mut self, task: TaskMembers<'_>) {
        // Nobody can ask for a task with another id.
        let id = task.task_id.0.value.as_str().and_then(TaskId::parse);
        let Some(id) = id else { return };
        let alive = task.state.is_some_and(|state| is_alive(state.as_bytes()));
        let labels = task.labels.and_then(|Object(outer)| outer.labels).unwrap_or_default();
        let new = if alive { Found::Running(labels) } else { Found::NotRunning };
        match self.0.entry(id) {
            Entry::Vacant(place) => drop(place.insert(new)),
            Entry::Occupied(mut place) => place.get_mut().add(new),
        }
    }
}

impl Found {
    fn add(&mut self, other: Self) {
        *self = match (std::mem::replace(self, Self::Several), other) {
            (found, Self::NotRunning) | (Self::NotRunning, found) => found,
            (Self::Running(one), Self::Running(two)) if one == two => Self::Running(one),
            _ => Self::Several,
        };
    }
}

impl Labels {
    fn add(&mut self, label: &LabelMembers<'_>) {
        let place = match label.key.as_bytes() {
            b"DEPLOY_PUBLIC_KEY" => &mut self.deploy,
            b"SERVICE_PUBLIC_KEY" => &mut self.service,
            b"ALLOWED_SECRETS_VARS" => &mut self.variables,
            b"ALLOWED_SECRETS_SHA256" => &mut self.tokens,
            _ => return,
        };
        let value = label.value.as_ref().map_or(&[][..], Text::as_bytes);
        self.repeated |= place.replace(value.into()).is_some();
    }

    fn workload(&self) -> Result<Workload, Refusal> {
        if self.repeated {
            return Err(Refusal::Ambiguous(Upstream::Mesos));
        }
        let deploy = self.deploy.as_deref().ok_or(Refusal::NoDeployLabel)?;
        let deploy = PublicKey::parse(deploy).map_err(|_| Refusal::BadDeployKey)?;
        let service = self.service.as_deref().map(PublicKey::parse).transpose();
        let service = service.map_err(|_| Refusal::BadServiceKey)?;
        let names = self.variables.as_deref().map(|list| entries(list).collect());
        let tokens = self.tokens.as_deref().map(prefixes);
        Ok(Workload::new(deploy, service, Grants::Variables { names, tokens }))
    }
}

/// The entries of a list with commas. White space means nothing, not even in an entry, as in the Go program.
fn entries(list: &[u8]) -> impl Iterator<Item = String> {
    let entries = list.split(|&byte| byte == b',').filter_map(|entry| str::from_utf8(entry).ok());
    entries
        .map(|entry| entry.split_whitespace().collect::<String>())
        .filter(|entry| !entry.is_empty())
}

/// What an entry that is not 32 or 64 digits means is not known, so it grants nothing.
fn prefixes(list: &[u8]) -> HashSet<[u8; PREFIX]> {
    entries(list).filter_map(|entry| TokenId::parse_prefix(&entry)).collect()
}

#[derive(Deserialize)]
struct Answer {
    get_tasks: Object<AnswerMembers>,
}

/// There are lists of completed, orphaned and unreachable tasks, too.
#[derive(Deserialize)]
struct AnswerMembers {
    tasks: Option<Tasks>,
}

#[derive(Deserialize)]
struct TaskMembers<'a> {
    #[serde(borrow)]
    task_id: Object<IdMembers<'a>>,
    state: Option<Text<'a>>,
    labels: Option<Object<LabelsMembers>>,
}

#[derive(Deserialize)]
struct IdMembers<'a> {
    #[serde(borrow)]
    value: Text<'a>,
}

#[derive(Deserialize)]
struct LabelsMembers {
    labels: Option<Labels>,
}

#[derive(Deserialize)]
struct LabelMembers<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    value: Option<Text<'a>>,
}

impl<'de> Deserialize<'de> for Tasks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Each(|tasks: &mut Self, Object(task)| tasks.add(task)))
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Each(|labels: &mut Self, Object(label)| labels.add(&label)))
    }
}

/// Reads an array one element after the other, so that there is never a list of all in memory.
struct Each<W, T>(fn(&mut W, T));

impl<'de, W: Default, T: Deserialize<'de>> Visitor<'de> for Each<W, T> {
    type Value = W;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<W, A::Error> {
        let mut whole = W::default();
        while let Some(element) = elements.next_element()? {
            (self.0)(&mut whole, element);
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const KEY: &str = "omO6DSEw/mZDG9NuhyEC4uYbgwwqEivOuX0EqX9+Ql0=";
    const OTHER_KEY: &str = "NAlkJ9tBhzW2dxyCJNmLgMPa74kgWbI3K4WtzYh+yys=";

    fn find(tasks: &Value) -> Result<Arc<Workload>, Refusal> {
        let body = json!({"type": "GET_TASKS", "get_tasks": {"tasks": tasks}}).to_string();
        parse_tasks(body.as_bytes())?.workload(&TaskId::parse("t").expect("an id"))
    }

    fn refused(tasks: &Value) -> Option<Refusal> {
        find(tasks).err()
    }

    fn task(state: &str, labels: &[(&str, &str)]) -> Value {
        let label = |(key, value): &(&str, &str)| json!({"key": key, "value": value});
        let labels: Vec<Value> = labels.iter().map(label).collect();
        json!({"task_id": {"value": "t"}, "state": state, "labels": {"labels": labels}})
    }

    fn running(labels: &[(&str, &str)]) -> Value {
        task("TASK_RUNNING", labels)
    }

    #[test]
    fn only_a_task_that_is_to_start_or_runs_is_known() {
        let labels = [("DEPLOY_PUBLIC_KEY", KEY)];
        for state in ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"] {
            assert_eq!(refused(&json!([task(state, &labels)])), None, "{state}");
        }
        for state in ["", "RUNNING", "task_running", "TASK_KILLING", "TASK_LOST", "TASK_FAILED"] {
            let refused = refused(&json!([task(state, &labels)]));
            assert_eq!(refused, Some(Refusal::NotRunning), "{state}");
        }
        let no_state = json!([{"task_id": {"value": "t"}}]);
        assert_eq!(refused(&no_state), Some(Refusal::NotRunning));
        for tasks in [json!(null), json!([]), json!([{"task_id": {"value": "T"}}])] {
            assert_eq!(refused(&tasks), Some(Refusal::NoTask), "{tasks}");
        }
    }

    #[test]
    fn of_several_tasks_of_one_id_those_that_run_have_to_agree() {
        let one = running(&[("DEPLOY_PUBLIC_KEY", KEY), ("X", "1")]);
        let same = task("TASK_STAGING", &[("DEPLOY_PUBLIC_KEY", KEY), ("X", "2")]);
        let dead = task("TASK_FAILED", &[("DEPLOY_PUBLIC_KEY", OTHER_KEY)]);
        let other = running(&[("DEPLOY_PUBLIC_KEY", OTHER_KEY)]);
        let more = running(&[("DEPLOY_PUBLIC_KEY", KEY), ("ALLOWED_SECRETS_VARS", "A")]);
        for tasks in [json!([one, same, dead]), json!([dead, dead, one]), json!([one, dead, one])] {
            let found = find(&tasks).expect("a workload");
            assert_eq!(Ok(&found.deploy), PublicKey::parse(KEY.as_bytes()).as_ref());
        }
        for tasks in [
            json!([one, other]),
            json!([other, dead, one]),
            json!([one, more]),
            json!([one, other, one]),
            json!([one, running(&[])]),
        ] {
            let ambiguous = Some(Refusal::Ambiguous(Upstream::Mesos));
            assert_eq!(refused(&tasks), ambiguous, "{tasks}");
        }
        assert_eq!(refused(&json!([dead, dead])), Some(Refusal::NotRunning));
    }

    #[test]
    fn labels_have_to_be_keys_and_come_once() {
        let deploy = ("DEPLOY_PUBLIC_KEY", KEY);
        let twice = Some(Refusal::Ambiguous(Upstream::Mesos));
        for (labels, expected) in [
            (&[][..], Some(Refusal::NoDeployLabel)),
            (&[("deploy_public_key", KEY)], Some(Refusal::NoDeployLabel)),
            (&[("DEPLOY_PUBLIC_KEY", "x")], Some(Refusal::BadDeployKey)),
            (&[("DEPLOY_PUBLIC_KEY", "")], Some(Refusal::BadDeployKey)),
            (&[deploy, ("SERVICE_PUBLIC_KEY", "")], Some(Refusal::BadServiceKey)),
            (&[deploy, deploy], twice),
            (&[deploy, ("SERVICE_PUBLIC_KEY", KEY), ("SERVICE_PUBLIC_KEY", "x")], twice),
            (&[deploy, ("ALLOWED_SECRETS_VARS", "Z"), ("ALLOWED_SECRETS_VARS", "A")], twice),
            (&[deploy, ("X", "1"), ("X", "2")], None),
            (&[deploy, ("SERVICE_PUBLIC_KEY", OTHER_KEY)], None),
        ] {
            assert_eq!(refused(&json!([running(labels)])), expected, "{labels:?}");
        }
        let service = find(&json!([running(&[deploy, ("SERVICE_PUBLIC_KEY", OTHER_KEY)])]));
        let service = service.expect("a workload").service.clone();
        assert_eq!(service, PublicKey::parse(OTHER_KEY.as_bytes()).ok());
        let no_value = json!([{
            "task_id": {"value": "t"}, "state": "TASK_RUNNING",
            "labels": {"labels": [{"key": "DEPLOY_PUBLIC_KEY"}]}
        }]);
        assert_eq!(refused(&no_value), Some(Refusal::BadDeployKey));
    }

    #[test]
    fn lists_in_labels_are_read_without_white_space() {
        let grants = |labels: &[(&str, &str)]| {
            let labels = [&[("DEPLOY_PUBLIC_KEY", KEY)], labels].concat();
            let found = find(&json!([running(&labels)])).expect("a workload");
            match &found.grants {
                Grants::Variables { names, tokens } => (names.clone(), tokens.clone()),
                other => panic!("{other:?}"),
            }
        };
        let names = |list: &[&str]| Some(list.iter().map(|name| (*name).to_string()).collect());
        assert_eq!(grants(&[]), (None, None));
        assert_eq!(grants(&[("ALLOWED_SECRETS_VARS", "")]), (names(&[]), None));
        let list = " A , B\t,,C\u{a0},D E,é";
        let five = names(&["A", "B", "C", "DE", "é"]);
        assert_eq!(grants(&[("ALLOWED_SECRETS_VARS", list)]), (five, None));

        let id = TokenId::of_all(b"ENC[KMS,AAAA]").next().expect("a token");
        let (long, start) = (id.to_string(), id.to_string()[..32].to_uppercase());
        for list in [long.clone(), start.clone(), format!("zz, {start} ,{long}x,\n{long}")] {
            let granted = Some(HashSet::from([id.prefix()]));
            assert_eq!(grants(&[("ALLOWED_SECRETS_SHA256", &list)]), (None, granted), "{list}");
        }
        for list in ["", ",", &long[..31], &long[..40]] {
            let nothing = Some(HashSet::new());
            assert_eq!(grants(&[("ALLOWED_SECRETS_SHA256", list)]), (None, nothing), "{list}");
        }
    }

    #[test]
    fn a_task_that_is_none_of_ours_harms_nobody() {
        let good = running(&[("DEPLOY_PUBLIC_KEY", KEY)]).to_string();
        let bad_label = r#""labels": {"labels": [{"key": "\udc00", "value": "ÿ"}]}"#;
        let bad = format!(r#"{{"task_id": {{"value": "\ud800"}}, {bad_label}}}"#);
        let body = format!(r#"{{"get_tasks": {{"tasks": [{bad}, {good}]}}}}"#).into_bytes();
        let no_utf_8: Vec<u8> =
            body.iter().map(|&byte| if byte == 0xc3 { 0xff } else { byte }).collect();
        for body in [body, no_utf_8] {
            let tasks = parse_tasks(&body).expect("tasks");
            assert!(tasks.workload(&TaskId::parse("t").expect("an id")).is_ok());
        }
    }

    #[test]
    fn what_is_no_list_of_tasks_is_unreadable() {
        for body in [
            &b"not json"[..],
            b"{}",
            b"[]",
            br#"{"get_tasks": null}"#,
            br#"{"get_tasks": {"tasks": {}}}"#,
            br#"{"get_tasks": {"tasks": [{}]}}"#,
            br#"{"get_tasks": {"tasks": [["t"]]}}"#,
            br#"{"get_tasks": {"tasks": [{"task_id": "t"}]}}"#,
            br#"{"get_tasks": {"tasks": [], "tasks": []}}"#,
            br#"{"get_tasks": {"tasks": []}, "get_tasks": {"tasks": []}}"#,
            br#"{"get_tasks": {"tasks": []}} {}"#,
        ] {
            let refused = parse_tasks(body).err();
            let unreadable = Some(Refusal::Unreadable(Upstream::Mesos));
            assert_eq!(refused, unreadable, "{}", body.escape_ascii());
        }
        let nothing = parse_tasks(br#"{"get_tasks": {}}"#).expect("no tasks");
        let task = TaskId::parse("t").expect("an id");
        assert_eq!(nothing.workload(&task).err(), Some(Refusal::NoTask));
    }
}
