//! Running the program.

use std::io::Write;
use std::process::{Command, Stdio};

/// The program that cargo built for the tests.
pub(crate) const SECRETARY: &str = env!("CARGO_BIN_EXE_secretary");

/// What became of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// What it left with.
    pub(crate) code: i32,
    /// What it printed, as text where it is text.
    pub(crate) stdout: String,
    /// What it said, without the lines on whom it asked and what to do, which are in `tests/cmd/secret.txt`.
    pub(crate) said: String,
}

/// `secretary secret ARGUMENTS`, without any variables.
pub(crate) fn secretary(arguments: &[&str]) -> Command {
    let mut command = Command::new(SECRETARY);
    command.env_clear().arg("secret").args(arguments).stdin(Stdio::null());
    command
}

/// The same on the server at `url`.
pub(crate) fn on(url: &str, arguments: &[&str]) -> Command {
    let mut command = secretary(arguments);
    command.env("SECRETARY_SERVER", url);
    command
}

/// Runs `command` with nothing on standard input.
pub(crate) fn run(command: &mut Command) -> Done {
    done(&command.output().expect("the program was built"))
}

/// Runs `command` with `input` on standard input.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Done {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    // It may leave without reading it.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    done(&child.wait_with_output().expect("it ends"))
}

fn done(output: &std::process::Output) -> Done {
    let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    let stderr = text(&output.stderr);
    let is_said = |line: &&str| !line.starts_with("  ") && !line.starts_with("hint: ");
    Done {
        code: output.status.code().expect("no signal ends it"),
        stdout: text(&output.stdout),
        said: stderr.lines().filter(is_said).map(|line| format!("{line}\n")).collect(),
    }
}

/// What is expected of a run that succeeds.
pub(crate) fn prints(stdout: &str) -> Done {
    Done { code: 0, stdout: stdout.to_string(), said: String::new() }
}

/// What is expected of a run that fails with one sentence.
pub(crate) fn fails(code: i32, sentence: &str) -> Done {
    Done { code, stdout: String::new(), said: format!("error: {sentence}\n") }
}
