//! How an executable gets where an agent runs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::{NOTHING, text};
use crate::machine::{Machine, is_owner_only};

/// Whom wine takes this process to be run by.
fn user() -> String {
    std::env::var("USERNAME").expect("a name")
}

/// A folder outside of the machine's own that goes with the test.
struct Passing(PathBuf);

impl Passing {
    fn new(folder: PathBuf) -> Self {
        assert!(!folder.exists(), "{} is somebody's", folder.display());
        Self(folder)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What somebody put where Linux has this executable: at a drive's root everybody may make folders.
fn planted(on_drive_of: &Path) -> Passing {
    let folder = on_drive_of.ancestors().last().expect("a drive").join("proc");
    let planted = Passing::new(folder);
    fs::create_dir_all(planted.0.join("self")).expect("made");
    fs::write(planted.0.join(r"self\exe"), "somebody else's").expect("room");
    planted
}

#[test]
fn an_installed_copy_is_the_agents_and_answers() {
    let machine = Machine::with_keys();
    let user = user();
    let target = machine.path("it's a copy.exe");
    let dry = ["agent", "install", "--user", &user, "--path", r".\it's a copy.exe", "--dry-run"];
    let planted = planted(&target);
    let would = machine.secretary(&dry, b"").succeeded();
    assert!(!target.exists(), "{would:?}");
    let installed = machine.secretary(&dry[..dry.len() - 1], b"").succeeded();
    let setting = format!(
        "secret_backend_command: '{}'\nsecret_backend_arguments:\n  - agent\n",
        text(&target).replace('\'', "''")
    );
    assert_eq!((would.text(), installed.text()), (setting.as_str(), setting.as_str()));
    assert!(installed.stderr.contains("the agent would run it"), "{installed:?}");
    let this = fs::read(env!("CARGO_BIN_EXE_secretary")).expect("the program");
    assert!(fs::read(&target).expect("a copy") == this, "it is another program");
    drop(planted);
    assert!(is_owner_only(&target), "wine has nobody else in the list");
    // What was printed is a configuration that an agent starts with.
    let token = machine.token(b"secret");
    machine.write("stackstate.yaml", format!("{setting}api_key: {token}\n").as_bytes());
    machine.secretary(&["agent", "test", "--config", "stackstate.yaml"], b"").succeeded();

    // What is there stays.
    let again = ["agent", "install", "--user", &user, "--path", text(&target)];
    fs::write(&target, "another").expect("room");
    machine.secretary(&again, b"").failed(1, "already exists");
    assert_eq!(fs::read(&target).expect("a file"), b"another");
    machine.secretary(&[&again[..], &["--force"]].concat(), b"").succeeded();
    assert!(fs::read(&target).expect("a copy") == this, "it was not replaced");
}

#[test]
fn a_copy_that_runs_stays_and_is_told_of() {
    let machine = Machine::new();
    let target = machine.path("secretary-agent.exe");
    let install = ["agent", "install", "--force", "--user", &user(), "--path", text(&target)];
    let installed = machine.secretary(&install, b"").succeeded();
    assert_eq!(installed.text(), format!("secret_backend_command: '{}'\n", text(&target)));
    let mut running = machine.command_of(&target, NOTHING);
    // It waits for its request.
    running.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut running = running.stderr(Stdio::null()).spawn().expect("started");
    let run = machine.secretary(&install, b"");
    assert!(run.stderr.contains("while an agent runs what is there"), "{run:?}");
    run.failed(3, "cannot write");
    drop(running.stdin.take());
    assert_eq!(running.wait().expect("it ends").code(), Some(1));
    machine.secretary(&install, b"").succeeded();
    let left: Vec<_> = fs::read_dir(machine.path("")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing else is left: {left:?}");
}

#[test]
fn an_agent_that_is_not_there_gets_nothing() {
    let machine = Machine::new();
    let target = machine.path("x.exe");
    let install = ["agent", "install", "--path", text(&target)];
    machine.secretary(&install, b"").failed(3, "there is no user stsagentuser or ddagentuser");
    let unknown = [&install[..], &["--user", "no-such-user"]].concat();
    machine.secretary(&unknown, b"").failed(3, "there is no user no-such-user");
    assert!(!target.exists());
}

#[test]
fn without_a_path_it_goes_to_the_programs() {
    let machine = Machine::new();
    let folder = PathBuf::from(std::env::var_os("ProgramFiles").expect("set")).join("secretary");
    let made = Passing::new(folder.clone());
    let user = user();
    let install = ["agent", "install", "--user", &user];
    machine.secretary(&[&install[..], &["--dry-run"]].concat(), b"").succeeded();
    assert!(!folder.exists());
    let run = machine.secretary(&install, b"").succeeded();
    let target = folder.join("secretary-agent.exe");
    assert_eq!(run.text(), format!("secret_backend_command: '{}'\n", text(&target)));
    assert!(is_owner_only(&target));
    drop(made);
}
