//! What runs on a cluster, as a file has it.

use serde_json::Value;

use crate::app::App;
use crate::task::Task;

/// Apps of Marathon and tasks of the Mesos master. Neither follows from the other.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// What Marathon knows.
    pub apps: Vec<App>,
    /// What the Mesos master knows.
    pub tasks: Vec<Task>,
}

impl Cluster {
    /// Reads a file:
    ///
    /// ```json
    /// {
    ///   "apps": [{
    ///     "id": "/demo/webapp", "version": "2015-12-04T12:25:08.426Z",
    ///     "tasks": ["demo.1", {"id": "demo.2", "version": "..", "state": "TASK_KILLED"}],
    ///     "env": {"NAME": "value"}
    ///   }],
    ///   "tasks": [{"id": "job.1", "state": "TASK_RUNNING", "labels": {"NAME": "value"}}]
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// What is wrong with it, for whoever wrote it.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let object = value.as_object().ok_or("a cluster is an object")?;
        if let Some(name) = object.keys().find(|name| !["apps", "tasks"].contains(&name.as_str())) {
            return Err(format!("a cluster has apps and tasks, and no {name}"));
        }
        let list = |name: &str| value[name].as_array().cloned().unwrap_or_default();
        Ok(Self {
            apps: list("apps").iter().map(App::parse).collect::<Result<_, _>>()?,
            tasks: list("tasks").iter().map(Task::parse).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_would_run_nothing() {
        for text in [
            "",
            "[]",
            r#"{"app": []}"#,
            r#"{"apps": [{"id": "/a"}]}"#,
            r#"{"apps": [{"id": "/a", "version": "v", "tasks": [{}]}]}"#,
            r#"{"tasks": [{"labels": {}}]}"#,
            r#"{"tasks": [{"id": "t", "labels": {"A": 1}}]}"#,
        ] {
            assert!(Cluster::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Cluster::parse(b"{}").is_ok());
    }
}
