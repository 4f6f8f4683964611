//! Keys of Kubernetes secrets, through an API of the test's own.

use std::net::TcpListener;

use secretary_test_kubernetes::{CANARY, Fault, Server, TOKEN};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cases::{cases, id};
use crate::program::{Ran, SECRETARY, run};

/// A pod of the server's cluster.
struct Pod {
    server: Server,
    account: TempDir,
    environ: Vec<(&'static str, String)>,
}

impl Pod {
    fn new() -> Self {
        let server = Server::start();
        let account = tempfile::tempdir().expect("room");
        server.write_account(account.path());
        server.add("some_namespace", "some_name", &[("some_key", b"some_value"), ("empty", b"")]);
        let environ = vec![
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1".to_string()),
            ("KUBERNETES_SERVICE_PORT", server.port().to_string()),
        ];
        Self { server, account, environ }
    }

    fn ask(&self, handles: &[&str]) -> Value {
        let account = self.account.path().to_str().expect("text");
        let args =
            ["secret-helper", "read", "--with-provider-prefixes", "--service-account", account];
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let request = json!({"version": "1.0", "secrets": handles}).to_string();
        let ran = run(SECRETARY, &args, self.account.path(), &self.environ, &request);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        assert!(!ran.stdout.contains(TOKEN) && !ran.stdout.contains(CANARY), "{}", ran.stdout);
        serde_json::from_str(&ran.stdout).expect("JSON")
    }
}

#[test]
fn the_recorded_cases() {
    let pod = Pod::new();
    for case in cases("K8S") {
        // One has a note in brackets behind it, what the key's value is.
        let handle = case["input"]["handle"].as_str().expect("text");
        let handle = handle.split(' ').next().expect("a handle");
        assert_eq!(pod.ask(&[handle])[handle], case["expect"], "{}", id(&case));
    }
}

#[test]
fn each_handle_has_its_own_answer() {
    let pod = Pod::new();
    pod.server.forbid("some_namespace", "other");
    pod.server.add("some_namespace", "binary", &[("k", b"a\xffb")]);
    let answers = [
        ("k8s_secret@some_namespace/some_name/some_key", json!({"value": "some_value"})),
        ("k8s_secret@some_namespace/some_name/empty", json!({})),
        (
            "k8s_secret@some_namespace/some_name/nope",
            json!({"error": "key nope not found in secret some_namespace/some_name"}),
        ),
        ("k8s_secret@some_namespace/nope/k", json!({"error": "secrets \"nope\" not found"})),
        (
            "k8s_secret@some_namespace/other/k",
            json!({"error": "the service account has no right to get secret some_namespace/other (HTTP status 403)"}),
        ),
        ("k8s_secret@some_namespace/binary/k", json!({"error": "secret is not valid UTF-8"})),
        (
            "k8s_secret@some_namespace/..%2f/k",
            json!({"error": "a namespace, name or key has letters, digits, \"-\", \"_\" and \".\", and no others"}),
        ),
        ("nope", json!({"error": "secret does not exist"})),
    ];
    let told = pod.ask(&answers.each_ref().map(|(handle, _)| *handle));
    for (handle, answer) in answers {
        assert_eq!(told[handle], answer, "{handle}");
    }
    assert_eq!(pod.server.requests().len(), 4, "one for each secret");
}

#[test]
fn what_passes_costs_nothing_but_time() {
    let pod = Pod::new();
    pod.server.fail("some_namespace", "some_name", Fault::Status(503), 2);
    let handle = "k8s_secret@some_namespace/some_name/some_key";
    assert_eq!(pod.ask(&[handle])[handle], json!({"value": "some_value"}));
}

#[test]
fn whom_the_system_trusts_is_not_trusted() {
    let mut pod = Pod::new();
    let handle = "k8s_secret@some_namespace/some_name/some_key";
    let system = pod.account.path().join("system.pem");
    std::fs::rename(pod.account.path().join("ca.crt"), &system).expect("there");
    pod.environ.push(("SSL_CERT_FILE", system.display().to_string()));
    // The authority of another cluster.
    let other = tempfile::tempdir().expect("room");
    Server::start().write_account(other.path());
    std::fs::copy(other.path().join("ca.crt"), pod.account.path().join("ca.crt")).expect("room");
    let error =
        "the Kubernetes API can't be reached: its certificate is not signed by a trusted one";
    assert_eq!(pod.ask(&[handle])[handle], json!({"error": error}));
    assert_eq!(pod.server.requests().len(), 0);
}

#[test]
fn no_proxy_is_told_of_a_cluster() {
    let mut pod = Pod::new();
    // It leads to this machine and does not look so: to what does, no proxy would be used anyway.
    pod.environ[0].1 = "0.0.0.0".to_string();
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy.set_nonblocking(true).expect("a socket");
    let address = format!("http://{}", proxy.local_addr().expect("bound"));
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        pod.environ.push((name, address.clone()));
    }
    let handle = "k8s_secret@some_namespace/some_name/some_key";
    // What the API's own certificate is not for, so it was reached.
    let error = "the Kubernetes API can't be reached: its certificate is for another name";
    assert_eq!(pod.ask(&[handle])[handle], json!({"error": error}));
    assert!(proxy.accept().is_err(), "nobody came");
}

#[test]
fn outside_of_a_pod_only_these_handles_fail() {
    let mut pod = Pod::new();
    pod.environ.clear();
    std::fs::write(pod.account.path().join("here"), "value").expect("room");
    let answers = pod.ask(&["k8s_secret@a/b/c", "k8s_secret@not_valid", "here"]);
    let error = "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined";
    assert_eq!(answers["k8s_secret@a/b/c"], json!({"error": error}));
    let form = "invalid format. Use: \"namespace/name/key\"";
    assert_eq!(answers["k8s_secret@not_valid"], json!({"error": form}));
    assert_eq!(answers["here"], json!({"value": "value"}));
}

#[test]
fn by_its_own_name_it_takes_no_arguments() {
    let pod = Pod::new();
    let link = pod.account.path().join("readsecret_multiple_providers.sh");
    std::os::unix::fs::symlink(SECRETARY, &link).expect("room");
    let request = json!({"version": "1.0", "secrets": ["k8s_secret@not_valid"]}).to_string();
    let args = ["/nope".to_string()];
    let ran = run(link, &args, pod.account.path(), &pod.environ, &request);
    let stdout =
        r#"{"k8s_secret@not_valid":{"error":"invalid format. Use: \"namespace/name/key\""}}"#;
    assert_eq!(ran, Ran { code: Some(0), stdout: stdout.to_string(), stderr: String::new() });
}

/// The API server that `scripts/kubernetes` has set up.
#[test]
#[ignore = "needs a Kubernetes API server: scripts/kubernetes"]
fn real_api_server() {
    let variable = |name: &str| std::env::var(name).expect("scripts/kubernetes sets it");
    let environ: Vec<_> = ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]
        .map(|name| (name, variable(name)))
        .into();
    let account = std::path::PathBuf::from(variable("SECRETARY_SERVICE_ACCOUNT"));
    let ask = |account: &std::path::Path, handles: &[&str]| -> Value {
        let folder = account.to_str().expect("text");
        let args =
            ["secret-helper", "read", "--with-provider-prefixes", "--service-account", folder];
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let request = json!({"version": "1.0", "secrets": handles}).to_string();
        let ran = run(SECRETARY, &args, account, &environ, &request);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        serde_json::from_str(&ran.stdout).expect("JSON")
    };
    let error = |text: &str| json!({"error": text});
    let answers = [
        ("k8s_secret@shop/database/password", json!({"value": "pä$$ <&>\" word\n"})),
        ("k8s_secret@shop/database/user", json!({"value": "shop"})),
        ("k8s_secret@shop/database/empty", json!({})),
        ("k8s_secret@shop/large/k", json!({"value": "x".repeat(1_000_000)})),
        ("k8s_secret@shop/database/nope", error("key nope not found in secret shop/database")),
        ("k8s_secret@shop/nothing/k", error("key k not found in secret shop/nothing")),
        ("k8s_secret@shop/nope/k", error("secrets \"nope\" not found")),
        ("k8s_secret@shop/No_Name/k", error("secrets \"No_Name\" not found")),
        (
            "k8s_secret@bank/vault/k",
            error("the service account has no right to get secret bank/vault (HTTP status 403)"),
        ),
    ];
    let told = ask(&account, &answers.each_ref().map(|(handle, _)| *handle));
    for (handle, answer) in answers {
        assert_eq!(told[handle], answer, "{handle}");
    }

    let other = tempfile::tempdir().expect("room");
    let handle = "k8s_secret@shop/database/user";
    std::fs::copy(account.join("ca.crt"), other.path().join("ca.crt")).expect("room");
    let token = std::fs::read_to_string(account.join("token")).expect("text");
    std::fs::write(other.path().join("token"), token.replacen('.', ".A", 1)).expect("room");
    let refused =
        "the Kubernetes API does not accept the service account's token (HTTP status 401)";
    assert_eq!(ask(other.path(), &[handle])[handle], error(refused));

    Server::start().write_account(other.path());
    std::fs::write(other.path().join("token"), token).expect("room");
    let untrusted =
        "the Kubernetes API can't be reached: its certificate is not signed by a trusted one";
    assert_eq!(ask(other.path(), &[handle])[handle], error(untrusted));
}
