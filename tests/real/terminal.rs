//! With a user at the terminal, played by Python's `pty` module.

use crate::support::{Keys, SECRETARY, output_of};

/// Runs the program named by the first argument with the rest on a terminal of its own; types each line
/// of the last once a prompt, or a note, has appeared; prints what the terminal showed.
const PLAY: &str = r#"
import os, pty, sys, time
program, arguments, typed = sys.argv[1], sys.argv[1:-1], sys.argv[-1].split("|")
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
sys.stdout.buffer.write(shown)
print("exit", os.waitstatus_to_exitcode(status))
"#;

fn play(keys: &Keys, arguments: &[&str], typed: &str) -> String {
    let mut command = keys.command("python3");
    command.args(["-c", PLAY, SECRETARY]).args(arguments).arg(typed);
    command.env("PUBLIC_KEY", &keys.config_public).env("PRIVATE_KEY", &keys.deploy_private);
    String::from_utf8(output_of(&mut command)).expect("text")
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_secret_is_asked_for_twice_and_never_shown() {
    let keys = Keys::new();
    let shown = play(&keys, &["encrypt"], "Secret: =>hunter2\\r|Again: =>hunter2\\r");
    assert!(
        shown.contains("ENC[NACL,") && shown.ends_with("exit 0\n") && !shown.contains("hunter2"),
        "{shown}"
    );
    let start = shown.find("ENC[NACL,").expect("a token");
    let end = start + shown[start..].find(']').expect("its end") + 1;
    let mut decrypt = keys.command(SECRETARY);
    let opened =
        output_of(decrypt.args(["decrypt", "-e", "--format", "null"]).env("X", &shown[start..end]));
    assert_eq!(opened, b"X=hunter2\0");
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn two_different_secrets_make_no_token() {
    let shown = play(&Keys::new(), &["encrypt"], "Secret: =>hunter2\\r|Again: =>hunter3\\r");
    assert!(shown.contains("differ") && shown.ends_with("exit 1\n"), "{shown}");
    assert!(!shown.contains("ENC[") && !shown.contains("hunter"), "{shown}");
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn a_secret_that_is_no_text_does_not_reach_the_terminal() {
    let keys = Keys::new();
    let token = keys.seal(b"\x1b]0;title\x07");
    let typed = format!("Ctrl-D=>{token}\\r|]=>\\x04\\x04");
    let shown = play(&keys, &["decrypt"], &typed);
    assert!(
        shown.contains("not plain text")
            && shown.ends_with("exit 1\n")
            && !shown.contains("]0;title"),
        "{shown}"
    );
    let shown = play(&keys, &["decrypt", "-o", "-"], &typed);
    assert!(shown.contains("\x1b]0;title\x07") && shown.ends_with("exit 0\n"), "{shown}");
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let keys = Keys::new();
    let mut command = keys.command("python3");
    command.env("PUBLIC_KEY", &keys.config_public).env("PRIVATE_KEY", &keys.deploy_private);
    let interrupt = r#"
import os, pty, signal, sys, termios, time
outer, inner = pty.openpty()
before = termios.tcgetattr(inner)
pid = os.fork()
if pid == 0:
    # Whoever runs the tests in the background has it ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.login_tty(inner) if hasattr(os, "login_tty") else (os.setsid(), [os.dup2(inner, n) for n in range(3)], os.close(os.open(os.ttyname(inner), os.O_RDWR)))
    os.execv(sys.argv[1], [sys.argv[1], "encrypt"])
shown = b""
while b"Secret: " not in shown:
    shown += os.read(outer, 1024)
time.sleep(0.2)
os.write(outer, b"\x03")
_, status = os.waitpid(pid, 0)
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == 2, status
assert termios.tcgetattr(inner)[3] == before[3], "the terminal's local modes"
"#;
    output_of(command.args(["-c", interrupt, SECRETARY]));
}
