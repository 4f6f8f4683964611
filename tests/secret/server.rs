//! The other end.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::fake::{Fake, Reply};
use crate::program::SECRETARY;
use crate::setec::Setec;

/// `secretary server`. It ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    url: String,
}

impl Server {
    /// One without any secrets, on which everybody may do everything.
    pub(crate) fn start() -> Self {
        Self::spawn(Command::new(SECRETARY).args(["server", "--dev"]))
    }

    /// The one that `command` starts.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut process = command
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut stderr = BufReader::new(process.stderr.take().expect("a pipe"));
        let mut said = String::new();
        let url = loop {
            let mut line = String::new();
            let len = stderr.read_line(&mut line).expect("text");
            assert!(len > 0, "the server ended: {said}");
            if let Some((_, url)) = line.split_once("listening on ") {
                break url.trim_end().to_string();
            }
            said.push_str(&line);
        };
        // It writes a line about each call, and would wait for who reads it.
        thread::spawn(move || io::copy(&mut stderr, &mut io::sink()));
        Self { process, url }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server that takes names with control characters in them for new secrets, as setec does.
pub(crate) fn with_any_name() -> Setec {
    Setec::start()
}

/// A server on which nobody may do anything.
pub(crate) fn denying() -> Fake {
    Fake::start(Reply::new(403, "access denied\n"))
}

/// Where nobody listens.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";
