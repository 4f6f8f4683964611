//! What a caller says it is, before anything proves it.

use crate::id::{AppId, TaskId};
use crate::version::Version;

/// Who calls. Go's rule on the version decides which: the Unix epoch, or none, is a Mesos task, which is
/// what Metronome's jobs are.
#[derive(Clone, Debug)]
pub enum Claim {
    /// A task of a Marathon app.
    App {
        /// The app.
        app: AppId,
        /// The version of the app that the task runs.
        version: Version,
        /// The task.
        task: TaskId,
    },
    /// A Mesos task.
    Task(TaskId),
}

impl Claim {
    /// The task, which both have.
    pub fn task(&self) -> &TaskId {
        match self {
            Self::App { task, .. } | Self::Task(task) => task,
        }
    }

    /// Who it is, among apps and tasks: a task may have an id that looks like an app's.
    pub fn name(&self) -> String {
        match self {
            Self::App { app, .. } => format!("app {app}"),
            Self::Task(task) => format!("task {task}"),
        }
    }
}
