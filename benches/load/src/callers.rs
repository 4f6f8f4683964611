//! Clients that ask a daemon as containers do: by the client of the program, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use secretary_daemon::client::{Answers, Asked, Client, Settings};
use secretary_envelope::{PublicKey, Token};

use crate::daemon::{Daemon, Transport};
use crate::measure::Worker;
use crate::scene::{Scene, Sealed, Workload};

/// What a client does again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Opens one secret over the connection that it has.
    One,
    /// Opens one secret over a new connection.
    OneAnew,
    /// Opens a hundred secrets with one request.
    Hundred,
}

/// How many apps clients are of that are not each of their own.
const FEW: usize = 64;

/// A client of one workload.
pub struct Caller {
    settings: Settings,
    workload: Arc<Workload>,
    master: PublicKey,
    client: Client,
    work: Work,
}

impl Caller {
    /// A client of `workload` that asks `daemon`.
    pub fn new(scene: &Scene, daemon: &Daemon, workload: &Arc<Workload>, work: Work) -> Self {
        let settings = Settings {
            url: daemon.url(),
            app_id: workload.app.clone().unwrap_or_default(),
            app_version: workload.version().to_string(),
            task_id: workload.task.clone(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            ca_file: (daemon.transport() == Transport::Tls).then(|| scene.path("ca.pem")),
            identity: None,
            answers: Answers::Bound,
        };
        let (workload, master) = (workload.clone(), scene.master());
        let client = connect(&settings, &workload, &master);
        Self { settings, workload, master, client, work }
    }

    /// So many clients, evenly of a few apps.
    pub fn many(scene: &Scene, daemon: &Daemon, count: usize, work: Work) -> Vec<Self> {
        let apps = scene.apps[..FEW].iter().cycle().take(count);
        apps.map(|app| Self::new(scene, daemon, app, work)).collect()
    }
}

impl Worker for Caller {
    async fn work(&mut self, number: usize) -> Result<(), String> {
        let secrets = &self.workload.secrets;
        let one = std::slice::from_ref(&secrets[number % secrets.len()]);
        match self.work {
            Work::One => open(&self.client, one).await,
            Work::OneAnew => {
                open(&connect(&self.settings, &self.workload, &self.master), one).await
            }
            Work::Hundred => open(&self.client, secrets).await,
        }
    }
}

fn connect(settings: &Settings, workload: &Workload, master: &PublicKey) -> Client {
    let client = Client::new(settings.clone(), &workload.deploy, Some(&workload.service), master);
    client.expect("a good URL and good keys")
}

async fn open(client: &Client, secrets: &[Sealed]) -> Result<(), String> {
    let asked = secrets.iter().map(|secret| Asked {
        key: &secret.name,
        token: Token::parse(secret.token.as_bytes()).expect("it was sealed as a token"),
    });
    let asked: Vec<_> = asked.collect();
    let answered = client.open_all(&asked).await.map_err(|cause| cause.to_string())?;
    for (sealed, opened) in secrets.iter().zip(&answered.secrets) {
        let opened = opened.as_ref().map_err(ToString::to_string)?;
        if opened.expose() != sealed.plaintext.as_bytes() {
            return Err(format!("{} has another plaintext", sealed.name));
        }
    }
    if answered.secrets.len() == secrets.len() { Ok(()) } else { Err("too few secrets".into()) }
}
