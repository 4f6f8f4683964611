//! Keys of Kubernetes secrets from a server over TLS that fails as it is told to.
#![cfg(feature = "kubernetes")]

use std::time::{Duration, Instant};

use secretary_agent::kubernetes::{Client, KeyName, KubernetesError, Settings};
use secretary_test_kubernetes::{CANARY, Certificate, Fault, Server, TOKEN};
use secretary_transport::Obstacle;
use tempfile::TempDir;

/// A pod of the server's cluster.
struct Pod {
    server: Server,
    account: TempDir,
}

impl Pod {
    fn new() -> Self {
        Self::of(Server::start())
    }

    fn of(server: Server) -> Self {
        let account = tempfile::tempdir().expect("room");
        server.write_account(account.path());
        server.add("ns", "db", &[("password", b"hunter2"), ("user", b"me"), ("empty", b"")]);
        Self { server, account }
    }

    fn settings(&self, timeout: Duration) -> Settings {
        let port = self.server.port().to_string();
        let settings =
            Settings::of_pod(Some("127.0.0.1"), Some(&port), self.account.path(), timeout);
        settings.expect("both are given")
    }

    fn read(&self, names: &[&str]) -> Vec<Result<String, KubernetesError>> {
        read(&self.settings(Duration::from_secs(10)), names)
    }

    fn read_one(&self, name: &str) -> Result<String, KubernetesError> {
        self.read(&[name]).remove(0)
    }

    fn paths(&self) -> Vec<String> {
        self.server.requests().iter().map(|request| request.target()).collect()
    }
}

/// What a program would have done.
fn read(settings: &Settings, names: &[&str]) -> Vec<Result<String, KubernetesError>> {
    let names: Vec<_> = names.iter().map(|name| KeyName::parse(name).expect("a name")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let found = runtime.expect("a runtime").block_on(async {
        match Client::new(settings) {
            Ok(client) => client.read(&names).await,
            Err(error) => names.iter().map(|_| Err(error.clone())).collect(),
        }
    });
    for error in found.iter().filter_map(|value| value.as_ref().err()) {
        let text = format!("{error} {error:?}");
        assert!(!text.contains(CANARY) && !text.contains("TOKEN-OF"), "{text}");
    }
    let text =
        |value: secretary_secret::Secret| String::from_utf8(value.expose().to_vec()).expect("text");
    found.into_iter().map(|value| value.map(text)).collect()
}

fn late(last: KubernetesError, seconds: f64) -> KubernetesError {
    KubernetesError::Late { timeout: Duration::from_secs_f64(seconds), last: Some(Box::new(last)) }
}

#[test]
fn asks_as_the_pods_service_account() {
    let pod = Pod::new();
    assert_eq!(pod.read_one("ns/db/password"), Ok("hunter2".to_string()));
    let requests = pod.server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].target(), "/api/v1/namespaces/ns/secrets/db");
    assert_eq!(requests[0].header("authorization"), format!("Bearer {TOKEN}"));
    assert!(requests[0].header("user-agent").starts_with("secretary/"));
}

#[test]
fn each_secret_is_asked_for_once() {
    let pod = Pod::new();
    pod.server.add("ns", "other", &[("password", b"2")]);
    let names = [
        "ns/db/user",
        "ns/other/password",
        "ns/db/password",
        "ns/db/user",
        "ns/db/nope",
        "ns/db/empty",
    ];
    let no_key = KubernetesError::NoKey {
        key: "nope".to_string(),
        namespace: "ns".to_string(),
        name: "db".to_string(),
    };
    assert_eq!(no_key.to_string(), "key nope not found in secret ns/db");
    assert_eq!(
        pod.read(&names),
        [
            Ok("me".to_string()),
            Ok("2".to_string()),
            Ok("hunter2".to_string()),
            Ok("me".to_string()),
            Err(no_key),
            Ok(String::new()),
        ]
    );
    assert_eq!(pod.paths().len(), 2);
}

#[test]
fn asks_for_many_at_once_and_not_for_all() {
    let pod = Pod::new();
    let names: Vec<_> = (0..40).map(|number| format!("ns/s{number}/k")).collect();
    for number in 0..40 {
        pod.server.add("ns", &format!("s{number}"), &[("k", number.to_string().as_bytes())]);
        pod.server.fail("ns", &format!("s{number}"), Fault::Late(50), 1);
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let expected: Vec<_> = (0..40).map(|number: i32| Ok(number.to_string())).collect();
    assert_eq!(pod.read(&names), expected);
    assert_eq!(pod.server.most_at_once(), 8);
}

#[test]
fn one_that_fails_leaves_the_others() {
    let pod = Pod::new();
    pod.server.forbid("ns", "mine");
    let forbidden =
        KubernetesError::Forbidden { namespace: "ns".to_string(), name: "mine".to_string() };
    let not_found = KubernetesError::NotFound { name: "nope".to_string() };
    assert_eq!(not_found.to_string(), "secrets \"nope\" not found");
    assert_eq!(
        pod.read(&["ns/mine/k", "ns/nope/k", "ns/db/user"]),
        [Err(forbidden), Err(not_found), Ok("me".to_string())]
    );
}

#[test]
fn a_token_that_is_not_accepted_is_told_at_once() {
    let pod = Pod::new();
    std::fs::write(pod.account.path().join("token"), "TOKEN-OF-ANOTHER").expect("room");
    assert_eq!(pod.read_one("ns/db/user"), Err(KubernetesError::Unauthorized));
    assert_eq!(pod.paths().len(), 1);
}

#[test]
fn the_token_is_read_at_each_start() {
    let pod = Pod::new();
    std::fs::write(pod.account.path().join("token"), "TOKEN-OF-ANOTHER").expect("room");
    assert_eq!(pod.read_one("ns/db/user"), Err(KubernetesError::Unauthorized));
    pod.server.write_account(pod.account.path());
    assert_eq!(pod.read_one("ns/db/user"), Ok("me".to_string()));
}

#[test]
fn nobody_else_is_taken_for_the_api() {
    for (certificate, obstacle) in [
        (Certificate::Expired, Obstacle::CertificateExpired),
        (Certificate::OfAnotherAddress, Obstacle::OtherName),
        (Certificate::OfAnotherAuthority, Obstacle::Untrusted),
    ] {
        let pod = Pod::of(Server::with_certificate(certificate));
        let begin = Instant::now();
        assert_eq!(pod.read_one("ns/db/user"), Err(KubernetesError::Unreachable(obstacle)));
        assert!(begin.elapsed() < Duration::from_secs(5), "it was not tried again");
        assert_eq!(pod.server.requests().len(), 0, "nobody else gets the token");
    }
}

#[test]
fn what_passes_is_tried_again() {
    let pod = Pod::new();
    for fault in [
        Fault::Status(429),
        Fault::Status(500),
        Fault::Status(503),
        Fault::RetryAfter(1),
        Fault::Close,
        Fault::Truncate,
    ] {
        let before = pod.server.requests().len();
        pod.server.fail("ns", "db", fault, 2);
        assert_eq!(pod.read_one("ns/db/user"), Ok("me".to_string()), "{fault:?}");
        assert_eq!(pod.server.requests().len() - before, 3, "{fault:?}");
    }
}

#[test]
fn what_lasts_is_told_at_once() {
    let pod = Pod::new();
    for (fault, error) in [
        (Fault::Status(400), KubernetesError::Status(400)),
        (Fault::Redirect, KubernetesError::Status(302)),
        (Fault::Garbage, KubernetesError::Unreadable),
        (Fault::NotBase64, KubernetesError::Unreadable),
        (Fault::Huge, KubernetesError::LargeAnswer),
    ] {
        let before = pod.server.requests().len();
        pod.server.fail("ns", "db", fault, 1);
        assert_eq!(pod.read_one("ns/db/password"), Err(error), "{fault:?}");
        assert_eq!(pod.server.requests().len() - before, 1, "{fault:?}");
    }
}

#[test]
fn the_time_is_for_everything_together() {
    let pod = Pod::new();
    let second = Duration::from_secs(1);
    pod.server.fail("ns", "db", Fault::Hang, 1);
    let begin = Instant::now();
    let nothing = KubernetesError::Late { timeout: second, last: None };
    assert_eq!(nothing.to_string(), "the Kubernetes API did not answer within 1 s");
    assert_eq!(read(&pod.settings(second), &["ns/db/user"]), [Err(nothing)]);
    pod.server.fail("ns", "db", Fault::Status(503), usize::MAX);
    let error = late(KubernetesError::Status(503), 1.0);
    assert_eq!(
        error.to_string(),
        "the Kubernetes API answered with HTTP status 503; tried again for 1 s"
    );
    assert_eq!(read(&pod.settings(second), &["ns/db/user"]), [Err(error)]);
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[test]
fn nobody_there_is_told() {
    let pod = Pod::new();
    let settings = pod.settings(Duration::from_millis(300));
    let account = pod.account;
    drop(pod.server);
    let error = late(KubernetesError::Unreachable(Obstacle::Refused), 0.3);
    assert_eq!(read(&settings, &["ns/db/user"]), [Err(error)]);
    drop(account);
}

/// As behind a load balancer that has lost its servers.
#[test]
fn who_takes_a_connection_and_says_nothing_is_asked_again() {
    let pod = Pod::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut settings = pod.settings(Duration::from_millis(2500));
    settings.port = silent.local_addr().expect("bound").port().to_string();
    let error = late(KubernetesError::Unreachable(Obstacle::Silence), 2.5);
    assert_eq!(read(&settings, &["ns/db/user"]), [Err(error)]);
}

#[test]
fn files_that_are_of_no_use_are_told_for_each_key() {
    let pod = Pod::new();
    let remove = |file: &str| std::fs::remove_file(pod.account.path().join(file)).expect("there");
    remove("token");
    let names = ["ns/db/user", "ns/db/password"];
    for error in pod.read(&names) {
        let Err(KubernetesError::Token { file, why }) = error else { panic!("{error:?}") };
        assert_eq!(file, pod.account.path().join("token"));
        assert_eq!(why, "no such file or directory");
    }
    pod.server.write_account(pod.account.path());
    remove("ca.crt");
    for error in pod.read(&names) {
        assert!(matches!(error, Err(KubernetesError::Tls(_))), "{error:?}");
    }
    assert_eq!(pod.server.requests().len(), 0);
}
