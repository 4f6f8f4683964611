//! The daemon, started as `secretary.service` starts it.

use std::fs;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::example::Example;
use crate::root::{Root, deploy};
use crate::unit::{Unit, variables, words};

/// How long anything may take that is to happen, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

const CREDENTIALS: &str = "/run/credentials/secretary.service";
const LOGS: &str = "/var/log/secretary";

/// A daemon that runs until this is dropped.
pub(crate) struct Daemon {
    child: Child,
    port: String,
}

impl Daemon {
    /// Starts what has all its arguments but where to listen.
    pub(crate) fn start(mut command: Command, root: &Root) -> Result<Self, (ExitStatus, String)> {
        let said = fs::File::create(root.path("/run/said")).expect("room");
        let child = command
            .args(["--ip", "127.0.0.1", "--port", "0", "--port-file"])
            .arg(root.path("/run/port"))
            .stderr(said)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut daemon = Self { child, port: String::new() };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Ok(port) = fs::read_to_string(root.path("/run/port")) {
                daemon.port = port.trim().to_string();
                return Ok(daemon);
            }
            if let Some(status) = daemon.child.try_wait().expect("it is a child") {
                return Err((status, root.read("/run/said")));
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not listen: {}", root.read("/run/said"));
    }

    /// Starts what is in the unit, with a cluster in the place of that in `daemon.env`.
    pub(crate) fn of_unit(root: &Root, cluster: &[(&str, &str)]) -> Self {
        let started = Self::start(unit_command(root, cluster), root);
        started.unwrap_or_else(|ended| panic!("it ended: {ended:?}"))
    }

    /// The URL of an example, with this daemon in the place of the one that is named there.
    pub(crate) fn in_place_of(&self, url: &str) -> String {
        let here = format!("127.0.0.1:{}", self.port);
        let moved = url.replace("secretary.example.com:5070", &here);
        assert_ne!(moved, url, "an example names the example's daemon");
        moved
    }

    /// Tells it to end, and waits until it has.
    pub(crate) fn end(mut self) -> ExitStatus {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("it runs");
        self.child.wait().expect("waited for")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command of the unit, after all that systemd does before it.
pub(crate) fn unit_command(root: &Root, cluster: &[(&str, &str)]) -> Command {
    let unit = Unit::read("secretary.service");
    root.make_folder(CREDENTIALS);
    for credential in unit.all("LoadCredential") {
        let (name, source) = credential.split_once(':').expect("a name and a file");
        root.write(&format!("{CREDENTIALS}/{name}"), &root.read(source));
        // The daemon's own user can read no file but its credentials.
        fs::remove_file(root.path(source)).expect("it was read");
    }
    let logs = format!("/var/log/{}", unit.one("LogsDirectory"));
    assert_eq!(logs, LOGS);
    assert_eq!(unit.one("EnvironmentFile"), "-/etc/secretary/daemon.env");
    let mut environ = variables(&deploy("daemon.env"));
    for (name, value) in cluster {
        environ.retain(|(known, _)| known != name);
        environ.push((name.to_string(), value.to_string()));
    }
    let set = [("CREDENTIALS_DIRECTORY", CREDENTIALS), ("LOGS_DIRECTORY", &logs)];
    root.command(&words(unit.one("ExecStart"), &set), &environ)
}

/// The decisions in the audit log that were made for somebody, and whether it is whole.
pub(crate) fn allowed(root: &Root, who: &str) -> usize {
    let log = format!("{LOGS}/audit.log");
    let verify = ["/usr/bin/secretary", "audit", "verify", &log].map(str::to_string);
    let output = root.command(&verify, []).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = root.read(&log);
    let lines = lines.lines().map(|line| {
        serde_json::from_str::<serde_json::Value>(line).expect("each line of the log is JSON")
    });
    let of_whom = |line: &serde_json::Value| line["app"] == who || line["task"] == who;
    lines.filter(|line| of_whom(line) && line["allowed"] == true).count()
}

#[test]
fn a_daemon_that_can_never_start_is_not_started_again() {
    let unit = Unit::read("secretary.service");
    let never: Vec<_> = unit.one("RestartPreventExitStatus").split(' ').collect();
    let root = Root::of(&Example::new());
    root.write("/etc/secretary/daemon.key", "no key");
    let Err((status, said)) = Daemon::start(unit_command(&root, &[]), &root) else {
        panic!("it started without a key");
    };
    let code = status.code().expect("it ended by itself").to_string();
    assert!(never.contains(&code.as_str()), "{code}: {said}");
}
