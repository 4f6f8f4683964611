//! The daemon, as a process of its own: started, looked at from outside, and ended.

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::scene::{Scene, kms_environment};

/// How long it may take to listen.
const START: Duration = Duration::from_secs(10);

/// What a daemon is started with.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// Where decisions are written down.
    pub audit: Audit,
    /// What is spoken.
    pub transport: Transport,
    /// How many connections there may be.
    pub connections: usize,
    /// Settings of the Marathon it asks.
    pub marathon: &'a str,
    /// Settings of the AWS KMS it asks.
    pub kms: &'a str,
}

/// Where decisions are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// In a file that is synced before each answer.
    File,
    /// On standard error, which is a file that nobody syncs.
    Stderr,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP.
    Plain,
    /// HTTP within TLS.
    Tls,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            audit: Audit::File,
            transport: Transport::Plain,
            connections: 16384,
            marathon: "run-bench",
            kms: "run-bench",
        }
    }
}

/// A daemon that runs until this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    transport: Transport,
    address: SocketAddr,
    stderr: PathBuf,
}

impl Daemon {
    /// Starts `program` as a daemon and waits until it listens.
    pub fn start(program: &Path, scene: &Scene, setup: Setup<'_>) -> io::Result<Self> {
        let [port, stderr, audit] = ["port", "stderr", "audit.log"].map(|name| scene.path(name));
        for file in [&port, &audit] {
            let _ = fs::remove_file(file);
        }
        let mut command = Command::new(program);
        command
            .arg("daemon")
            .args(["--ip", "127.0.0.1", "--port", "0", "--admin-listen", "127.0.0.1:0"])
            .args(["--rate-limit", "1000000"])
            .arg(format!("--max-connections={}", setup.connections))
            .arg("--port-file")
            .arg(&port)
            .arg("--workloads")
            .arg(scene.path("workloads.toml"))
            .arg(format!("--marathon-url={}/{}", scene.cluster.url(), setup.marathon))
            .arg(format!("--mesos-leader-url={}", scene.cluster.url()));
        if setup.audit == Audit::File {
            command.arg("--audit-log").arg(&audit);
        }
        if setup.transport == Transport::Tls {
            command.arg("--tls-cert-file").arg(scene.path("cert.pem"));
            command.arg("--tls-key-file").arg(scene.path("key.pem"));
        }
        command
            .env_clear()
            .envs(scene.daemon_keys())
            .envs(kms_environment(&scene.kms, setup.kms))
            .stdin(Stdio::null())
            .stderr(File::create(&stderr)?);
        let mut child = command.spawn()?;
        match wait_for_port(&port) {
            Some(number) => {
                let address = SocketAddr::from(([127, 0, 0, 1], number));
                Ok(Self { child, transport: setup.transport, address, stderr })
            }
            None => {
                let _ = (child.kill(), child.wait());
                let said = fs::read_to_string(&stderr)?;
                Err(io::Error::other(format!("the daemon does not listen: {said}")))
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it speaks.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Its URL.
    pub fn url(&self) -> String {
        match self.transport {
            Transport::Plain => format!("http://{}", self.address),
            Transport::Tls => format!("https://{}", self.address),
        }
    }

    /// Where its metrics are, by what it said.
    pub fn admin_address(&self) -> io::Result<SocketAddr> {
        let said = fs::read_to_string(&self.stderr)?;
        let address = said.split_once("metrics on http://").and_then(|(_, rest)| {
            rest.split_once("/metrics").and_then(|(address, _)| address.parse().ok())
        });
        address.ok_or_else(|| io::Error::other("the daemon did not say where its metrics are"))
    }

    /// Bytes of memory that it has now.
    pub fn memory(&self) -> io::Result<u64> {
        self.status("VmRSS:")
    }

    /// The most bytes of memory that it has had.
    pub fn peak_memory(&self) -> io::Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("the daemon has ended"))
    }

    /// The time that all its threads have computed for so far.
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is a name in parentheses, which may have blanks in it; the 14th and the 15th are times.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let ticks: u32 = fields.take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        // SAFETY: it takes a number and answers with one.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Ok(Duration::from_secs(1) * ticks / u32::try_from(per_second).map_err(io::Error::other)?)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

fn wait_for_port(file: &Path) -> Option<u16> {
    let start = Instant::now();
    while start.elapsed() < START {
        // It is written as a whole or not at all.
        if let Ok(text) = fs::read_to_string(file) {
            return text.trim().parse().ok();
        }
        sleep(Duration::from_millis(5));
    }
    None
}
