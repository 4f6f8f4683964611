//! A folder with key files, and the program that runs there.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use secretary_acl::{Ace, Kind, Sid, current_user, dacl};
use tempfile::TempDir;

/// Starts a process that has no console and gets none, as a service's.
const DETACHED_PROCESS: u32 = 8;

pub(crate) struct Machine(TempDir);

/// What a program printed, and left with.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Machine {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// A folder with a master and a config pair, as `genkeys` makes them.
    pub(crate) fn with_keys() -> Self {
        let machine = Self::new();
        machine.secretary(&["genkeys"], b"").succeeded();
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).expect("room");
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file")
    }

    /// Runs the program.
    pub(crate) fn secretary(&self, arguments: &[&str], input: &[u8]) -> Run {
        self.secretary_with(&[], arguments, input)
    }

    /// The same with further variables.
    pub(crate) fn secretary_with(
        &self,
        variables: &[(&str, &str)],
        arguments: &[&str],
        input: &[u8],
    ) -> Run {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        run(command, input)
    }

    /// The program with these arguments, in the folder, without a console.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_secretary").as_ref(), arguments)
    }

    /// Another program, started in the same way.
    pub(crate) fn command_of(&self, program: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.0).creation_flags(DETACHED_PROCESS);
        command
    }

    /// The token of `secret`.
    pub(crate) fn token(&self, secret: &[u8]) -> String {
        let run = self.secretary(&["encrypt"], secret);
        String::from_utf8(run.succeeded().stdout).expect("a token is text")
    }
}

impl Run {
    /// It has to have said nothing but what is a note.
    pub(crate) fn succeeded(self) -> Self {
        let silent = self.stderr.lines().all(|line| line.starts_with("note: "));
        assert!(self.code == 0 && silent, "{self:?}");
        self
    }

    /// It has to have failed with this code and these words, and printed nothing else.
    pub(crate) fn failed(self, code: i32, words: &str) {
        assert!(self.code == code && self.stdout.is_empty(), "{self:?}");
        assert!(self.stderr.starts_with("error: ") && self.stderr.contains(words), "{self:?}");
        assert!(!self.stderr.contains("os error") && !self.stderr.contains('\r'), "{self:?}");
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.stdout).expect("text")
    }
}

pub(crate) fn run(mut command: Command, input: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    let Output { status, stdout, stderr } = thread::scope(|scope| {
        // It may end without reading.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("waited for")
    });
    let code = status.code().expect("an exit code");
    Run { code, stdout, stderr: String::from_utf8(stderr).expect("text") }
}

/// Whether the access list of the file at `path` names this user and the system alone.
pub(crate) fn is_owner_only(path: &Path) -> bool {
    let list: Vec<Ace> = dacl(path).expect("read").expect("there is a list");
    let (me, system) = (current_user().expect("a user"), Sid::local_system());
    assert!(list.iter().any(|ace| ace.kind == Kind::Allow && ace.sid == me), "{list:?}");
    list.iter().all(|ace| ace.sid == me || ace.sid == system)
}
