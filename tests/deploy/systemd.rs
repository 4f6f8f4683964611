//! What systemd says of the units, and that the daemon asks the system for nothing that its unit forbids.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use secretary_test_cluster::Server;

use crate::cluster::ask_as_marathon_app;
use crate::daemon::{Daemon, unit_command};
use crate::example::Example;
use crate::root::{Root, deploy, program};
use crate::unit::Unit;

/// From 0 for a service that may do nothing to 100 for one that may do everything.
const MOST_EXPOSED: &str = "--threshold=15";

/// A copy of a unit with programs that this machine has.
fn copy(root: &Root, name: &str) -> std::path::PathBuf {
    let text = deploy(name).replace("/usr/bin/secretary", program());
    root.write(&format!("/run/{name}"), &text.replace("/usr/bin/myservice", "/usr/bin/env"));
    root.path(&format!("/run/{name}"))
}

fn analyze(arguments: &[&str], file: &std::path::Path) -> (bool, String) {
    let mut command = Command::new("systemd-analyze");
    let output = command.args(arguments).arg(file).output().expect("started");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).expect("text"))
}

#[test]
#[ignore = "needs systemd, which scripts/install installs"]
fn systemd_finds_nothing_wrong_with_the_units() {
    let root = Root::of(&Example::new());
    for name in ["secretary.service", "secretary-server.service", "myservice.service"] {
        let (good, said) = analyze(&["verify"], &copy(&root, name));
        // A setting that is not known is no failure to it.
        assert!(good && said.is_empty(), "{name}: {said}");
    }
}

#[test]
#[ignore = "needs systemd, which scripts/install installs"]
fn the_daemon_and_the_server_may_do_little() {
    let root = Root::of(&Example::new());
    let arguments = ["security", "--offline=true", "--no-pager", MOST_EXPOSED];
    for name in ["secretary.service", "secretary-server.service"] {
        let (good, said) = analyze(&arguments, &copy(&root, name));
        assert!(good, "{said}");
    }
}

/// The system calls of a set, and of the sets in it.
fn calls_of(set: &str) -> BTreeSet<String> {
    let output = Command::new("systemd-analyze").args(["syscall-filter", set]).output();
    let output = output.expect("started");
    assert!(output.status.success(), "{set}");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().skip(1).map(str::trim).filter(|line| !line.starts_with('#'));
    lines
        .flat_map(|line| match line.starts_with('@') {
            true => calls_of(line),
            false => BTreeSet::from([line.to_string()]),
        })
        .collect()
}

/// The system calls that a unit allows.
fn allowed_by(unit: &Unit) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for filter in unit.all("SystemCallFilter") {
        let sets = filter.trim_start_matches('~').split(' ').flat_map(calls_of);
        for call in sets {
            match filter.starts_with('~') {
                true => allowed.remove(&call),
                false => allowed.insert(call),
            };
        }
    }
    allowed
}

/// Each system call of a daemon from its start until it has answered and ended, as `NAME(..`.
fn traced() -> Vec<String> {
    let (example, server) = (Example::new(), Server::start());
    let root = Root::of(&example);
    let daemon = unit_command(&root, &[("MARATHON_URL", &server.url())]);
    let mut command = Command::new("strace");
    // The tracer is the grandchild here, and the daemon the child.
    command.args(["-D", "-f", "-qq", "-o"]).arg(root.path("/run/trace"));
    command.arg(daemon.get_program()).args(daemon.get_args()).env_clear();
    command.envs(daemon.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", "/usr/bin:/bin").current_dir(root.path("/run"));
    let started = Daemon::start(command, &root).unwrap_or_else(|ended| panic!("{ended:?}"));
    let answered = ask_as_marathon_app(&example, &root, &server, &started);
    assert!(answered.status.success(), "{}", String::from_utf8_lossy(&answered.stderr));
    assert!(started.end().success());
    let trace = fs::read_to_string(root.path("/run/trace")).expect("a trace");
    let calls = trace.lines().filter_map(|line| line.split_once(' ')).map(|(_, call)| call.trim());
    // A thread that the end of the process came upon has a question mark for its last call.
    let begun = calls.filter(|call| !call.starts_with(['<', '+', '-', '?']));
    begun.map(str::to_string).collect()
}

#[test]
#[ignore = "needs systemd and strace, which scripts/install installs"]
fn the_daemon_does_nothing_that_its_unit_forbids() {
    let unit = Unit::read("secretary.service");
    let (allowed, calls) = (allowed_by(&unit), traced());
    for call in ["accept4(", "fdatasync(", "execve("] {
        assert!(calls.iter().any(|line| line.starts_with(call)), "no {call}..) in the trace");
    }
    let families: Vec<_> = unit.one("RestrictAddressFamilies").split(' ').collect();
    assert_eq!(unit.one("MemoryDenyWriteExecute"), "yes");
    assert_eq!(unit.one("ProcSubset"), "pid");
    for call in &calls {
        let (name, arguments) = call.split_once('(').unwrap_or_else(|| panic!("{call}"));
        assert!(allowed.contains(name), "{call}");
        let family = arguments.split(',').next().expect("a first argument");
        assert!(name != "socket" || families.contains(&family), "{call}");
        assert!(!call.contains("PROT_WRITE|PROT_EXEC"), "{call}");
        let is_of_others = call.contains("\"/proc/") && !call.contains("\"/proc/self/");
        assert!(!is_of_others, "{call}");
    }
}
