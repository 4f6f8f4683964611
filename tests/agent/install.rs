//! `secretary agent install`, for the user who runs the tests: what is put where, and what is left as it is.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::backend;

/// What is printed, and how it ends.
fn install(path: &Path, flags: &[&str]) -> (Output, String) {
    let own = nix::unistd::User::from_uid(nix::unistd::getuid()).expect("a database");
    let output = Command::new(env!("CARGO_BIN_EXE_secretary"))
        .args(["agent", "install", "--user", &own.expect("an account").name, "--path"])
        .arg(path)
        .args(flags)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, told)
}

#[test]
fn a_copy_is_the_agents_alone_and_answers() {
    let folder = backend::folder();
    let path = folder.path().join("db-secret-backend");
    let (output, told) = install(&path, &["--dry-run"]);
    let setting = format!("secret_backend_command: {}\n", path.display());
    assert!(output.status.success() && !path.exists(), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), setting);
    let (output, told) = install(&path, &[]);
    assert!(output.status.success(), "{told}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), setting);
    let rights = fs::metadata(&path).expect("a copy");
    assert_eq!((rights.mode() & 0o7777, rights.uid()), (0o500, nix::unistd::getuid().as_raw()));
}

#[test]
fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let folder = backend::folder();
    let path = folder.path().join("secretary-agent");
    fs::write(&path, "old").expect("written");
    for flags in [&[][..], &["--dry-run"]] {
        let (output, told) = install(&path, flags);
        assert_eq!(output.status.code(), Some(1));
        assert!(told.contains("--force replaces"), "{told}");
        assert_eq!(fs::read(&path).expect("there"), b"old");
    }
    let (output, told) = install(&path, &["--force"]);
    assert!(output.status.success(), "{told}");
}

/// As root it would be written to, and given to the agent's user.
#[test]
fn what_is_no_file_is_not_touched() {
    let folder = backend::folder();
    let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o644)).expect("made");
    // A reader, so that who opens it to write does not wait.
    let _reader = fs::File::options().read(true).write(true).open(&pipe).expect("open");
    symlink("pipe", &link).expect("made");
    for path in [&pipe, &link] {
        let (output, told) = install(path, &["--force"]);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("it is not a regular file"), "{told}");
        let rights = fs::metadata(&pipe).expect("there");
        assert!(rights.file_type().is_fifo() && rights.mode() & 0o777 == 0o644);
    }
    fs::write(folder.path().join("file"), "old").expect("written");
    let link = folder.path().join("to-file");
    symlink("file", &link).expect("made");
    let (output, told) = install(&link, &["--force"]);
    assert!(!output.status.success() && told.contains("symbolic link"), "{told}");
    assert_eq!(fs::read(&link).expect("there"), b"old");
}
