//! A Marathon and a Mesos master for tests, which fail as they are told to.
//!
//! | module | what it knows |
//! |---|---|
//! | [`cluster`] | what runs: a list of apps and tasks, as a file has it |
//! | [`app`], [`task`] | an app as Marathon describes it, a task as a Mesos master does |
//! | [`answer`] | one answer, and how it is sent |
//! | [`settings`] | what the start of a path asks for |
//! | [`connection`] | one connection: its requests, and what of them is remembered |
//! | [`routes`] | which answer belongs to which target |
//! | [`bomb`] | a small answer that unpacks to a large one |
//!
//! ```no_run
//! # use secretary_test_cluster::{App, Server, Task};
//! let server = Server::start();
//! server.run(&App::new("/demo", "2015-12-04T12:25:08.426Z").task("demo.1").env("A", "ENC[NACL,..]"));
//! server.run_tasks(&[Task::new("job.1").label("DEPLOY_PUBLIC_KEY", "..")]);
//! ```
//!
//! Both are one server: `GET /v2/apps/..` is Marathon, `POST /api/v1` is the Mesos master. It can also
//! answer what it was given for a target, byte by byte ([`Server::serve`]), and so play anything else.
//!
//! # Settings
//!
//! A URL's path before the API's own says how the server behaves to whoever uses that URL:
//! `http://127.0.0.1:PORT/latency-50/half-open`. Each segment is a setting:
//!
//! | setting | what it does |
//! |---|---|
//! | `latency-MS` | answers so many milliseconds later |
//! | `truncate`, `half-open`, `close`, `hang`, `huge`, `slow-body`, `not-http` | half a body and closed; half a body and no more; no answer and closed; no answer; no end; a byte each 100 ms; no HTTP |
//! | `status-N`, `html-500` | always this status; a proxy's page |
//! | `garbage`, `gzip-bomb` | 200 and no JSON; 200 and 64 MiB in a few hundred KiB |
//! | `redirect`, `redirect-N` | 302, or N, to the same target without the settings |
//! | `redirect-away`, `redirect-away-N` | the same at `localhost`, which is another host to whoever came to 127.0.0.1 |
//! | each of these but `latency-MS` with `-first-N` | only for the first N requests with these settings |
//! | `needs-basic-USER-PASSWORD`, `needs-bearer-TOKEN` | 401 without these credentials |
//! | `run-NAME` | nothing; other settings, to count in |
//!
//! A segment that is none of these begins the target. `GET /requests` answers all requests so far as
//! JSON, `GET /asked` each as a line, `POST /reset` forgets them, `PUT /cluster` replaces what runs.

// The modules are named above and are nobody's interface.
#![allow(rustdoc::private_intra_doc_links)]

mod answer;
mod app;
mod bomb;
mod cluster;
mod connection;
mod routes;
mod settings;
mod task;

use std::net::SocketAddr;
use std::sync::Arc;

pub use secretary_test_kms::http::{CANARY, Request};
use secretary_test_kms::listener::Listener;
pub use secretary_test_kms::wire::Wire;

pub use crate::answer::Answer;
pub use crate::app::App;
pub use crate::cluster::Cluster;
use crate::connection::Shared;
use crate::routes::Routes;
pub use crate::task::Task;

/// A server on a port of its own, which stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    shared: Arc<Shared>,
}

impl Server {
    /// Starts a server on 127.0.0.1, on whose cluster nothing runs.
    ///
    /// # Panics
    ///
    /// If the system has no port left.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let serve = {
            let shared = shared.clone();
            move |stream| shared.serve(stream)
        };
        let server =
            Self { listener: Listener::start(serve).expect("a port on 127.0.0.1"), shared };
        server.replace(&Cluster::default());
        server
    }

    /// `http://127.0.0.1:PORT`, to which `/` and settings can be added.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// All requests so far, in their order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// Forgets all requests, and how many there were with the same settings.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Answers requests for exactly this target, as it is on the wire after the settings, with this; a
    /// later answer takes the place of an earlier one.
    pub fn serve(&self, target: &str, answer: Answer) {
        self.serve_with(target, move |_| answer.clone());
    }

    /// The same with an answer that depends on the request.
    pub fn serve_with(
        &self,
        target: &str,
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) {
        self.shared.routes().serve(target, Arc::new(answer));
    }

    /// Marathon knows this app, in this version; of two with the same id it answers the later one.
    pub fn run(&self, app: &App) {
        self.shared.routes().run(app);
    }

    /// The Mesos master knows these tasks and no others.
    pub fn run_tasks(&self, tasks: &[Task]) {
        self.shared.routes().run_tasks(tasks);
    }

    /// Forgets every answer it was given and runs this cluster.
    pub fn replace(&self, cluster: &Cluster) {
        *self.shared.routes() = Routes::of(cluster);
    }
}
