//! Running `secretary agent test`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::backend;

/// A configuration in a folder of its own, and how it is tested.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    /// What stands before the program's own name, such as `setpriv`.
    pub(crate) wrapper: Vec<String>,
    pub(crate) program: PathBuf,
    pub(crate) flags: Vec<String>,
}

impl Setup {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            folder: backend::folder(),
            wrapper: Vec::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_secretary")),
            flags: Vec::new(),
        }
    }

    /// A main configuration, and the good executable, told to do `told`.
    pub(crate) fn of_main(yaml: &str, told: &Value) -> Self {
        let setup = Self::new().told(told);
        setup.file("stackstate.yaml", yaml);
        setup
    }

    /// The good executable, told to do `told`.
    pub(crate) fn told(self, told: &Value) -> Self {
        let path = backend::good().display().to_string();
        self.flags(["--command", &path, "--arg", &told.to_string()])
    }

    pub(crate) fn flags<'a>(mut self, flags: impl IntoIterator<Item = &'a str>) -> Self {
        self.flags.extend(flags.into_iter().map(str::to_string));
        self
    }

    /// Puts a file below the folder.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, contents).expect("written");
        path
    }

    /// The path of something below the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it in the folder with `more` flags, and with nothing in its environment but `PATH` and `variables`.
    pub(crate) fn run(&self, more: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut words = self.wrapper.iter().map(OsStr::new).chain([self.program.as_os_str()]);
        let mut command = Command::new(words.next().expect("a program"));
        command.args(words).args(["agent", "test"]).args(&self.flags).args(more);
        command.current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(variables.iter().copied()).output().expect("it runs")
    }

    /// What it prints for people, and its exit code.
    pub(crate) fn printed(&self, more: &[&str]) -> (String, Option<i32>) {
        let output = self.run(more, &[]);
        (String::from_utf8(output.stdout).expect("text"), output.status.code())
    }

    /// Runs it on the whole folder and reads all that it can say.
    pub(crate) fn found(&self) -> Found {
        self.found_with(&[])
    }

    /// The same with variables.
    pub(crate) fn found_with(&self, variables: &[(&str, &str)]) -> Found {
        let flags = ["--json", "--configcheck", "--show-secrets", "--config", "."];
        let output = self.run(&flags, variables);
        let code = output.status.code();
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
            panic!("{code:?} {}", String::from_utf8_lossy(&output.stderr));
        });
        Found { json, code }
    }
}

/// What it said.
pub(crate) struct Found {
    pub(crate) json: Value,
    pub(crate) code: Option<i32>,
}

impl Found {
    /// The text of the first configuration's only section, or its error.
    pub(crate) fn first(&self) -> Result<&str, &str> {
        let configuration = &self.json["configurations"][0];
        match configuration["sections"][0]["text"].as_str() {
            Some(text) => Ok(text),
            None => Err(configuration["error"].as_str().expect("a text or an error")),
        }
    }

    /// The handles that are known, in order.
    pub(crate) fn handles(&self) -> Vec<&str> {
        let handles = self.json["secrets"]["handles"].as_object().expect("handles");
        handles.keys().map(String::as_str).collect()
    }

    /// How many processes there were.
    pub(crate) fn calls(&self) -> usize {
        self.json["calls"].as_array().expect("calls").len()
    }
}

/// The requests that a backend was told to record at `path`.
pub(crate) fn recorded(path: &Path) -> Vec<String> {
    let Ok(bytes) = fs::read(path) else { return Vec::new() };
    let requests = bytes.split(|byte| *byte == 0).filter(|request| !request.is_empty());
    requests.map(|request| String::from_utf8(request.to_vec()).expect("text")).collect()
}
