//! Workloads, their keys and secrets, and the daemon that knows them.

use std::fmt::Write as _;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use secretary_access::audit::AuditLog;
use secretary_daemon::audit::Audit;
use secretary_daemon::channel::Channel;
use secretary_daemon::client::{Answers, Asked, Client, Settings};
use secretary_daemon::cluster::{Cluster, Sources};
use secretary_daemon::form::Fields;
use secretary_daemon::key_service::{KeyService, KeyServiceError};
use secretary_daemon::metrics::Metrics;
use secretary_daemon::rate::Rates;
use secretary_daemon::server::Public;
use secretary_daemon::service::{Demands, Fresh, Keys, Service};
use secretary_daemon::workload::TokenList;
use secretary_envelope::{DataKey, NaclBox, SecretKey, Token, WrappedKey};
use secretary_secret::Secret;
use secretary_serve::{Drain, Limits, Listener};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::fake::Reply;

pub(crate) const VERSION: &str = "2015-12-04T12:25:08.426Z";

/// A key service that there is none of.
pub(crate) struct NoKms;

impl KeyService for NoKms {
    async fn unwrap_all(&self, keys: &[WrappedKey]) -> Vec<Result<DataKey, KeyServiceError>> {
        keys.iter().map(|_| Err(KeyServiceError::NotBuiltIn)).collect()
    }
}

/// Apps, and the keys of the daemon that opens their secrets.
pub(crate) struct World {
    pub(crate) master: SecretKey,
    config: SecretKey,
    pub(crate) apps: Vec<App>,
    folder: TempDir,
}

/// A workload.
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) task: String,
    pub(crate) deploy: SecretKey,
    pub(crate) service: Option<SecretKey>,
    pub(crate) secrets: Vec<Sealed>,
    master: SecretKey,
}

/// A secret of one.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) key: String,
    pub(crate) token: String,
    pub(crate) plaintext: Vec<u8>,
}

/// How a daemon differs from the usual one.
pub(crate) struct Setup {
    pub(crate) fresh: Fresh,
    pub(crate) connections: usize,
    pub(crate) per_second: u32,
    /// The file with all apps, if nobody else is to be asked.
    pub(crate) sources: Option<Sources>,
    pub(crate) audit: Box<dyn Write + Send>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            fresh: Fresh::Optional,
            connections: 10_000,
            per_second: u32::MAX,
            sources: None,
            audit: Box::new(std::io::sink()),
        }
    }
}

/// A daemon that listens. It ends when this is dropped.
pub(crate) struct Daemon {
    pub(crate) address: SocketAddr,
    pub(crate) service: Arc<Service<NoKms>>,
    pub(crate) metrics: Arc<Metrics>,
    http: reqwest::Client,
    serving: JoinHandle<()>,
    drain: Option<Drain>,
}

impl World {
    /// Two apps, the first of which has a service key, and a third with the keys and the rights of the first. The secrets of each are
    /// as long as those of the others: several of 24 bytes, and one each of 0, 1, 25 and 300.
    pub(crate) fn new() -> Self {
        let [master, config, deploy, service, other] = [(); 5].map(|()| key());
        let mut world = Self {
            master,
            config,
            apps: Vec::new(),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let twin = (deploy.copy(), service.copy());
        world.add("/shop/web", deploy, Some(service));
        world.add("/shop/api", other, None);
        world.add("/shop/twin", twin.0, Some(twin.1));
        world
    }

    fn add(&mut self, id: &str, deploy: SecretKey, service: Option<SecretKey>) {
        let number = self.apps.len();
        let secrets = [24, 24, 24, 24, 25, 300, 1, 0].into_iter().enumerate();
        let secrets = secrets.map(|(n, len)| {
            let plaintext = plaintext(&format!("plaintext-{number}-{n}-"), len);
            self.seal(&format!("SECRET_{n}"), &plaintext)
        });
        let secrets = secrets.collect();
        let task = format!("{}.{number}", id.replace('/', "_"));
        let master = self.master.copy();
        self.apps.push(App { id: id.to_string(), task, deploy, service, secrets, master });
    }

    /// What tokens are sealed with, and opened.
    pub(crate) fn tokens(&self) -> NaclBox {
        NaclBox::agree(&self.config, &self.master.public_key()).expect("a good key")
    }

    /// A token of the config key.
    pub(crate) fn seal(&self, key: &str, plaintext: &[u8]) -> Sealed {
        let token = self.tokens().seal(&Secret::from(plaintext)).expect("random bytes");
        Sealed { key: key.to_string(), token, plaintext: plaintext.to_vec() }
    }

    /// All apps, as a file of workloads has them.
    fn workloads(&self) -> String {
        let mut text = String::new();
        for app in &self.apps {
            let key = |key: &SecretKey| format!("{:?}", *key.public_key().to_pem());
            // Apps with the same keys may have each other's, so that nothing but who asks keeps them apart.
            let alike = self.apps.iter().filter(|other| other.deploy.is(&app.deploy));
            let secrets = alike.flat_map(|app| &app.secrets);
            let tokens: Vec<_> = secrets.map(|secret| &secret.token).collect();
            let (id, task) = (&app.id, &app.task);
            let _ = writeln!(
                text,
                "[[workload]]\napp = {id:?}\ntask = {task:?}\nversion = {VERSION:?}"
            );
            let _ = writeln!(text, "deploy_public_key = {}", key(&app.deploy));
            if let Some(service) = &app.service {
                let _ = writeln!(text, "service_public_key = {}", key(service));
            }
            let _ = writeln!(text, "secrets = {tokens:?}");
        }
        text
    }

    /// A daemon as usual.
    pub(crate) async fn daemon(&self) -> Daemon {
        self.daemon_with(Setup::default()).await
    }

    /// A daemon that differs from it.
    pub(crate) async fn daemon_with(&self, setup: Setup) -> Daemon {
        let metrics = Arc::new(Metrics::new("test"));
        let service = Arc::new(self.service(
            setup.fresh,
            setup.per_second,
            setup.sources,
            setup.audit,
            &metrics,
        ));
        let listener = Listener::bind("127.0.0.1:0".parse().expect("an address")).await;
        let listener = listener.expect("a port");
        let address = listener.address();
        let routes = Arc::new(Public::new(service.clone(), metrics.clone(), "test", "test"));
        let (drain, drained) = Drain::new();
        let limits = Limits { connections: setup.connections };
        let serving = tokio::spawn(listener.serve(routes, None, limits, metrics.clone(), drained));
        let http = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(no_tls());
        let http = http.build().expect("nothing to fail");
        Daemon { address, service, metrics, http, serving, drain: Some(drain) }
    }

    fn service(
        &self,
        fresh: Fresh,
        per_second: u32,
        sources: Option<Sources>,
        audit: Box<dyn Write + Send>,
        metrics: &Arc<Metrics>,
    ) -> Service<NoKms> {
        let sources = sources.unwrap_or_else(|| {
            let path = self.folder.path().join("workloads.toml");
            std::fs::write(&path, self.workloads()).expect("room");
            Sources { workloads: Some(path), ..Sources::default() }
        });
        let keys =
            Keys { masters: vec![self.master.copy()], config: Some(self.config.public_key()) };
        let quiet: secretary_daemon::upstream::Log = Arc::new(|_| {});
        let cluster = Cluster::new(sources, metrics, &quiet).expect("good sources");
        let log = Arc::new(AuditLog::to_writer(audit, "test").expect("its first line"));
        let rate = NonZeroU32::new(per_second).expect("not zero");
        let rates = Rates::new(rate, rate.max(NonZeroU32::new(1024).expect("not zero")), 1000);
        let demands = Demands { token_list: TokenList::Optional, fresh };
        let audit = Audit::new(log, metrics.clone(), Arc::new(|_| {}));
        Service::new(keys, NoKms, cluster, demands, rates, audit, metrics.clone())
    }
}

impl App {
    /// A client that asks the daemon at `url`.
    pub(crate) fn client(&self, url: &str) -> Client {
        self.client_with(self.settings(url))
    }

    pub(crate) fn client_with(&self, settings: Settings) -> Client {
        let master = self.master.public_key();
        Client::new(settings, &self.deploy, self.service.as_ref(), &master).expect("good keys")
    }

    pub(crate) fn settings(&self, url: &str) -> Settings {
        Settings {
            url: url.to_string(),
            app_id: self.id.clone(),
            app_version: VERSION.to_string(),
            task_id: self.task.clone(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            ca_file: None,
            identity: None,
            answers: Answers::BoundOrOld,
        }
    }

    /// The app's end of its channel with the master.
    pub(crate) fn channel(&self) -> Channel {
        let master = self.master.public_key();
        Channel::of_workload(&self.deploy, self.service.as_ref(), &master).expect("good keys")
    }

    /// What is asked for of the daemon.
    pub(crate) fn asked(&self, numbers: &[usize]) -> Vec<Asked<'_>> {
        numbers.iter().map(|&n| self.secrets[n].asked()).collect()
    }

    /// A form with this message in the envelope.
    pub(crate) fn form(&self, message: &str) -> Vec<u8> {
        let message = Secret::from(message.as_bytes());
        let envelope = self.channel().seal(&message).expect("random bytes");
        self.form_around(&envelope)
    }

    /// A form with this envelope.
    pub(crate) fn form_around(&self, envelope: &str) -> Vec<u8> {
        let fields = Fields {
            appid: self.id.clone(),
            appversion: VERSION.to_string(),
            taskid: self.task.clone(),
            envelope: envelope.to_string(),
        };
        fields.to_body().into_bytes()
    }

    /// The request for one secret, with `more` members, each with a comma before it.
    pub(crate) fn message(&self, secret: &Sealed, more: &str) -> String {
        let (id, task, Sealed { key, token, .. }) = (&self.id, &self.task, secret);
        format!(
            r#"{{"AppID":"{id}","AppVersion":"{VERSION}","TaskID":"{task}","RequestedSecret":"{token}","Key":"{key}"{more}}}"#
        )
    }

    /// What an answer says in its innermost box.
    pub(crate) fn open(&self, answer: &[u8]) -> serde_json::Value {
        let message = self.channel().open(answer).expect("the app's own channel");
        serde_json::from_slice(message.expose()).expect("JSON")
    }
}

impl Sealed {
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked { key: &self.key, token: Token::parse(self.token.as_bytes()).expect("a token") }
    }
}

impl Daemon {
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Posts `body` as a form.
    pub(crate) async fn post(&self, body: impl Into<Vec<u8>>) -> Reply {
        post(&self.http, self.address, body.into()).await
    }

    /// What posts a form, as often as somebody likes.
    pub(crate) fn poster(
        &self,
    ) -> impl Fn(Vec<u8>) -> futures_util::future::BoxFuture<'static, Reply> + Clone + use<> {
        let (http, address) = (self.http.clone(), self.address);
        move |body| {
            let http = http.clone();
            Box::pin(async move { post(&http, address, body).await })
        }
    }

    /// Ends it, and waits for its connections.
    pub(crate) async fn end(mut self) {
        drop(self.drain.take());
        (&mut self.serving).await.expect("no panic");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn post(http: &reqwest::Client, address: SocketAddr, body: Vec<u8>) -> Reply {
    let request = http
        .post(format!("http://{address}/v1/decrypt"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    Reply::new(status, answer.bytes().await.expect("a body"))
}

/// A configuration for a client that is never to speak TLS.
fn no_tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that rustls has")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn key() -> SecretKey {
    SecretKey::generate().expect("random bytes")
}

/// Bytes that begin so, or with as much of it as there is room for, and are found nowhere else.
fn plaintext(start: &str, len: usize) -> Vec<u8> {
    start.bytes().chain(b"0123456789".iter().copied().cycle()).take(len).collect()
}
