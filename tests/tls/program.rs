//! The program, in an environment made for one run.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::CertificateParams;
use rustls::ALL_VERSIONS;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::route::{DATA_KEY, End, Route};

/// The secret that is encrypted.
pub(crate) const SECRET: &str = "swordfish";

/// A password for a proxy.
pub(crate) const PASSWORD: &str = "open-sesame";

/// What a run printed and left with.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A machine that trusts one authority, through a file.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) authority: Arc<Authority>,
    pub(crate) folder: Arc<TempDir>,
    environ: Vec<(String, String)>,
}

impl Machine {
    /// One with a region and credentials, and nothing else set.
    pub(crate) fn new() -> Self {
        let machine = Self {
            authority: Arc::new(Authority::new("trusted")),
            folder: Arc::new(tempfile::tempdir().expect("a folder")),
            environ: Vec::new(),
        };
        machine
            .with("AWS_REGION", "us-east-1")
            .with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .with("AWS_SECRET_ACCESS_KEY", "never-printed")
    }

    /// A variable more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environ.push((name.to_string(), value.to_string()));
        self
    }

    /// A variable more that names a file with these certificates.
    pub(crate) fn trusting(self, variable: &str, pem: &str) -> Self {
        let path = self.folder.path().join(variable);
        std::fs::write(&path, pem).expect("room");
        self.with(variable, path.to_str().expect("a path that is text"))
    }

    /// `$AWS_CA_BUNDLE` with the authority's certificate.
    pub(crate) fn with_bundle(self) -> Self {
        let pem = self.authority.pem();
        self.trusting("AWS_CA_BUNDLE", &pem)
    }

    /// `$HTTPS_PROXY`.
    pub(crate) fn behind(self, proxy: &Route) -> Self {
        self.with("HTTPS_PROXY", &format!("http://127.0.0.1:{}", proxy.port))
    }

    /// `$AWS_ENDPOINT_URL_KMS`, and no proxy.
    pub(crate) fn straight_to(self, end: &Route) -> Self {
        self.with("AWS_ENDPOINT_URL_KMS", &format!("https://127.0.0.1:{}", end.port))
    }

    /// AWS KMS with a certificate of the authority, and every version of TLS that is still in use.
    pub(crate) fn kms(&self, certificate: CertificateParams) -> End {
        End::Kms(self.authority.server(certificate, ALL_VERSIONS))
    }

    /// `secretary encrypt` with this key.
    pub(crate) fn encrypt(&self, key: &str) -> Run {
        // As little time as is enough here, and more than the few attempts at what fails take.
        self.run(&["encrypt", "--kms-key-id", key, "--kms-timeout", "5s"], SECRET)
    }

    /// Runs the program.
    pub(crate) fn run(&self, words: &[&str], stdin: &str) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_secretary"))
            .args(words)
            .env_clear()
            .envs(self.environ.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut input = child.stdin.take().expect("a pipe");
        input.write_all(stdin.as_bytes()).expect("it fits into the pipe");
        drop(input);
        let output = child.wait_with_output().expect("waited for");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let run = Run {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        run.keeps_secrets();
        run
    }
}

impl Run {
    fn keeps_secrets(&self) {
        let data_key = STANDARD.encode(DATA_KEY);
        let keys = ["never-printed", PASSWORD, &data_key];
        assert!(!keys.iter().any(|key| self.stderr.contains(key)), "{self:?}");
        assert!(!self.stderr.contains(SECRET), "{self:?}");
    }
}
