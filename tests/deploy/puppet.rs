//! What Hiera reads, and the container that Puppet starts by it.

use std::process::Command;

use serde_json::Value;

use crate::daemon::Daemon;
use crate::example::Example;
use crate::root::{Root, program};
use crate::unit::assignment;

/// Where scripts/install puts what is no system package.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin/python");

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let list = value[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
    list.iter().map(|text| text.as_str().unwrap_or_else(|| panic!("{text} is no text"))).collect()
}

/// The one container in `hiera.yaml`.
fn container() -> Value {
    let read = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/hiera.yaml");
    let output = Command::new(PYTHON).args(["-c", read, file]).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut data: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(texts(&data, "classes"), ["docker::run_instance"]);
    data["docker::run_instance::instance"]["secretary"].take()
}

/// Whether a path in the container is in one of the volumes.
fn is_in(volumes: &[&str], path: &str) -> bool {
    let inside = volumes.iter().map(|volume| volume.split(':').nth(1).expect("HOST:CONTAINER"));
    inside.into_iter().any(|folder| path.starts_with(&format!("{folder}/")))
}

#[test]
#[ignore = "needs PyYAML, which scripts/install puts into target/test-tools"]
fn the_container_of_puppet_starts_a_daemon_with_tls_and_an_audit_log() {
    let container = container();
    let mut words = vec!["/usr/bin/secretary".to_string()];
    let entrypoint = format!("--entrypoint={}", words[0]);
    assert!(texts(&container, "extra_parameters").contains(&entrypoint.as_str()));
    let command = container["command"].as_str().expect("a command");
    words.extend(command.split(' ').map(str::to_string));
    let environ: Vec<_> = texts(&container, "env").into_iter().map(assignment).collect();
    let volumes = texts(&container, "volumes");
    assert!(is_in(&volumes, "/keys/master-private-key.pem"));
    for (name, value) in environ.iter().filter(|(_, value)| value.starts_with('/')) {
        assert!(is_in(&volumes, value), "{name}={value} is in no volume");
    }
    assert_eq!(texts(&container, "ports"), ["5070:5070"], "where a daemon listens by itself");
    assert_eq!(
        container["image"],
        concat!(
            "secretary:",
            env!("CARGO_PKG_VERSION_MAJOR"),
            ".",
            env!("CARGO_PKG_VERSION_MINOR")
        )
    );

    let root = Root::of(&Example::new());
    let started = Daemon::start(root.command(&words, &environ), &root);
    let daemon = started.unwrap_or_else(|ended| panic!("it ended: {ended:?}"));
    assert!(daemon.end().success());
    // It says so a moment after it has written its port.
    assert!(root.read("/run/said").contains("listening on https://"), "it has TLS");
    let log = root.path("/var/log/secretary/audit.log");
    let verify = Command::new(program()).args(["audit", "verify"]).arg(log).output();
    assert!(verify.expect("started").status.success());
}

/// The program reads what it is told by each of these: without it, it does something else.
#[test]
#[ignore = "needs PyYAML, which scripts/install puts into target/test-tools"]
fn the_program_reads_every_variable_of_the_container() {
    let container = container();
    let environ: Vec<_> = texts(&container, "env").into_iter().map(assignment).collect();
    for (name, _) in &environ {
        let root = Root::of(&Example::new());
        let broken: Vec<_> = environ
            .iter()
            .map(|(known, value)| {
                (known.clone(), if known == name { "/x:/y".into() } else { value.clone() })
            })
            .collect();
        let words = ["/usr/bin/secretary", "daemon"].map(str::to_string);
        assert!(Daemon::start(root.command(&words, &broken), &root).is_err(), "{name} is not read");
    }
}
