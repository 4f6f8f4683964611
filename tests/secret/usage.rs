//! Help, mistakes in typing, and the codes to leave with.

use crate::program::{on, run, secretary};
use crate::server::NOBODY;

/// setec leaves with 2 when it was asked for help.
#[test]
fn who_asks_for_help_gets_it() {
    let commands =
        ["list", "info", "get", "put", "create-version", "activate", "delete-version", "delete"];
    for command in commands {
        for arguments in [[command, "--help"], ["help", command]] {
            let done = run(&mut secretary(&arguments));
            assert_eq!((done.code, done.said.as_str()), (0, ""), "{arguments:?}");
            let usage = format!("Usage: secretary secret {command} ");
            assert!(done.stdout.contains(&usage), "{arguments:?}: {}", done.stdout);
            assert!(done.stdout.contains("-s, --server <URL>"), "{arguments:?}");
        }
    }
}

#[test]
fn who_mistypes_is_told_so_before_anybody_is_asked() {
    for arguments in [
        &[][..],
        &["nonsense"],
        &["list", "x"],
        &["info"],
        &["info", "a", "b"],
        &["get"],
        &["get", "x", "--version"],
        &["get", "x", "--version", "one"],
        &["get", "x", "--version", "4294967296"],
        &["get", "x", "--version", "-1"],
        &["get", "x", "--if-changed=maybe"],
        &["put"],
        &["create-version", "x"],
        &["create-version", "x", "0"],
        &["activate", "x"],
        &["activate", "x", "y"],
        &["activate", "x", "0"],
        &["activate", "x", "4294967296"],
        &["activate", "x", "1", "2"],
        &["delete-version", "x"],
        &["delete-version", "x", "y"],
        &["delete-version", "x", "1", "token", "more"],
        &["delete"],
        &["delete", "x", "token", "more"],
        &["list", "--server-timeout", "0"],
    ] {
        let done = run(&mut on(NOBODY, arguments));
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}: {done:?}");
    }
}

#[test]
fn a_value_on_the_command_line_is_not_repeated() {
    for arguments in [
        &["put", "x", "hunter2"][..],
        &["put", "x", "--value", "hunter2"],
        &["-s", NOBODY, "put", "x", "hunter2"],
        &["create-version", "x", "1", "hunter2"],
    ] {
        let output = on(NOBODY, arguments).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("hunter2") && stderr.contains("not repeated"), "{stderr}");
    }
}
