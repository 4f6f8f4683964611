//! Executables to test, each with the owner and mode that a case asks for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// The program that does what its argument says, as it was built.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_secretary")).parent().expect("a folder");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["build", "--quiet", "--offline", "--locked", "-p", "secretary-test-backend"]);
        cargo.arg("--target-dir").arg(folder.parent().expect("the target folder"));
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(built.expect("cargo runs the tests, so it is there").success());
        folder.join("secretary-test-backend")
    })
}

/// That program in a folder of its own, as an agent of the user who runs the tests wants it.
pub(crate) fn good() -> &'static Path {
    static GOOD: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = GOOD.get_or_init(|| {
        let folder = folder();
        let path = folder.path().join("backend");
        copy(built(), &path, "0700", None);
        (folder, path)
    });
    path
}

/// That program at `path`, with a mode in octal digits, and an owner and group, which takes root.
pub(crate) fn with_rights(path: &Path, mode: &str, owner: Option<(u32, u32)>) {
    copy(built(), path, mode, owner);
}

/// A file with `contents` at `path`.
pub(crate) fn script(path: &Path, contents: &str, mode: &str) {
    let source = path.with_extension("source");
    fs::write(&source, contents).expect("written");
    copy(&source, path, mode, None);
}

/// Another process writes the file: one of this process' descriptors for it could be inherited by a process that
/// another test is just starting, and what is open for writing can't be run.
pub(crate) fn copy(from: &Path, to: &Path, mode: &str, owner: Option<(u32, u32)>) {
    let mut install = Command::new("install");
    install.args(["-m", mode]);
    if let Some((uid, gid)) = owner {
        install.args(["-o", &uid.to_string(), "-g", &gid.to_string()]);
    }
    let done = install.arg(from).arg(to).status().expect("coreutils");
    assert!(done.success(), "{}", to.display());
}

/// An empty folder that everybody can look into.
pub(crate) fn folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
    folder
}
