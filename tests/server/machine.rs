//! A folder with a key and certificates, and the server that runs there.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustls::ClientConfig;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::exchange::Connection;
use crate::tailnet::{EVERYTHING, Tailnet};

/// How long anything may take that is to happen, on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The key-encryption key of all machines.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Where a server is, what is its own, and its key.
const USUAL: [&str; 12] = [
    "--state-dir",
    "state",
    "--key-file",
    "key",
    "--tls-cert-file",
    "certificate.pem",
    "--tls-key-file",
    "key.pem",
    "--listen",
    "127.0.0.1:0",
    "--port-file",
    "port",
];

/// A folder, and who signs the certificates in it.
pub(crate) struct Machine {
    folder: TempDir,
    pub(crate) authority: Authority,
    /// Whose address is whose, to servers that know callers by it.
    pub(crate) tailnet: Tailnet,
}

impl Machine {
    /// One with `key`, `certificate.pem` and `key.pem`. It is in memory if there is such a place: what is tested here is
    /// not the disk.
    pub(crate) fn new() -> Self {
        let shared = Path::new("/dev/shm");
        let folder =
            if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let tailnet = Tailnet::start(folder.path());
        let machine = Self { folder, authority: Authority::new(), tailnet };
        machine.write("key", KEY);
        machine.make_certificate();
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).expect("room");
    }

    /// A certificate for this machine in the place of the one that was there.
    pub(crate) fn make_certificate(&self) {
        let (certificate, key) = self.authority.sign();
        self.write("certificate.pem", certificate);
        self.write("key.pem", key);
    }

    /// The program, in this folder and with nothing in its environment.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretary"));
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// What the program says, and how it ends. It has to end by itself.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.program().args(arguments).output().expect("started")
    }

    /// A server over TLS with its state in `state`, and these arguments. It knows callers by their addresses.
    pub(crate) fn start(&self, arguments: &[&str]) -> Server<'_> {
        self.start_as(self.program().arg("server"), arguments)
    }

    /// The same by a command whose last word is `server`.
    pub(crate) fn start_as(&self, command: &mut Command, arguments: &[&str]) -> Server<'_> {
        self.spawn(command.args(USUAL).args(Tailnet::arguments()).args(arguments))
    }

    /// The same, and how it knows callers is in the arguments.
    pub(crate) fn start_without_tailnet(&self, arguments: &[&str]) -> Server<'_> {
        self.spawn(self.program().arg("server").args(USUAL).args(arguments))
    }

    /// The same, and all that can be logged is to be logged.
    pub(crate) fn start_loudly(&self, arguments: &[&str]) -> Server<'_> {
        let mut command = self.program();
        command.envs([("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")]);
        self.spawn(command.arg("server").args(USUAL).args(arguments))
    }

    /// Starts what writes its port to the file `port`, and waits for that.
    pub(crate) fn spawn(&self, command: &mut Command) -> Server<'_> {
        let _ = fs::remove_file(self.path("port"));
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
        let said = keep(child.stderr.take().expect("a pipe"));
        let mut server = Server { machine: self, child, said, heard: 0, port: 0 };
        let port = server.port_in("port");
        server.port = port;
        server
    }

    /// The lines of an audit log about calls from this address.
    pub(crate) fn audit_lines(&self, log: &str, from: IpAddr) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.path(log)).expect("a log in UTF-8");
        let own = format!("\"ip\":\"{from}\"");
        let lines = text.lines().filter(|line| line.contains(&own));
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// An address of this machine that nobody else connects from.
pub(crate) fn an_address() -> IpAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0x7f01_0001);
    IpAddr::V4(Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// A server that runs until it is ended, or this is dropped.
pub(crate) struct Server<'a> {
    machine: &'a Machine,
    pub(crate) child: Child,
    said: Arc<Mutex<String>>,
    heard: usize,
    port: u16,
}

impl Server<'_> {
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Where it answers who looks after it.
    pub(crate) fn admin(&self) -> SocketAddr {
        let said = self.has_said();
        let line = said.lines().find(|line| line.contains("metrics on http://"));
        let (_, rest) = line.and_then(|line| line.split_once("http://")).expect("it says so");
        let address = rest.strip_suffix("/metrics").and_then(|address| address.parse().ok());
        address.expect("an address")
    }

    /// Waits for a line with these words on standard error, after those that were waited for before.
    pub(crate) fn says(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let said = self.has_said();
            let new = &said[self.heard..];
            let lines = new.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(line) = lines.into_iter().find(|line| line.contains(words)) {
                self.heard += line.as_ptr() as usize - new.as_ptr() as usize + line.len();
                return line.to_string();
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it did not say {words:?}, but:\n{}", self.has_said())
    }

    /// All that it has said.
    pub(crate) fn has_said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The port in this file, as soon as there is one.
    fn port_in(&mut self, file: &str) -> u16 {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let text = fs::read_to_string(self.machine.path(file)).unwrap_or_default();
            if let Some(port) = text.strip_suffix('\n').and_then(|port| port.parse().ok()) {
                return port;
            }
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                thread::sleep(Duration::from_millis(50));
                panic!("it ended with {status} and said:\n{}", self.has_said());
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it wrote no port, and said:\n{}", self.has_said())
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

    /// How it ends.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end, and said:\n{}", self.has_said())
    }

    /// Tells it to end, looks that it does so as it should, and answers all that it has said.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::SIGTERM);
        let status = self.wait();
        let said = self.has_said();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }

    /// A connection over TLS of somebody who may do everything.
    pub(crate) fn connect(&self) -> Connection {
        self.connect_from(EVERYTHING)
    }

    /// The same from this one.
    pub(crate) fn connect_from(&self, from: IpAddr) -> Connection {
        let connection =
            Connection::over_tls(self.address(), from, &self.machine.authority.trusting);
        connection.expect("it listens, with a good certificate")
    }

    /// The same as [`Self::connect`] by a client that shows a certificate.
    pub(crate) fn connect_with(&self, client: &Arc<ClientConfig>) -> Connection {
        self.try_connect_with(client).expect("it listens, and takes the certificate")
    }

    /// The same, and whether a call is answered.
    pub(crate) fn try_connect_with(&self, client: &Arc<ClientConfig>) -> io::Result<Connection> {
        let mut connection = Connection::over_tls(self.address(), EVERYTHING, client)?;
        // In TLS 1.3 a client hears of a refusal after its own part is done.
        connection.try_call("nothing", b"")?;
        Ok(connection)
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(stderr: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let said = Arc::<Mutex<String>>::default();
    let kept = said.clone();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend([&line, "\n"]);
        }
    });
    said
}
