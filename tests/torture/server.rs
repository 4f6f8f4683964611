//! A folder with a server's state, the server that runs there, and its end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::Connection;

/// A token, and its hash in the file.
pub(crate) const TOKEN: &str = "st_for_a_server_on_this_machine_alone";
const TOKENS: &str = r#"[[token]]
name = "torture"
sha256 = "96d77dc6087b66e481ea2e202c1f54769206b3f11e515773cf58979371a0fec4"
"#;

const POLICY: &str = r#"[[grant]]
principal = ["token:torture"]
action = ["get", "info", "put", "create-version", "activate", "delete"]
secret = ["*"]
"#;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

/// What a server needs, and what it leaves.
pub(crate) struct Place {
    folder: TempDir,
    state: PathBuf,
    audit_log: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        Self::with(folder, state.clone(), state.join("audit.log"))
    }

    /// With the state and the log elsewhere.
    pub(crate) fn with(folder: TempDir, state: PathBuf, audit_log: PathBuf) -> Self {
        for (name, text) in [("tokens.toml", TOKENS), ("policy.toml", POLICY), ("key", KEY)] {
            fs::write(folder.path().join(name), text).expect("room");
        }
        Self { folder, state, audit_log }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.state.join("secrets.db")
    }

    /// How many bytes are in SQLite's log.
    pub(crate) fn log_of_store(&self) -> u64 {
        let log = self.store().with_extension("db-wal");
        fs::metadata(log).map_or(0, |log| log.len())
    }

    pub(crate) fn audit_log(&self) -> &Path {
        &self.audit_log
    }

    /// Starts a server, and waits until it listens.
    pub(crate) fn start(&self) -> Server {
        let begun = Instant::now();
        let mut child = Command::new(program())
            .env_clear()
            .current_dir(self.folder.path())
            .args(["server", "--listen", "127.0.0.1:0", "--key-file", "key"])
            .args(["--tokens", "tokens.toml", "--policy", "policy.toml"])
            .arg("--state-dir")
            .arg(&self.state)
            .arg("--audit-log")
            .arg(&self.audit_log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        let port = loop {
            let start = said.len();
            let read = lines.read_line(&mut said).expect("text");
            assert!(read > 0, "the server has ended, and said:\n{said}");
            if let Some((_, port)) = said[start..].rsplit_once("listening on http://127.0.0.1:") {
                break port.trim().parse().expect("a port");
            }
        };
        let took = begun.elapsed();
        let said = Arc::new(Mutex::new(said));
        let more = Arc::clone(&said);
        // It would wait for room in the pipe otherwise.
        thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
                more.lock().expect("no panic with it").push_str(&std::mem::take(&mut line));
            }
            let _ = lines.read_to_end(&mut Vec::new());
        });
        Server { child, port, took, said }
    }

    /// What `secretary audit verify` says of these files and of the log that is being written.
    pub(crate) fn verify(&self, before: &[PathBuf]) -> Result<(), String> {
        let output = Command::new(program())
            .env_clear()
            .args(["audit", "verify"])
            .args(before)
            .arg(&self.audit_log)
            .output()
            .expect("started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
    }

    /// What SQLite finds wrong with the store, beside a server that has it open.
    pub(crate) fn damage(&self) -> Vec<String> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let store = rusqlite::Connection::open_with_flags(self.store(), flags).expect("a store");
        let mut check = store.prepare("PRAGMA integrity_check").expect("SQLite knows it");
        let rows = check.query_map([], |row| row.get(0)).expect("it answers");
        let rows: Vec<String> = rows.map(|row| row.expect("a row")).collect();
        rows.into_iter().filter(|row| row != "ok").collect()
    }
}

/// The program under test.
fn program() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_secretary"));
    std::env::var_os("SECRETARY_STATIC").map_or_else(built, PathBuf::from)
}

/// A server that runs until it is killed, or this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// From its start until it listened.
    pub(crate) took: Duration,
    said: Arc<Mutex<String>>,
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.port).expect("it listens")
    }

    /// What it has written to standard error.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no panic with it").clone()
    }

    /// Ends it as a power failure of this process would.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("waited for");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// JSON of an answer, or of a line.
pub(crate) fn json(text: &[u8]) -> Value {
    let shown = || String::from_utf8_lossy(text).into_owned();
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", shown()))
}
