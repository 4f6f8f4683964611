//! A folder with keys and a list of workloads, the daemon that runs there, and who asks it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use secretary_envelope::{NaclBox, SecretKey};
use secretary_secret::Secret;
use secretary_test_cluster::App;
use tempfile::TempDir;

/// How long anything may take that is to happen, on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const APP: &str = "/demo";
const VERSION: &str = "2015-12-04T12:25:08.426Z";
const TASK: &str = "demo.1";

/// What a request and no more says on a connection.
pub(crate) const STATUS: &[u8] = b"GET /v1/status HTTP/1.1\r\nHost: d\r\n\r\n";

/// A folder with the keys of an app, of whoever encrypts, and of a master.
pub(crate) struct Machine {
    folder: TempDir,
    config: SecretKey,
    deploy: SecretKey,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Self { folder, config: key(), deploy: key() };
        machine.write("config-public.pem", machine.config.public_key().to_pem().as_bytes());
        machine.write("deploy-private.pem", machine.deploy.to_pem().as_bytes());
        machine.make_master("master");
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("room");
    }

    /// The key pair of a master, in files called after it.
    pub(crate) fn make_master(&self, name: &str) {
        let master = key();
        self.write(&format!("{name}-private.pem"), master.to_pem().as_bytes());
        self.write(&format!("{name}-public.pem"), master.public_key().to_pem().as_bytes());
    }

    /// A token that is sealed for this master.
    pub(crate) fn seal(&self, master: &str, plaintext: &str) -> String {
        let pem = fs::read(self.path(&format!("{master}-private.pem"))).expect("a master");
        let master = SecretKey::parse(&pem).expect("a key");
        let nacl = NaclBox::agree(&self.config, &master.public_key()).expect("a good key");
        nacl.seal(&Secret::from(plaintext.as_bytes())).expect("random bytes")
    }

    /// Writes the list of workloads, which is the app with these tokens.
    pub(crate) fn allow(&self, tokens: &[&str]) {
        let key = self.deploy.public_key().to_pem().to_string();
        let list = format!(
            "[[workload]]\napp = {APP:?}\ndeploy_public_key = {key:?}\nsecrets = {tokens:?}\n"
        );
        self.write("workloads.toml", list.as_bytes());
    }

    /// The app as Marathon knows it.
    pub(crate) fn app(&self, token: &str) -> App {
        let key = self.deploy.public_key().to_pem().to_string();
        App::new(APP, VERSION).task(TASK).env("DEPLOY_PUBLIC_KEY", key).env("SECRET", token)
    }

    /// The program, with this machine's keys.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretary"));
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// A daemon with the list of workloads and these arguments.
    pub(crate) fn start(&self, arguments: &[&str]) -> Daemon {
        let mut command = self.program();
        self.start_as(command.arg("daemon"), arguments)
    }

    /// The same by a command whose last word is `daemon`.
    pub(crate) fn start_as(&self, command: &mut Command, arguments: &[&str]) -> Daemon {
        let usual = ["--ip", "127.0.0.1", "--port", "0", "--config-key", "config-public.pem"];
        let masters = ["--master-key", "master-private.pem"];
        let masters = if arguments.contains(&"--master-key") { &[][..] } else { &masters };
        let cluster = ["--workloads", "workloads.toml"];
        let cluster = if arguments.contains(&"--marathon-url") { &[][..] } else { &cluster };
        let mut child = command
            .args(usual.iter().chain(masters).chain(cluster).chain(arguments))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let lines = read_lines(child.stderr.take().expect("a pipe"));
        let mut daemon = Daemon { child, port: 0, lines };
        let line = daemon.says("listening on ");
        let port = line.rsplit(':').next().and_then(|port| port.parse().ok());
        daemon.port = port.expect("a port at the end of the line");
        daemon
    }

    /// What a container gets for `token`, which it asks the daemon at `url` for by this master's public key.
    pub(crate) fn ask(&self, url: &str, master: &str, token: &str) -> Result<String, String> {
        let mut child = self
            .program()
            .args(["decrypt", "--secretary-url", url, "--timeout", "3"])
            .args(["--master-key", &format!("{master}-public.pem")])
            .args(["--private-key", "deploy-private.pem"])
            .args(["--app-id", APP, "--app-version", VERSION, "--task-id", TASK])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(token.as_bytes()).expect("it fits into the pipe");
        drop(stdin);
        let output = child.wait_with_output().expect("waited for");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }
}

/// A daemon that runs until it is ended, or this is dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) port: u16,
    lines: Receiver<String>,
}

impl Daemon {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits for a line with these words on standard error.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut said = String::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => said.extend([&line, "\n"]),
                Err(_) => panic!("it did not say {words:?}, but:\n{said}"),
            }
        }
    }

    /// All that it has said since.
    pub(crate) fn has_said(&self) -> String {
        self.lines.try_iter().fold(String::new(), |said, line| said + &line + "\n")
    }

    /// Closes its standard error with the next line that it writes.
    pub(crate) fn stop_reading(&mut self) {
        self.lines = channel().1;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, signal).expect("it runs");
    }

    /// Tells it to read its files again, and waits until it has.
    pub(crate) fn reload(&mut self) {
        self.signal(Signal::SIGHUP);
        self.says("files were read again");
    }

    /// Tells it to read its files again, and waits until it says that one of them is of no use.
    pub(crate) fn reload_in_vain(&mut self) -> String {
        self.signal(Signal::SIGHUP);
        self.says("; what was read before stays in use")
    }

    /// How it ends and how long that takes.
    pub(crate) fn wait(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return (status, begun.elapsed());
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        stream
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key() -> SecretKey {
    SecretKey::generate().expect("random bytes")
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

/// The head and the body of the next answer.
pub(crate) fn read_answer(stream: &mut impl Read) -> std::io::Result<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}

/// Asks for the status, and says whether there was one.
pub(crate) fn is_answered(stream: &mut (impl Read + Write)) -> bool {
    stream.write_all(STATUS).is_ok()
        && read_answer(stream).is_ok_and(|(head, _)| head.starts_with("http/1.1 200 "))
}
