//! The server under test: a folder with all that it needs, its process, and what that takes.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;

/// A token, and its hash in the file.
pub const TOKEN: &str = "st_for_a_server_on_this_machine_alone";
const TOKENS: &str = r#"[[token]]
name = "bench"
sha256 = "96d77dc6087b66e481ea2e202c1f54769206b3f11e515773cf58979371a0fec4"
"#;

const POLICY: &str = r#"[[grant]]
principal = ["token:bench"]
action = ["get", "put"]
secret = ["*"]
"#;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// A folder with a server's files, and what a client needs for TLS.
pub struct Place {
    folder: TempDir,
    program: PathBuf,
    /// For connections that trust its certificate.
    pub tls: Arc<ClientConfig>,
}

impl Place {
    /// A new one in `folder`.
    pub fn new(program: &Path, folder: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("server-").tempdir_in(folder)?;
        for (name, text) in [("tokens.toml", TOKENS), ("policy.toml", POLICY), ("key", KEY)] {
            fs::write(folder.path().join(name), text)?;
        }
        let tls = certify(folder.path())?;
        Ok(Self { folder, program: program.to_path_buf(), tls })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the server and waits until it listens.
    pub fn start(&self) -> io::Result<Server> {
        let begun = Instant::now();
        let mut child = Command::new(&self.program)
            .env_clear()
            .current_dir(self.path())
            .args([
                "server",
                "--listen",
                "127.0.0.1:0",
                "--key-file",
                "key",
                "--state-dir",
                "state",
            ])
            .args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"])
            .args(["--tokens", "tokens.toml", "--policy", "policy.toml"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let mut said = String::new();
        let address = loop {
            let start = said.len();
            if lines.read_line(&mut said)? == 0 {
                return Err(io::Error::other(format!("the server has ended: {said}")));
            }
            if let Some((_, address)) = said[start..].split_once("listening on https://") {
                break address.trim().parse().map_err(io::Error::other)?;
            }
        };
        let took = begun.elapsed();
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        Ok(Server { child, address, took })
    }
}

/// Writes a certificate for this machine, and answers what trusts it.
fn certify(folder: &Path) -> io::Result<Arc<ClientConfig>> {
    let key = || KeyPair::generate().expect("random bytes");
    let mut authority = CertificateParams::new([]).expect("no names are good names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("a key that signs");
    let (names, key) = (vec!["127.0.0.1".to_string()], key());
    let certificate = CertificateParams::new(names).expect("an address");
    let certificate = certificate.signed_by(&key, &authority).expect("a key that signs");
    fs::write(folder.join("cert.pem"), certificate.pem())?;
    fs::write(folder.join("key.pem"), key.serialize_pem())?;
    let mut roots = RootCertStore::empty();
    let authority: CertificateDer<'_> = authority.der().clone();
    roots.add(authority).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for both versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it listened.
    pub took: Duration,
}

impl Server {
    /// What it has computed until now.
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name may have spaces and ends with the last bracket; 11 fields are between it and these two.
        let rest = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 =
            rest.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        // SAFETY: the call takes a number and answers one.
        let tick = unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1);
        Ok(Duration::from_secs_f64(ticks as f64 / tick as f64))
    }

    /// Its memory now, in MiB: all of it, and what of that is not of files, as the program itself is.
    pub fn memory(&self) -> io::Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(f64::NAN)
        };
        Ok((of("VmRSS:") / 1024.0, of("RssAnon:") / 1024.0))
    }

    /// Ends it as an administrator does, and waits for that.
    pub fn end(&mut self) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        // SAFETY: the call takes two numbers; the process is a child that was not waited for.
        unsafe { libc::kill(id, libc::SIGTERM) };
        self.child.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
