//! Running the program by any name.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a run left behind.
#[derive(Debug, PartialEq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `program` in `folder` with nothing in its environment but `environ`.
pub(crate) fn run(
    program: impl AsRef<OsStr>,
    args: &[String],
    folder: &Path,
    environ: &[(&str, String)],
    stdin: &str,
) -> Ran {
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(environ.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    // It may have ended without reading.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The program by its own name.
pub(crate) const SECRETARY: &str = env!("CARGO_BIN_EXE_secretary");
