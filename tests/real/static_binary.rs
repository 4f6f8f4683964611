//! The static binaries in a root folder that has nothing else, as in an image made from scratch.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{shipped, small};

#[test]
#[ignore = "needs root and the static binary, which scripts/test builds"]
fn works_alone_in_an_empty_root_folder() {
    works_in_an_empty_root_folder(Path::new(&shipped()));
}

#[test]
#[ignore = "needs root and the small static binary, which scripts/test builds"]
fn the_small_one_works_alone_in_an_empty_root_folder() {
    works_in_an_empty_root_folder(Path::new(&small()));
}

fn works_in_an_empty_root_folder(program: &Path) {
    let root = tempfile::tempdir().expect("a folder");
    // By another process: one that is started by another thread meanwhile would keep the copy open for
    // writing, and what is written can't be run.
    let copied = Command::new("cp").args([program, &root.path().join("secretary")]).status();
    assert!(copied.expect("cp is a part of the base system").success());
    let run = |args: &[&str], input: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new("/usr/sbin/chroot");
        command
            .arg(root.path())
            .arg("/secretary")
            .args(args)
            .env_clear()
            .envs(variables.iter().copied());
        fs::write(root.path().join("input"), input).expect("written");
        command
            .stdin(fs::File::open(root.path().join("input")).expect("open"))
            .stderr(Stdio::piped());
        let output = command.output().expect("chroot is a part of the base system");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    run(&["genkeys"], "", &[]);
    let token = run(&["encrypt"], "secret", &[]);
    assert_eq!(run(&["decrypt"], &format!("[{token}]"), &[]), "[secret]");
    assert_eq!(run(&["decrypt", "-e"], "", &[("X", &token)]), "export X='secret'\n");
    // The image's ENTRYPOINT, with the only program there is.
    let started = run(
        &["exec", "--", "/secretary", "decrypt", "-e", "--format", "null"],
        "",
        &[("X", &token)],
    );
    assert_eq!(started, "", "the started program finds no token, because it finds the secret");
    assert_eq!(
        run(&["exec", "--", "/secretary", "version"], "", &[]),
        format!("{}\n", env!("CARGO_PKG_VERSION"))
    );
}
