//! What is typed at a terminal, and what is printed to one. The user is played by Python's `pty` module.

use std::process::Command;

use crate::program::{SECRETARY, on, run_with};
use crate::server::{Server, with_any_name};

/// Runs the program on a terminal of its own; types each line of the last argument once a prompt has appeared; prints what the
/// terminal showed, and the code.
const PLAY: &str = r#"
import os, pty, sys, time
program, arguments, typed = sys.argv[1], sys.argv[1:-1], sys.argv[-1].split("|") if sys.argv[-1] else []
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, arguments)
shown = b""
def until(wanted):
    global shown
    while wanted is None or wanted not in shown:
        try:
            part = os.read(terminal, 1024)
        except OSError:
            return
        if not part:
            return
        shown += part
for line in typed:
    prompt, keys = line.split("=>")
    until(prompt.encode())
    # The prompt is there just before the terminal stops showing what is typed; people are slower.
    time.sleep(0.2)
    os.write(terminal, keys.encode().decode("unicode_escape").encode())
until(None)
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown.replace(b"\r\n", b"\n"))
sys.stdout.buffer.flush()
print("exit", os.waitstatus_to_exitcode(status))
"#;

/// What the terminal showed.
fn play(url: &str, arguments: &[&str], typed: &str) -> String {
    let mut command = Command::new("python3");
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin");
    command.env("SECRETARY_SERVER", url).args(["-c", PLAY, SECRETARY, "secret"]);
    let output = command.args(arguments).arg(typed).output();
    let output = output.expect("scripts/test installs python3");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn value(server: &Server, version: &str) -> String {
    let output = on(&server.url(), &["get", "--version", version, "x"]).output();
    String::from_utf8(output.expect("it runs").stdout).expect("text")
}

const SAVED: &str = "\
Enter secret: 
Confirm secret: 
Secret saved as \"x\", version 1
exit 0
";

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_value_is_asked_for_twice_and_never_shown() {
    for (command, typed, expected) in [
        (&["put", "x"][..], "hunter2", "hunter2"),
        // White space was typed on purpose.
        (&["put", "x"], " hunter 2 ", " hunter 2 "),
        (&["put", "--trim-space", "x"], " hunter2 ", " hunter2 "),
        (&["put", "--empty-ok", "x"], "", ""),
        (&["create-version", "x", "1"], "hunter2", "hunter2"),
    ] {
        let server = Server::start();
        let keys = format!("Enter secret: =>{typed}\\r|Confirm secret: =>{typed}\\r");
        assert_eq!(play(&server.url(), command, &keys), SAVED, "{command:?}");
        assert_eq!(value(&server, "1"), expected, "{command:?}");
    }
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn nothing_is_saved_of_what_is_empty_or_differs() {
    for (command, keys, expected) in [
        (
            &["put", "x"][..],
            "Enter secret: =>\\r",
            "Enter secret: \nerror: no secret provided, aborting\n",
        ),
        (
            &["put", "x"],
            "Enter secret: =>hunter2\\r|Confirm secret: =>hunter3\\r",
            "Enter secret: \nConfirm secret: \nerror: secrets do not match, aborting\n",
        ),
        (
            &["create-version", "x", "1"],
            "Enter secret: =>hunter2\\r|Confirm secret: =>\\r",
            "Enter secret: \nConfirm secret: \nerror: secrets do not match, aborting\n",
        ),
    ] {
        let server = Server::start();
        let shown = play(&server.url(), command, keys);
        assert!(shown.starts_with(expected) && shown.ends_with("exit 1\n"), "{shown}");
        assert!(!shown.contains("hunter"), "{shown}");
        assert_eq!(play(&server.url(), &["list"], ""), "NAME ACTIVE VERSIONS\nexit 0\n");
    }
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_file_goes_before_the_terminal() {
    let server = Server::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("value");
    std::fs::write(&file, "one").expect("room");
    let shown = play(&server.url(), &["put", "x", "--from-file", file.to_str().expect("text")], "");
    assert_eq!(shown, "Secret saved as \"x\", version 1\nexit 0\n");
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_newline_follows_a_value_on_a_terminal_and_nowhere_else() {
    let server = Server::start();
    run_with(&mut on(&server.url(), &["put", "x"]), b"one");
    assert_eq!(play(&server.url(), &["get", "x"], ""), "one\nexit 0\n");
    assert_eq!(
        play(&server.url(), &["get", "--json", "x"], ""),
        "{\"Value\":\"b25l\",\"Version\":1}\nexit 0\n"
    );
    assert_eq!(value(&server, "1"), "one");
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_name_does_nothing_to_the_terminal() {
    let server = with_any_name();
    let name = "a\x1b[2Jb";
    run_with(&mut on(&server.url(), &["put", name]), b"one");
    let list = "NAME        ACTIVE VERSIONS\na\\u{1b}[2Jb 1      1\nexit 0\n";
    assert_eq!(play(&server.url(), &["list"], ""), list);
    let info = play(&server.url(), &["info", name], "");
    assert!(info.starts_with("Name:           a\\u{1b}[2Jb\n"), "{info}");
    let raw = on(&server.url(), &["list"]).output().expect("it runs").stdout;
    assert!(String::from_utf8_lossy(&raw).contains(name));
}
