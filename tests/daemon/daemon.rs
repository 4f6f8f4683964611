//! Running `secretary daemon`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::with_environ;
use crate::surroundings::Surroundings;

/// How long a daemon may take until it listens, on a loaded machine.
const START: Duration = Duration::from_secs(30);

/// A daemon that runs until this is dropped.
pub(crate) struct Daemon {
    child: Child,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// Read to its end, so that the daemon never waits for a reader.
    _lines: Receiver<String>,
    _folder: TempDir,
}

/// A daemon that ended instead: its exit code, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Daemon {
    /// The daemon of a case.
    pub(crate) fn of(case: &Value, surroundings: &Surroundings) -> Self {
        let arguments = surroundings.arguments(case);
        let started = Self::start(&surroundings.environ(case), &arguments);
        started.unwrap_or_else(|ended| panic!("the daemon ended: {ended:?}"))
    }

    /// Starts a daemon on a free port of 127.0.0.1, in an empty folder.
    pub(crate) fn start(environ: &[Vec<u8>], arguments: &[String]) -> Result<Self, Ended> {
        let folder = tempfile::tempdir().expect("a folder");
        let port_file = folder.path().join("port");
        let mut child = with_environ(environ, env!("CARGO_BIN_EXE_secretary"))
            .args(["daemon", "--ip", "127.0.0.1", "--port", "0", "--port-file"])
            .arg(&port_file)
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let lines = read_lines(child.stderr.take().expect("a pipe"));
        match wait_until_it_listens(&lines) {
            Ok(port) => {
                assert_eq!(port_in(&port_file), port, "the port file and the line agree");
                Ok(Self { child, port, _lines: lines, _folder: folder })
            }
            Err(stderr) => {
                let _ = child.kill();
                let code = child.wait().expect("waited for").code();
                Err(Ended { code, stderr })
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stderr: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// The port, or all that was said when the daemon ended or took too long.
fn wait_until_it_listens(lines: &Receiver<String>) -> Result<u16, String> {
    let mut said = String::new();
    loop {
        match lines.recv_timeout(START) {
            Ok(line) => match port_of(&line) {
                Some(port) => return Ok(port),
                None => said.extend([&line, "\n"]),
            },
            Err(RecvTimeoutError::Disconnected) => return Err(said),
            Err(RecvTimeoutError::Timeout) => return Err(said + "and then nothing\n"),
        }
    }
}

/// `listening on http://127.0.0.1:PORT`
fn port_of(line: &str) -> Option<u16> {
    let (_, url) = line.split_once("listening on ")?;
    url.split_once("://127.0.0.1:")?.1.parse().ok()
}

fn port_in(file: &Path) -> u16 {
    let text = fs::read_to_string(file).expect("the port file is there once it listens");
    text.trim().parse().expect("a port")
}
