//! Marathon and Mesos where they redirect, want a password, have a certificate, or are dead; and equal questions to them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use secretary_daemon::cluster::{Cluster, Sources};
use secretary_daemon::form::Fields;
use secretary_daemon::refusal::{Refusal, Upstream};
use secretary_daemon::upstream::Settings;
use secretary_test_cluster::{Answer, App as MarathonApp, Server, Task};

use crate::support::{App, Daemon, Fake, Reply, Setup, VERSION, World};

/// Apps that run on a cluster, and no daemon yet.
struct Scene {
    world: World,
    server: Server,
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let (world, server) = (World::new(), Server::start());
        for app in &world.apps {
            server.run(&described(app));
        }
        let folder = tempfile::tempdir().expect("a folder");
        Self { world, server, folder }
    }

    fn app(&self) -> &App {
        &self.world.apps[0]
    }

    /// A Marathon at these URLs.
    fn marathon(&self, urls: &[&str]) -> Settings {
        Settings {
            urls: urls.iter().map(|url| url.to_string()).collect(),
            auth_file: None,
            ca_file: None,
            timeout: Duration::from_secs(2),
            max_answer: 1 << 20,
        }
    }

    /// The URL of the cluster, which behaves as `settings` say.
    fn url(&self, settings: &str) -> String {
        format!("{}{settings}", self.server.url())
    }

    /// The same by another name of the host, which is another host.
    fn url_by_name(&self, settings: &str) -> String {
        format!("http://localhost:{}{settings}", self.server.address().port())
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("file");
        std::fs::write(&path, text).expect("room");
        path
    }

    async fn daemon(&self, marathon: Settings) -> Daemon {
        let sources = Sources { marathon: Some(marathon), ..Sources::default() };
        self.world.daemon_with(Setup { sources: Some(sources), ..Setup::default() }).await
    }

    /// What a daemon that asks this Marathon answers about the first secret.
    async fn ask(&self, marathon: Settings) -> Outcome {
        let daemon = self.daemon(marathon).await;
        ask(&daemon, self.app()).await
    }
}

/// Nothing, or the sentence of a refusal.
type Outcome = Result<(), String>;

fn refused(refusal: Refusal) -> Outcome {
    Err(refusal.to_string())
}

async fn ask(daemon: &Daemon, app: &App) -> Outcome {
    outcome(&daemon.post(app.form(&app.message(&app.secrets[0], ""))).await)
}

fn outcome(reply: &Reply) -> Outcome {
    let text = String::from_utf8_lossy(&reply.body);
    assert!(!text.contains(secretary_test_cluster::CANARY), "{text}");
    if reply.status == 200 { Ok(()) } else { Err(text.trim_end().to_string()) }
}

fn described(app: &App) -> MarathonApp {
    let key = |key: &secretary_envelope::SecretKey| key.public_key().to_pem().to_string();
    let mut described = MarathonApp::new(&app.id, VERSION)
        .task(&app.task)
        .env("DEPLOY_PUBLIC_KEY", key(&app.deploy));
    if let Some(service) = &app.service {
        described = described.env("SERVICE_PUBLIC_KEY", key(service));
    }
    let secrets = app.secrets.iter();
    secrets.fold(described, |app, secret| app.env(&secret.key, secret.token.clone()))
}

const REDIRECTED: Refusal = Refusal::Redirect(Upstream::Marathon);
const UNREACHABLE: Refusal = Refusal::Unreachable(Upstream::Marathon);

#[tokio::test]
async fn a_redirect_leads_to_a_configured_url_or_nowhere() {
    let scene = Scene::new();
    for status in ["", "-301", "-303", "-307", "-308"] {
        let (same, away) =
            (format!("/redirect{status}"), format!("/redirect-away{status}/run-{status}"));
        assert_eq!(scene.ask(scene.marathon(&[&scene.url(&same)])).await, Ok(()));
        let elsewhere = scene.url(&away);
        scene.server.reset();
        assert_eq!(scene.ask(scene.marathon(&[&elsewhere])).await, refused(REDIRECTED));
        // Of the two questions the first was asked, and that where it was to be asked.
        let hosts: Vec<_> =
            scene.server.requests().iter().map(|it| it.header("host").to_string()).collect();
        assert_eq!(hosts, [scene.server.address().to_string()]);
        let both = scene.marathon(&[&elsewhere, &scene.url_by_name("/")]);
        assert_eq!(scene.ask(both).await, Ok(()));
    }
}

#[tokio::test]
async fn a_redirect_to_what_is_like_a_configured_url_leads_nowhere() {
    let scene = Scene::new();
    let (id, port) = (&scene.app().id, scene.server.address().port());
    let target = format!("/v2/apps{id}?embed=apps.tasks");
    for (location, expected) in [
        // It does not end.
        (target.clone(), refused(REDIRECTED)),
        (format!("http://127.0.0.1:{port}{target}"), refused(REDIRECTED)),
        (String::new(), refused(REDIRECTED)),
        ("http://".to_string(), refused(REDIRECTED)),
        (format!("https://127.0.0.1:{port}{target}"), refused(REDIRECTED)),
        (format!("//localhost:{port}{target}"), refused(REDIRECTED)),
        (format!("http://127.0.0.1:{port}@localhost:{port}{target}"), refused(REDIRECTED)),
        (format!("http://127.0.0.1.localhost:{port}{target}"), refused(REDIRECTED)),
        ("http://127.0.0.1:1/".to_string(), refused(REDIRECTED)),
        (format!("file://127.0.0.1:{port}/etc/passwd"), refused(REDIRECTED)),
        // To the same one about something else.
        ("/v2/info".to_string(), refused(Refusal::Status(Upstream::Marathon, 404))),
        (
            format!("/v2/apps{}?embed=apps.tasks", scene.world.apps[1].id),
            refused(Refusal::OtherApp(Upstream::Marathon)),
        ),
    ] {
        scene.server.serve(&target, Answer::redirect(302, location.clone()));
        assert_eq!(scene.ask(scene.marathon(&[&scene.url("")])).await, expected, "{location}");
    }
    scene.server.serve(&target, Answer::status(302));
    assert_eq!(scene.ask(scene.marathon(&[&scene.url("")])).await, refused(REDIRECTED));
}

#[tokio::test]
async fn a_mesos_master_that_does_not_lead_names_the_one_that_does() {
    let scene = Scene::new();
    let app = scene.app();
    let key = |key: &secretary_envelope::SecretKey| key.public_key().to_pem().to_string();
    let service = app.service.as_ref().expect("it has one");
    scene.server.run_tasks(&[Task::new(&app.task)
        .label("DEPLOY_PUBLIC_KEY", &key(&app.deploy))
        .label("SERVICE_PUBLIC_KEY", &key(service))
        .label("ALLOWED_SECRETS_VARS", "SECRET_0")]);
    let master = scene.url("/redirect-away-307");
    for (urls, expected) in [
        (vec![master.as_str()], refused(Refusal::Redirect(Upstream::Mesos))),
        (vec![&master, &scene.url_by_name("")], Ok(())),
    ] {
        let sources = Sources { mesos: Some(scene.marathon(&urls)), ..Sources::default() };
        let setup = Setup { sources: Some(sources), ..Setup::default() };
        let daemon = scene.world.daemon_with(setup).await;
        let form = app.form(&app.message(&app.secrets[0], ""));
        let form = String::from_utf8(form).expect("text").replace("appversion=2", "x=2");
        assert_eq!(outcome(&daemon.post(form).await), expected);
    }
}

#[tokio::test]
async fn a_user_and_a_password_or_a_token_are_shown_to_the_orchestrator() {
    let scene = Scene::new();
    let host = scene.server.address();
    let no = || refused(Refusal::Status(Upstream::Marathon, 401));
    for (settings, auth, expected) in [
        ("needs-basic-user-pa:ss", Some("basic user:pa:ss\n"), Ok(())),
        ("needs-basic-user-pass", Some("Basic  user:pass"), Ok(())),
        ("needs-basic-user-pass", Some("basic user:other"), no()),
        ("needs-basic-user-pass", Some("bearer dXNlcjpwYXNz"), no()),
        ("needs-basic-user-pass", None, no()),
        ("needs-bearer-abc.def", Some("bearer abc.def\n"), Ok(())),
        ("needs-bearer-abc.def", Some("BEARER abc.def"), Ok(())),
        ("needs-bearer-abc.def", Some("bearer abc.de"), no()),
    ] {
        let auth_file = auth.map(|text| scene.file(text));
        let url = scene.url(&format!("/{settings}"));
        let marathon = Settings { auth_file, ..scene.marathon(&[&url]) };
        assert_eq!(scene.ask(marathon).await, expected, "{settings} {auth:?}");
    }
    let in_url = |user: &str| format!("http://{user}@{host}/needs-basic-user-p%40ss");
    let needs = format!("http://user:p%40ss@{host}/needs-basic-user-p@ss");
    assert_eq!(scene.ask(scene.marathon(&[&needs])).await, Ok(()));
    assert_eq!(scene.ask(scene.marathon(&[&in_url("user:other")])).await, no());
}

#[tokio::test]
async fn of_a_password_in_the_url_and_one_in_a_file_the_latter_is_shown() {
    let (scene, fake) = (Scene::new(), Fake::start().await);
    let url = format!("http://user:other@{}", fake.address());
    let auth_file = Some(scene.file("basic user:pass"));
    for (auth_file, expected) in [(None, "user:other"), (auth_file, "user:pass")] {
        fake.forget();
        let marathon = Settings { auth_file, ..scene.marathon(&[&url]) };
        let no_app = refused(Refusal::Status(Upstream::Marathon, 404));
        assert_eq!(scene.ask(marathon).await, no_app);
        let path = format!("/v2/apps{}?embed=apps.tasks", scene.app().id);
        let head = fake.received(&path).pop().expect("a question").head;
        let shown: Vec<_> =
            head.lines().filter_map(|line| line.strip_prefix("authorization: ")).collect();
        let expected = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, expected);
        assert_eq!(shown, [format!("Basic {expected}")]);
    }
}

#[tokio::test]
async fn the_password_is_read_again_and_a_bad_one_is_not() {
    let scene = Scene::new();
    let url = scene.url("/needs-bearer-second");
    let marathon =
        Settings { auth_file: Some(scene.file("bearer first")), ..scene.marathon(&[&url]) };
    let daemon = scene.daemon(marathon).await;
    let no = || refused(Refusal::Status(Upstream::Marathon, 401));
    assert_eq!(ask(&daemon, scene.app()).await, no());
    scene.file("bearer second");
    assert_eq!(ask(&daemon, scene.app()).await, no(), "nobody has said so yet");
    let reload = |cluster: &Cluster| cluster.reload().len();
    assert_eq!(reload(daemon.service.cluster()), 0);
    assert_eq!(ask(&daemon, scene.app()).await, Ok(()));
    for bad in ["", "second", "digest second", "basic second", "bearer ", "bearer a\u{7f}b"] {
        scene.file(bad);
        assert_eq!(reload(daemon.service.cluster()), 1, "{bad:?}");
    }
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(ask(&daemon, scene.app()).await, Ok(()), "the one before stays");
}

/// Something that speaks TLS with a certificate for this name, before the cluster. Answers its port and the certificate
/// of who signed.
async fn tls_before(scene: &Scene, name: &str) -> (u16, String) {
    let mut params = rcgen::CertificateParams::new([]).expect("no names are good names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = || rcgen::KeyPair::generate().expect("random bytes");
    let authority = rcgen::CertifiedIssuer::self_signed(params, key()).expect("a key that signs");
    let params = rcgen::CertificateParams::new([name.to_string()]).expect("a name");
    let key = key();
    let certificate = params.signed_by(&key, &authority).expect("a key that signs");
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that rustls has")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a certificate and its key");
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (port, to) = (listener.local_addr().expect("it is bound").port(), scene.server.address());
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut near = acceptor.accept(near).await?;
                let mut far = tokio::net::TcpStream::connect(to).await?;
                tokio::io::copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    (port, authority.pem())
}

#[tokio::test]
async fn an_upstream_is_who_its_certificate_says_if_somebody_trusted_signed_that() {
    let scene = Scene::new();
    let (port, pem) = tls_before(&scene, "127.0.0.1").await;
    let (other_port, other_pem) = tls_before(&scene, "127.0.0.2").await;
    let trusting = |port: u16, ca_file: Option<&Path>| Settings {
        ca_file: ca_file.map(Path::to_path_buf),
        ..scene.marathon(&[&format!("https://127.0.0.1:{port}")])
    };
    // The system's certificates may be none at all; nothing is trusted then either.
    let system = Sources { marathon: Some(trusting(port, None)), ..Sources::default() };
    let quiet: secretary_daemon::upstream::Log = std::sync::Arc::new(|_| {});
    let metrics = std::sync::Arc::new(secretary_daemon::metrics::Metrics::new("test"));
    if Cluster::new(system, &metrics, &quiet).is_ok() {
        assert_eq!(scene.ask(trusting(port, None)).await, refused(UNREACHABLE));
    }
    let file = scene.file(&pem);
    assert_eq!(scene.ask(trusting(port, Some(&file))).await, Ok(()));
    let file = scene.file(&other_pem);
    assert_eq!(scene.ask(trusting(port, Some(&file))).await, refused(UNREACHABLE));
    assert_eq!(
        scene.ask(trusting(other_port, Some(&file))).await,
        refused(UNREACHABLE),
        "another name"
    );
}

#[tokio::test]
async fn a_dead_upstream_is_given_up_in_time_and_keeps_nobody_else() {
    let scene = Scene::new();
    let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let dead = format!("http://{}", unused.local_addr().expect("it is bound"));
    // Connections to it are made, and nothing more; a port that was given up refuses them.
    let closed = {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", unused.local_addr().expect("it is bound"))
    };
    for (urls, seconds, expected) in [
        (vec![closed.as_str()], 0, refused(UNREACHABLE)),
        (vec![&dead], 2, refused(UNREACHABLE)),
        (vec![&scene.url("/hang")], 2, refused(UNREACHABLE)),
        (vec![&scene.url("/latency-60000")], 2, refused(UNREACHABLE)),
        (vec![&scene.url("/slow-body")], 2, refused(UNREACHABLE)),
        (vec![&scene.url("/half-open")], 2, refused(UNREACHABLE)),
        (vec![&scene.url("/close")], 0, refused(UNREACHABLE)),
        (vec![&scene.url("/truncate")], 0, refused(UNREACHABLE)),
        (vec![&scene.url("/not-http")], 0, refused(UNREACHABLE)),
        (vec![&scene.url("/huge")], 0, refused(Refusal::LargeAnswer(Upstream::Marathon))),
        // The next one is asked when there is no connection, or no answer in a part of the time.
        (vec![&closed, &scene.url("")], 0, Ok(())),
        (vec![&dead, &scene.url("")], 1, Ok(())),
        (vec![&dead, &closed], 1, refused(UNREACHABLE)),
    ] {
        // Each question has its time, and only the first of the two is asked when that fails.
        let daemon = scene.daemon(scene.marathon(&urls)).await;
        let begun = Instant::now();
        assert_eq!(ask(&daemon, scene.app()).await, expected, "{urls:?}");
        let took = begun.elapsed().as_secs_f64();
        let questions = if expected.is_ok() { 2.0 } else { 1.0 };
        let seconds = f64::from(seconds) * questions;
        assert!((seconds - 0.1..seconds + 0.9).contains(&took), "{urls:?}: {took} s");
    }
    drop(unused);
}

/// A hundred containers of one app, which start at once.
#[tokio::test]
async fn a_hundred_clients_are_two_questions() {
    let scene = Scene::new();
    let daemon = scene.daemon(scene.marathon(&[&scene.url("/latency-50")])).await;
    let app = scene.app();
    let clients: Vec<_> = (0..100).map(|_| app.client(&daemon.url())).collect();
    let asked = app.asked(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let all = clients.iter().map(|client| client.open_all(&asked));
    for answered in futures_util::future::join_all(all).await {
        let secrets = answered.expect("an answer").secrets;
        for (secret, sealed) in secrets.iter().zip(&app.secrets) {
            assert!(secret.as_ref().is_ok_and(|it| it.expose() == sealed.plaintext));
        }
    }
    assert_eq!(ask(&daemon, app).await, Ok(()));
    assert_eq!(scene.server.requests().len(), 2);
    // And again when what is known is too old.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(ask(&daemon, app).await, Ok(()));
    assert_eq!(scene.server.requests().len(), 4);
}

#[tokio::test]
async fn what_went_wrong_is_asked_again_by_the_next_who_comes() {
    let scene = Scene::new();
    let url = scene.url("/status-500-first-3");
    let daemon = scene.daemon(scene.marathon(&[&url])).await;
    for _ in 0..3 {
        let failed = refused(Refusal::Status(Upstream::Marathon, 500));
        assert_eq!(ask(&daemon, scene.app()).await, failed);
    }
    assert_eq!(ask(&daemon, scene.app()).await, Ok(()));
    assert_eq!(scene.server.requests().len(), 5);
}

/// A task that has just started is not told no because of what Marathon said before.
#[tokio::test]
async fn a_no_by_an_answer_from_before_is_no_answer() {
    let scene = Scene::new();
    let daemon = scene.daemon(scene.marathon(&[&scene.url("")])).await;
    let app = scene.app();
    scene.server.run(&MarathonApp::new(&app.id, VERSION).task("another.1"));
    assert!(ask(&daemon, app).await.is_err());
    scene.server.run(&described(app));
    assert_eq!(ask(&daemon, app).await, Ok(()));
    // The app twice, and its version once.
    assert_eq!(scene.server.requests().len(), 3);
}

/// Anybody can claim to be a new app each time. There is room left for those who proved who they are.
#[tokio::test]
async fn strangers_do_not_keep_an_app_from_being_asked_about() {
    let scene = Scene::new();
    let daemon = scene.daemon(scene.marathon(&[&scene.url("/latency-400")])).await;
    let app = scene.app();
    assert_eq!(ask(&daemon, app).await, Ok(()));
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let post = daemon.poster();
    let strangers: Vec<_> = (0..200)
        .map(|number| Fields {
            appid: format!("/stranger/{number}"),
            appversion: VERSION.to_string(),
            taskid: app.task.clone(),
            envelope: app.secrets[0].token.clone(),
        })
        .map(|stranger| tokio::spawn(post(stranger.to_body().into_bytes())))
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    assert_eq!(ask(&daemon, app).await, Ok(()));
    assert!(begun.elapsed() < Duration::from_millis(1200), "two questions of 400 ms");
    let mut busy = 0;
    for stranger in strangers {
        let reply = stranger.await.expect("it is answered");
        busy += usize::from(outcome(&reply) == refused(Refusal::Busy(Upstream::Marathon)));
    }
    assert!(busy > 0, "there were more strangers than could be asked about");
}
