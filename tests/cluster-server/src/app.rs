//! An app as Marathon describes it.

use serde_json::{Map, Value, json};

use crate::answer::Answer;

/// An app of Marathon in one version, and all its tasks.
#[derive(Clone, Debug)]
pub struct App {
    id: String,
    version: String,
    tasks: Vec<Value>,
    env: Map<String, Value>,
}

impl App {
    /// An app without tasks and variables.
    pub fn new(id: &str, version: &str) -> Self {
        Self { id: id.into(), version: version.into(), tasks: Vec::new(), env: Map::new() }
    }

    /// With a task that runs its version.
    pub fn task(self, id: &str) -> Self {
        let version = self.version.clone();
        self.task_of(id, &version, "TASK_RUNNING")
    }

    /// With a task of any version and in any state.
    pub fn task_of(mut self, id: &str, version: &str, state: &str) -> Self {
        self.tasks.push(json!({
            "id": id,
            "appId": self.id,
            "version": version,
            "state": state,
            "host": "192.168.0.194",
            "ports": [31506],
            "slaveId": "20151204-122450-16842879-5050-1-S0",
            "stagedAt": "2015-12-04T12:25:10.122Z",
            "startedAt": "2015-12-04T12:25:13.044Z",
        }));
        self
    }

    /// With a variable; Marathon also has variables that are no text.
    pub fn env(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// An app as a file has it: `{"id": .., "version": .., "tasks": [..], "env": {..}}`. A task is its id, or
    /// `{"id": .., "version": .., "state": ..}`.
    pub(crate) fn parse(value: &Value) -> Result<Self, String> {
        let text = |value: &Value, name: &str| {
            let text = value[name].as_str().map(str::to_string);
            text.ok_or_else(|| format!("{name} is missing: {value}"))
        };
        let mut app = Self::new(&text(value, "id")?, &text(value, "version")?);
        for task in value["tasks"].as_array().unwrap_or(&Vec::new()) {
            app = match task.as_str() {
                Some(id) => app.task(id),
                None => {
                    let version = task["version"].as_str().unwrap_or(&app.version).to_string();
                    let state = task["state"].as_str().unwrap_or("TASK_RUNNING");
                    app.task_of(&text(task, "id")?, &version, state)
                }
            };
        }
        app.env = value["env"].as_object().cloned().unwrap_or_default();
        Ok(app)
    }

    /// What Marathon answers about it: the app with its tasks, and its version; each by its target.
    pub fn answers(&self) -> [(String, Answer); 2] {
        let app = json!({"app": self.described_with(json!({
            "tasks": self.tasks,
            "tasksRunning": self.tasks.len(),
            "tasksStaged": 0,
            "deployments": [],
        }))});
        let version = self.described_with(json!({}));
        [
            (format!("/v2/apps{}?embed=apps.tasks", self.id), Answer::json(&app)),
            (
                format!("/v2/apps{}/versions/{}", self.id, escaped(&self.version)),
                Answer::json(&version),
            ),
        ]
    }

    fn described_with(&self, more: Value) -> Value {
        let mut value = json!({
            "id": self.id,
            "version": self.version,
            "env": self.env,
            "cmd": null,
            "instances": self.tasks.len(),
            "cpus": 0.1,
            "mem": 200.0,
            "labels": {},
            "container": {"type": "DOCKER", "docker": {"image": "demo:latest", "network": "HOST"}},
        });
        let Value::Object(more) = more else { return value };
        value.as_object_mut().expect("an object").extend(more);
        value
    }
}

/// As Go's `url.QueryEscape` writes it into a path.
fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let byte = |byte| if keep(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_in_a_path_has_no_colon_and_no_plus() {
        let app = App::new("/demo/webapp", "2015-12-04T13:25:08.426+01:00");
        let [(app, _), (version, _)] = app.answers();
        assert_eq!(app, "/v2/apps/demo/webapp?embed=apps.tasks");
        assert_eq!(version, "/v2/apps/demo/webapp/versions/2015-12-04T13%3A25%3A08.426%2B01%3A00");
    }
}
