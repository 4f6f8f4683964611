//! A daemon and who asks it, and AWS KMS: everything that goes over the network.

use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use secretary_test_kms::Server;

use crate::machine::{Machine, is_owner_only};

/// How long a daemon may take to start, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What any client of AWS needs.
const AWS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "x"),
    ("AWS_REGION", "eu-west-1"),
];

/// It ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn value<'a>(lines: &'a str, name: &str) -> &'a str {
    let mut lines = lines.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn a_daemon_opens_the_tokens_of_its_workloads() {
    let machine = Machine::with_keys();
    let token = machine.token(b"secret");
    let pair = machine.secretary(&["genkeys", "--print", "deploy"], b"").succeeded();
    let public = value(pair.text(), "DEPLOY_PUBLIC_KEY");
    let workloads = format!(
        "[[workload]]\r\ntask = \"web\"\r\ndeploy_public_key = \"{public}\"\r\nsecrets = [\"{token}\"]\r\n"
    );
    machine.write("workloads.toml", workloads.as_bytes());
    let mut command = machine.command(&[
        "daemon",
        "--ip",
        "127.0.0.1",
        "--port",
        "0",
        "--port-file",
        "port",
        "--workloads",
        r".\workloads.toml",
        "--audit-log",
        "audit.log",
    ]);
    let log = fs::File::create(machine.path("stderr")).expect("room");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let daemon = Daemon(command.spawn().expect("started"));
    let begun = Instant::now();
    while !machine.path("port").exists() {
        let said = String::from_utf8_lossy(&machine.read("stderr")).into_owned();
        assert!(begun.elapsed() < PATIENCE, "{said}");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(is_owner_only(&machine.path("audit.log")));
    let url = format!(
        "http://127.0.0.1:{}",
        String::from_utf8(machine.read("port")).expect("text").trim()
    );

    let client = Machine::new();
    client.write("master.pem", &machine.read("keys/master-public-key.pem"));
    let variables = [
        ("DEPLOY_PRIVATE_KEY", value(pair.text(), "DEPLOY_PRIVATE_KEY")),
        ("MESOS_TASK_ID", "web"),
        ("SECRETARY_URL", &url),
        ("PASSWORD", &token),
    ];
    let arguments = ["exec", "--master-key", "master.pem", "--", "cmd", "/c", "echo %PASSWORD%"];
    let run = client.secretary_with(&variables, &arguments, b"").succeeded();
    assert_eq!(run.text(), "secret\r\n");
    let other = machine.token(b"not granted");
    let arguments = ["decrypt", "--master-key", "master.pem", "-e"];
    let more = [&variables[..], &[("OTHER", &other)]].concat();
    client.secretary_with(&more, &arguments, b"").failed(7, "OTHER");
    drop(daemon);
    let verified = machine.secretary(&["audit", "verify", "audit.log"], b"").succeeded();
    assert!(verified.text().contains("lines"), "{verified:?}");
    client.secretary_with(&variables, &arguments, b"").failed(6, "daemon");
}

#[test]
fn aws_kms_makes_and_unwraps_data_keys() {
    let server = Server::start();
    let machine = Machine::new();
    let url = server.url();
    let variables = [&AWS[..], &[("AWS_ENDPOINT_URL_KMS", url.as_str())]].concat();
    let arguments = ["encrypt", "--kms-key-id", "alias/test"];
    let token = machine.secretary_with(&variables, &arguments, b"secret\r\n").succeeded();
    assert!(token.text().starts_with("ENC[KMS,"), "{token:?}");
    let run = machine.secretary_with(&variables, &["decrypt"], &token.stdout).succeeded();
    assert_eq!(run.text(), "secret\r\n");
    let denied = format!("{url}/denied");
    let variables = [&AWS[..], &[("AWS_ENDPOINT_URL_KMS", denied.as_str())]].concat();
    machine.secretary_with(&variables, &["decrypt"], &token.stdout).failed(7, "AWS denies access");
}
