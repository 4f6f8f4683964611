//! The server of secrets, started as `secretary-server.service` starts it, and its example of a policy.

use std::fs::File;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::example::Example;
use crate::root::{Root, deploy, program};
use crate::unit::{Unit, words};

/// How long anything may take that is to happen, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

const CREDENTIALS: &str = "/run/credentials/secretary-server.service";
const STATE: &str = "/var/lib/secretary-server";

/// The unit's files, and a token for each of two callers.
fn root() -> Root {
    let root = Root::of(&Example::new());
    for (name, from) in [("server-tls.crt", "daemon.crt"), ("server-tls.key", "daemon.key")] {
        let text = root.read(&format!("/etc/secretary/{from}"));
        root.write(&format!("{CREDENTIALS}/{name}"), &text);
    }
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    root.write(&format!("{CREDENTIALS}/server.key"), key);
    root.write("/etc/secretary/policy.toml", &deploy("policy.toml"));
    for name in ["admin", "web"] {
        let token = root.path(&format!("/run/{name}.token"));
        let status = Command::new(program())
            .args(["server", "token", name, "--append"])
            .arg(root.path("/etc/secretary/tokens.toml"))
            .stdout(File::create(token).expect("room"))
            .status();
        assert!(status.expect("started").success());
    }
    root
}

/// A server that runs until this is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts what is in the unit, and answers with the port.
fn start(root: &Root) -> (Server, String) {
    let unit = Unit::read("secretary-server.service");
    let path = |path: &str| root.path(path).display().to_string();
    let (credentials, state) = (path(CREDENTIALS), path(STATE));
    let known = [("CREDENTIALS_DIRECTORY", &*credentials), ("STATE_DIRECTORY", &*state)];
    let words = words(unit.one("ExecStart"), &known);
    let args = words[1..].iter().map(|word| match word.as_str() {
        "127.0.0.1:9090" => "127.0.0.1:0".to_string(),
        word if word.starts_with("/etc/") => path(word),
        word => word.to_string(),
    });
    let child = Command::new(program())
        .args(args)
        .args(["--listen", "127.0.0.1:0", "--port-file"])
        .arg(root.path("/run/port"))
        .env_clear()
        .stderr(Stdio::null())
        .spawn();
    let mut server = Server(child.expect("started"));
    let end = Instant::now() + PATIENCE;
    loop {
        if let Ok(port) = std::fs::read_to_string(root.path("/run/port")) {
            return (server, port.trim().to_string());
        }
        assert_eq!(server.0.try_wait().expect("it is a child"), None, "it ended");
        assert!(Instant::now() < end, "it does not listen");
        sleep(Duration::from_millis(5));
    }
}

/// Asks as who has the token of that name.
fn secret(root: &Root, port: &str, caller: &str, args: &[&str]) -> Output {
    Command::new(program())
        .args(["secret", "-s", &format!("https://127.0.0.1:{port}"), "--token-file"])
        .arg(root.path(&format!("/run/{caller}.token")))
        .arg("--server-ca")
        .arg(root.path("/etc/secretary/daemon.crt"))
        .args(args)
        .env_clear()
        .stdin(Stdio::from(File::open(root.path("/run/admin.token")).expect("a file")))
        .output()
        .expect("started")
}

#[test]
fn the_server_starts_as_its_unit_and_answers_whom_its_policy_lets_through() {
    let root = root();
    let (_server, port) = start(&root);
    let ask = |caller: &str, args: &[&str]| secret(&root, &port, caller, args);
    for name in ["prod/web/db", "prod/billing/db"] {
        let put = ask("admin", &["put", "--trim-space", name]);
        assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
    }
    let own = ask("web", &["get", "prod/web/db"]);
    assert_eq!(own.stdout, root.read("/run/admin.token").trim().as_bytes());
    for args in [&["get", "prod/billing/db"][..], &["delete", "prod/web/db"]] {
        let refused = ask("web", args);
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{args:?}");
    }
    let log = root.read(&format!("{STATE}/audit.log"));
    assert_eq!(log.matches(r#""user":"token:web""#).count(), 2, "{log}");
    assert_eq!(log.matches(r#""authorized":false"#).count(), 1, "{log}");
}
