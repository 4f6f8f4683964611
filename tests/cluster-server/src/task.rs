//! A task as a Mesos master describes it.

use secretary_test_kms::http::Request;
use serde_json::{Value, json};

use crate::answer::Answer;

/// Where a master's API is.
pub(crate) const TARGET: &str = "/api/v1";

/// A task of a Mesos cluster.
#[derive(Clone, Debug)]
pub struct Task {
    id: String,
    state: String,
    labels: Vec<(String, String)>,
}

impl Task {
    /// A running task without labels.
    pub fn new(id: &str) -> Self {
        Self { id: id.into(), state: "TASK_RUNNING".into(), labels: Vec::new() }
    }

    /// In another state.
    pub fn state(self, state: &str) -> Self {
        Self { state: state.into(), ..self }
    }

    /// With a label more; two may have one name.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// A task as a file has it: `{"id": .., "state": .., "labels": {..}}`.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let id = value["id"].as_str().ok_or_else(|| format!("id is missing: {value}"))?;
        let mut task = Self::new(id).state(value["state"].as_str().unwrap_or("TASK_RUNNING"));
        for (name, label) in value["labels"].as_object().into_iter().flatten() {
            task = task.label(name, label.as_str().ok_or("a label is no text")?);
        }
        Ok(task)
    }

    fn described(&self) -> Value {
        let labels: Vec<_> =
            self.labels.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
        let mut task = json!({
            "name": self.id.split('.').next(),
            "task_id": {"value": self.id},
            "framework_id": {"value": "d4bd102f-e25f-46dc-bb5d-8b10bca133d8-0000"},
            "agent_id": {"value": "d4bd102f-e25f-46dc-bb5d-8b10bca133d8-S0"},
            "state": self.state,
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}],
            "statuses": [{"state": self.state, "timestamp": 1_449_231_913.044}],
        });
        // A task without labels has no such member at all.
        if !labels.is_empty() {
            task["labels"] = json!({"labels": labels});
        }
        task
    }
}

/// What a master answers to `GET_TASKS`.
pub(crate) fn answer(tasks: &[Task]) -> Answer {
    let tasks: Vec<_> = tasks.iter().map(Task::described).collect();
    Answer::json(&json!({"type": "GET_TASKS", "get_tasks": {"tasks": tasks}}))
}

/// Whether this is the one call that is answered.
pub(crate) fn asks_for_tasks(request: &Request) -> bool {
    let call: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    request.method == "POST"
        && request.header("content-type") == "application/json"
        && call["type"] == "GET_TASKS"
}
