//! A folder for a server's state, the program that runs there, and who asks it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take that is to happen, on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Who calls, and the hash of that.
const TOKEN: &str = "st_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const TOKENS: &str = "\
[[token]]
name = \"test\"
sha256 = \"b0856535e824f9204977e62b9fc048cfc665c53707808becd6288a70ab47b3a8\"
";

/// What the caller may do.
const POLICY: &str = "\
[[grant]]
principal = [\"token:test\"]
action = [\"get\", \"info\", \"put\"]
secret = [\"dev/*\"]
";

/// A folder in which servers run, one after another, with the same store.
pub(crate) struct Machine {
    folder: TempDir,
    environ: Vec<(String, String)>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Self { folder, environ: Vec::new() };
        machine.write("tokens.toml", TOKENS);
        machine.write("policy.toml", POLICY);
        machine
    }

    /// The same with a variable for each program that is started there.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environ.push((name.to_string(), value.to_string()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("room");
    }

    /// A server with this machine's state, plain HTTP and these arguments.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretary"));
        command
            .env_clear()
            .envs(self.environ.iter().cloned())
            .current_dir(self.folder.path())
            .args(["server", "--state-dir", "state", "--listen", "127.0.0.1:0"])
            .args(["--admin-listen", "127.0.0.1:0", "--tokens", "tokens.toml"])
            .args(["--policy", "policy.toml"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn start(&self, arguments: &[&str]) -> Server {
        let mut child = self.command(arguments).spawn().expect("started");
        let lines = read_lines(child.stderr.take().expect("a pipe"));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, api: nowhere, admin: nowhere, lines, said: String::new() };
        server.api = address(&server.says("listening on http://"));
        server.admin = address(&server.says("metrics on http://"));
        server
    }

    /// What is printed and how it ends when it does not get as far as that.
    pub(crate) fn fails(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.command(arguments).output().expect("started");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    }
}

/// The address in a line about it.
fn address(line: &str) -> SocketAddr {
    let (_, rest) = line.split_once("://").expect("a URL");
    rest.split('/').next().and_then(|address| address.parse().ok()).expect("an address")
}

fn read_lines(stderr: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// A server that runs until it is ended, or this is dropped.
pub(crate) struct Server {
    child: Child,
    api: SocketAddr,
    admin: SocketAddr,
    lines: Receiver<String>,
    said: String,
}

impl Server {
    /// Waits for a line with these words on standard error.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it did not say {words:?}, but:\n{}", self.said)
            };
            self.said.extend([&line, "\n"]);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// Everything that it has said so far.
    pub(crate) fn has_said(&mut self) -> &str {
        self.lines.try_iter().for_each(|line| self.said.extend([&line, "\n"]));
        &self.said
    }

    /// The status and the body of the answer to a call of the API.
    pub(crate) fn call(&self, name: &str, body: &Value) -> (u16, String) {
        let body = body.to_string();
        let request = format!(
            "POST /api/{name} HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\n\
             Sec-X-Tailscale-No-Browsers: setec\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len(),
        );
        ask(self.api, &request)
    }

    /// Writes a value, which has to succeed.
    pub(crate) fn put(&self, name: &str, value: &str) {
        let value = BASE64_STANDARD.encode(value);
        let (status, answer) = self.call("put", &json!({"Name": name, "Value": value}));
        assert_eq!(status, 200, "{answer}");
    }

    /// The active value, or the status and what is said.
    pub(crate) fn get(&self, name: &str) -> Result<String, (u16, String)> {
        let (status, answer) = self.call("get", &json!({"Name": name}));
        if status != 200 {
            return Err((status, answer));
        }
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let value = BASE64_STANDARD.decode(answer["Value"].as_str().expect("a value"));
        Ok(String::from_utf8(value.expect("base64")).expect("text"))
    }

    /// The status and the body of `/healthz`.
    pub(crate) fn health(&self) -> (u16, String) {
        ask(self.admin, "GET /healthz HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
    }

    /// Waits until it says by itself that it is well.
    pub(crate) fn becomes_healthy(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.health().0 != 200 {
            assert!(Instant::now() < end, "it stays as it is: {}", self.has_said());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it as an operator does, and waits until it is gone.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("it runs");
        let status = self.wait();
        (status, self.has_said().to_string())
    }

    /// How it ends by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end: {}", self.has_said());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request on a connection of its own.
fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_string())
}
