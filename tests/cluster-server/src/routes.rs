//! Which answer belongs to which target.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use secretary_test_kms::http::Request;

use crate::answer::Answer;
use crate::app::App;
use crate::cluster::Cluster;
use crate::task::{self, Task};

/// What answers requests for one target.
pub(crate) type Route = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// All answers of a server.
#[derive(Default)]
pub(crate) struct Routes(HashMap<String, Route>);

impl Routes {
    /// Those of a cluster.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let mut routes = Self::default();
        cluster.apps.iter().for_each(|app| routes.run(app));
        routes.run_tasks(&cluster.tasks);
        routes
    }

    /// What answers this target.
    pub(crate) fn find(&self, target: &str) -> Option<Route> {
        self.0.get(target).cloned()
    }

    pub(crate) fn serve(&mut self, target: &str, route: Route) {
        self.0.insert(target.to_string(), route);
    }

    pub(crate) fn run(&mut self, app: &App) {
        for (target, answer) in app.answers() {
            let only_get = move |request: &Request| match request.method.as_str() {
                "GET" => answer.clone(),
                _ => Answer::status(405),
            };
            self.serve(&target, Arc::new(only_get));
        }
    }

    pub(crate) fn run_tasks(&mut self, tasks: &[Task]) {
        let answer = task::answer(tasks);
        let only_tasks = move |request: &Request| match task::asks_for_tasks(request) {
            true => answer.clone(),
            false => Answer::status(400),
        };
        self.serve(task::TARGET, Arc::new(only_tasks));
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
