//! Running the program as it was recorded: exact environment, standard input, folder.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::vectors::{bytes, text};

/// What a program printed and left with.
#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) code: i32,
}

/// What is answered in place of the Go program's answer.
pub(crate) enum Ours {
    /// Nothing on standard output, this exit code, and these words on standard error.
    Refused(i32, &'static str),
    /// Exit code 0, exactly this on standard output, and nothing on standard error.
    Printed(&'static str),
    /// Exit code and standard output are the Go program's, and standard error has these words.
    Noted(&'static str),
    /// Exit code 0, nothing on standard error, and on standard output what the test itself judges.
    Judged,
}

impl Run {
    /// What the Go program printed, as recorded; standard output was left out where it was empty.
    pub(crate) fn recorded(case: &Value) -> Self {
        Self {
            stdout: case.get("stdout").map(bytes).unwrap_or_default(),
            stderr: bytes(&case["stderr"]),
            code: case["exit"].as_i64().and_then(|code| code.try_into().ok()).expect("exit code"),
        }
    }

    /// Whether this is what it has to be: byte for byte what the Go program did, or the listed
    /// difference, which must be one.
    pub(crate) fn judge(&self, go: &Self, difference: Option<&Ours>) -> Result<(), String> {
        let says = |words: &str| String::from_utf8_lossy(&self.stderr).contains(words);
        let silent = self.stderr.is_empty();
        let good = match difference {
            None => self == go,
            Some(_) if self == go => false,
            Some(Ours::Refused(code, words)) => {
                self.code == *code && self.stdout.is_empty() && says(words)
            }
            Some(Ours::Printed(text)) => self.code == 0 && self.stdout == text.as_bytes() && silent,
            Some(Ours::Noted(words)) => {
                (self.code, &self.stdout) == (go.code, &go.stdout) && says(words)
            }
            Some(Ours::Judged) => self.code == 0 && silent,
        };
        if good { Ok(()) } else { Err(format!("\n  ours {}\n  go   {}", self.shown(), go.shown())) }
    }

    /// The start of it, as a person reads it.
    pub(crate) fn shown(&self) -> String {
        let [out, err] = [&self.stdout, &self.stderr].map(|b| b[..b.len().min(300)].escape_ascii());
        format!("{} \"{out}\" \"{err}\"", self.code)
    }
}

/// The environment of a case, each entry as `NAME=value`.
pub(crate) fn environ(case: &Value) -> Vec<Vec<u8>> {
    let entries = case["env"].as_array().expect("an environment is a list");
    entries
        .iter()
        .map(|entry| match entry.as_array() {
            Some(pair) => format!("{}={}", text(&pair[0]), text(&pair[1])).into_bytes(),
            None => bytes(entry),
        })
        .collect()
}

/// The arguments of a case.
pub(crate) fn arguments(case: &Value) -> Vec<&str> {
    case["args"].as_array().expect("arguments are a list").iter().map(text).collect()
}

/// Runs the program in `folder`.
pub(crate) fn run(folder: &Path, environ: &[Vec<u8>], arguments: &[&str], stdin: &[u8]) -> Run {
    let mut command = with_environ(environ, env!("CARGO_BIN_EXE_secretary"));
    finish(command.args(arguments).current_dir(folder), stdin)
}

/// Runs `program` with nothing but `environ` around it.
///
/// The standard library sorts the variables it passes on; env(1) keeps their order, but takes none
/// without a name.
pub(crate) fn with_environ(environ: &[Vec<u8>], program: &str) -> Command {
    if environ.iter().all(|entry| entry.first() != Some(&b'=')) {
        let mut command = Command::new("env");
        command.arg("-i").args(environ.iter().map(|entry| OsStr::from_bytes(entry))).arg(program);
        return command;
    }
    let mut command = Command::new(program);
    command.env_clear();
    for entry in environ {
        let end = entry.iter().position(|&byte| byte == b'=').expect("an entry has a =");
        command.env(OsStr::from_bytes(&entry[..end]), OsStr::from_bytes(&entry[end + 1..]));
    }
    command
}

/// Runs `command` with `stdin` as its standard input.
pub(crate) fn finish(command: &mut Command, stdin: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut input = child.stdin.take().expect("a pipe");
    let output = thread::scope(|scope| {
        // A program that fails early leaves its input unread.
        scope.spawn(move || {
            if let Err(error) = input.write_all(stdin) {
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
            }
        });
        child.wait_with_output().expect("waited for")
    });
    let code = output.status.code().unwrap_or_else(|| panic!("ended by {}", output.status));
    Run { stdout: output.stdout, stderr: output.stderr, code }
}
