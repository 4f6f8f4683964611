//! The scripts that users copy: the container entrypoint and the wrapper for config repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Keys, SECRETARY, environ_block, output_of};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name)
}

#[test]
fn the_entrypoint_decrypts_and_becomes_the_service() {
    let keys = Keys::new();
    for service_key in [false, true] {
        let mut command = keys.command("sh");
        command.arg(script("launch.sh")).args(["cat", "/proc/self/environ"]);
        command.env("SECRET", keys.seal(b"it's  *\n")).env("PLAIN", "x");
        if service_key {
            command.env("SERVICE_PUBLIC_KEY", &keys.config_public).env("SERVICE_PRIVATE_KEY", "y");
        }
        let environ = environ_block(&output_of(&mut command));
        assert_eq!(environ["SECRET"], b"it's  *\n");
        assert_eq!(environ["PLAIN"], b"x");
        assert!(!environ.keys().any(|name| name.ends_with("PRIVATE_KEY") || name == "SECRETS"));
    }
}

#[test]
fn the_entrypoint_starts_nothing_when_a_token_fails() {
    let keys = Keys::new();
    let mut command = keys.command("sh");
    command.arg(script("launch.sh")).args(["echo", "started"]).env("SECRET", "ENC[NACL,AAAA]");
    let output = command.output().expect("run");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), b"".as_slice()));
}

/// A config repository with the wrapper, and a place to download from.
struct Repository {
    folder: tempfile::TempDir,
    sha256: String,
}

impl Repository {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let name =
            output_of(Command::new("sh").args(["-c", "echo secretary-$(uname -s)-$(uname -m)"]));
        let name = String::from_utf8(name).expect("text");
        fs::create_dir(folder.path().join("releases")).expect("made");
        fs::copy(SECRETARY, folder.path().join("releases").join(name.trim())).expect("copied");
        fs::copy(script("secretary"), folder.path().join("secretary")).expect("copied");
        let sum = output_of(Command::new("sha256sum").arg(SECRETARY));
        let sha256 =
            String::from_utf8(sum).expect("text").split(' ').next().expect("a sum").to_string();
        Self { folder, sha256 }
    }

    fn run(&self, sha256: &str) -> Output {
        let mut command = Command::new(self.folder.path().join("secretary"));
        command.arg("version").env("SECRETARY_SHA256", sha256);
        command
            .env("SECRETARY_URL_BASE", format!("file://{}/releases", self.folder.path().display()));
        command.output().expect("run")
    }

    fn kept(&self) -> Vec<PathBuf> {
        let folder = fs::read_dir(self.folder.path().join("target"));
        folder
            .map(|entries| entries.map(|entry| entry.expect("an entry").path()).collect())
            .unwrap_or_default()
    }
}

#[test]
#[ignore = "needs curl, which scripts/test installs"]
fn the_wrapper_runs_the_pinned_version_and_no_other() {
    let repository = Repository::new();
    let wrong = repository.run(&"0".repeat(64));
    assert_eq!(
        (wrong.status.code(), repository.kept().len()),
        (Some(3), 0),
        "a download with another sum is not kept"
    );
    assert_eq!(repository.run("").status.code(), Some(3), "without a sum nothing is run");

    for _ in 0..2 {
        let right = repository.run(&repository.sha256);
        assert_eq!(
            String::from_utf8_lossy(&right.stdout),
            format!("{}\n", env!("CARGO_PKG_VERSION"))
        );
    }

    let kept = repository.kept().pop().expect("the program is kept");
    fs::write(&kept, "#!/bin/sh\necho another program\n").expect("written");
    let changed = repository.run(&repository.sha256);
    assert_eq!((changed.status.code(), changed.stdout.as_slice()), (Some(3), b"".as_slice()));
}
