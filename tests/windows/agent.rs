//! An agent's secret backend: who answers, who tests it, and how it gets where an agent runs it.
//!
//! wine shows access lists as Unix modes have them: its user, the system, and for a mode like 0755 Everyone. So entries
//! for administrators and denials are tested on plain values, in the crate.

mod install;

use std::fs;
use std::path::{Path, PathBuf};

use secretary_acl::{Sid, current_user, set_owner_only};
use serde_json::{Value, json};

use crate::machine::{Machine, Run, run};

/// No arguments.
const NOTHING: &[&str] = &[];

fn request(handles: &[&str]) -> String {
    json!({"version": "1.0", "secrets": handles}).to_string()
}

fn good(value: &str) -> Value {
    json!({"value": value, "error": null})
}

fn bad(error: &str) -> Value {
    json!({"value": null, "error": error})
}

/// What was answered, which has to be one JSON object and nothing else.
fn answers(run: Run) -> Value {
    serde_json::from_str(run.succeeded().text()).expect("JSON")
}

fn me() -> String {
    current_user().expect("a user").to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

impl Machine {
    /// A copy of the program that is this user's alone, as an agent wants it.
    fn executable(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy(env!("CARGO_BIN_EXE_secretary"), &path).expect("room");
        set_owner_only(&path).expect("a list");
        path
    }

    /// Runs `agent test` with the executable at `command`, which is told to use names.
    fn test(&self, command: &Path, more: &[&str]) -> Run {
        let first = ["agent", "test", "--command", text(command)];
        let told = ["--arg", "agent", "--arg=--names", "--arg", "names.toml"];
        self.secretary(&[&first[..], &told, more].concat(), b"")
    }

    /// One raw request to that executable: what `agent test` printed, which has to fail.
    fn refused(&self, command: &Path) -> String {
        let run = self.test(command, &["--payload", &request(&["db"])]);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{run:?}");
        run.text().to_string()
    }

    /// `names.toml` with a name `db` for this secret.
    fn with_name(secret: &[u8]) -> Self {
        let machine = Self::with_keys();
        let line = format!("db = \"{}\"\r\n", machine.token(secret));
        machine.write("names.toml", line.as_bytes());
        machine
    }
}

#[test]
fn handles_are_answered_whatever_ends_the_lines() {
    let machine = Machine::with_keys();
    let token = machine.token(b"s\xc3\xa9cret\r\n");
    let handle = &token["ENC[".len()..token.len() - 1];
    machine
        .write("a.toml", format!("\u{feff}db = \"{token}\"\r\n\"a b\" = \"x{token}\"").as_bytes());
    machine.write("b.yaml", format!("\u{feff}# names\r\nother: \"{token}\"\r\n").as_bytes());
    let folded = format!("{}\r\n {}", &handle[..20], &handle[20..]);
    let input = request(&[handle, &folded, "db", "a b", "other", "none"]);
    // As Windows PowerShell pipes it.
    let input = format!("\u{feff}{input}\r\n");
    let yaml = machine.path("b.yaml");
    let flags = ["agent", "--names", r".\a.toml", "--names", text(&yaml)];
    let expected = json!({
        handle: good("sécret\r\n"),
        &folded: good("sécret\r\n"),
        "db": good("sécret\r\n"),
        "a b": good("xsécret\r\n"),
        "other": good("sécret\r\n"),
        "none": bad("there is no such name"),
    });
    assert_eq!(answers(machine.secretary(&flags, input.as_bytes())), expected);
}

#[test]
fn files_are_below_a_root_by_drive_and_by_either_slash() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path(r"secrets\db")).expect("made");
    machine.write(r"secrets\db\password", b"one\r\n");
    machine.write("outside", b"x");
    let root = machine.path("secrets");
    let root = text(&root);
    assert!(root.get(1..3) == Some(r":\"), "a drive: {root}");
    let inside = format!(r"file@{root}\db\password");
    let slashes = inside.replace('\\', "/");
    let lower = format!("file@{}{}", root[..1].to_lowercase(), &inside["file@".len() + 1..]);
    let outside = format!("file@{}", text(&machine.path("outside")));
    let drive = format!("file@{}outside", &root[..2]);
    let (device, share) = (r"file@\\.\NUL", r"file@\\server\share\x");
    let absolute = "an absolute path is not followed";
    let expected = json!({
        r"file@db\password": good("one\r\n"),
        "file@db/password": good("one\r\n"),
        &inside: good("one\r\n"),
        &slashes: good("one\r\n"),
        &lower: good("one\r\n"),
        &outside: bad(absolute),
        &drive: bad(absolute),
        device: bad(absolute),
        share: bad(absolute),
        r"file@\outside": bad(absolute),
        r"file@..\outside": bad("a path with \"..\" in it is not followed"),
        r"file@db\..\..\outside": bad("a path with \"..\" in it is not followed"),
        "file@none": bad("secret does not exist"),
        "file@NUL": bad("secret does not exist"),
        "file@db": bad(&format!(r"read {root}\db: is a directory")),
    });
    let handles: Vec<&str> =
        expected.as_object().expect("made").keys().map(String::as_str).collect();
    let flags = ["agent", "--file-root", root];
    assert_eq!(answers(machine.secretary(&flags, request(&handles).as_bytes())), expected);
}

#[test]
fn settings_are_below_program_data() {
    let machine = Machine::with_name(b"sekret\r\n");
    let folder = machine.path("data");
    fs::create_dir_all(folder.join("secretary")).expect("made");
    let names = machine.path("names.toml");
    let settings = format!("\u{feff}names = ['{}']\r\ntrim_newline = true\r\n", text(&names));
    machine.write(r"data\secretary\agent.toml", settings.as_bytes());
    let variables = [("ProgramData", text(&folder))];
    let run = machine.secretary_with(&variables, &["agent"], request(&["db"]).as_bytes());
    assert_eq!(answers(run), json!({"db": good("sekret")}));
    let settings = folder.join(r"secretary\agent.toml");
    let others = ["agent", "--config", text(&settings), "--trim-newline=false"];
    let run = machine.secretary(&others, request(&["db"]).as_bytes());
    assert_eq!(answers(run), json!({"db": good("sekret\r\n")}));
}

#[test]
fn an_executable_of_a_known_name_answers_without_arguments() {
    let machine = Machine::with_keys();
    let token = machine.token(b"secret");
    let handle = &token["ENC[".len()..token.len() - 1];
    for name in ["secretary-agent.exe", "DB-Secret-Backend.EXE"] {
        let program = machine.path(name);
        fs::copy(env!("CARGO_BIN_EXE_secretary"), &program).expect("room");
        let answered = run(machine.command_of(&program, NOTHING), request(&[handle]).as_bytes());
        assert_eq!(answers(answered), json!({ handle: good("secret") }), "{name}");
        let version = run(machine.command_of(&program, &["--version"]), b"").succeeded();
        assert_eq!(version.text(), concat!("secretary ", env!("CARGO_PKG_VERSION"), "\n"));
        fs::remove_file(&program).expect("it has ended");
    }
}

#[test]
fn a_request_that_can_not_be_handled_is_told_of_in_one_line() {
    let machine = Machine::new();
    for (input, words) in [
        ("", "failed to unmarshal json input"),
        ("{\"version\": \"2.0\", \"secrets\": [\"a\"]}\r\n", "incompatible protocol version"),
        ("\u{feff}{\"version\": \"1.0\", \"secrets\": []}", "no secrets listed in input"),
    ] {
        let run = machine.secretary(&["agent"], input.as_bytes());
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        run.failed(1, words);
    }
    let run = machine.secretary(&["agent", "--config", r"no\such.toml"], b"");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
}

#[test]
fn rights_are_judged_by_the_access_list() {
    let machine = Machine::with_name(b"sekret");
    let payload = ["--payload", &request(&["db"])];
    let path = machine.executable("backend.exe");
    let run = machine.test(&path, &payload).succeeded();
    for words in [
        "stdout:\n{\"db\":{\"value\":\"sekret\",\"error\":null}}\nstderr: None\nexit code:\n0\n",
        "Check Rights: OK, the executable has the correct rights\n",
        "Verdict: OK, an agent would take 1 secrets\n",
    ] {
        assert!(run.text().contains(words), "{run:?}");
    }
    // Nothing is added to a path.
    let bare = path.with_extension("");
    let printed = machine.refused(&bare);
    let missing = format!("Error: secretBackendCommand {} does not exist\n", text(&bare));
    assert!(printed.contains(&missing) && printed.contains("use "), "{printed}");

    let relaxed = [&payload[..], &["--allow-group-exec"]].concat();
    let run = machine.test(&path, &relaxed);
    let words = "Error: the option 'allowGroupExec=true' is not allowed on windows\n";
    assert!(run.code == 1 && run.text().contains(words), "{run:?}");

    let run = machine.test(&path, &[&payload[..], &["--user", "SYSTEM"]].concat());
    let system = Sid::local_system();
    let words = format!(
        "Error: Invalid executable '{}': other users/groups than LOCAL_SYSTEM, Administrators or {system} have rights on it\n",
        text(&path)
    );
    assert!(run.code == 1 && run.text().contains(&words), "{run:?}");
    assert!(run.stderr.starts_with("note: rights are judged as that user's"), "{run:?}");
    let nobody = machine.test(&path, &[&payload[..], &["--user", "no-such-user"]].concat());
    nobody.failed(3, "there is no user no-such-user");

    // A copy gets what its folder hands down.
    fs::copy(&path, machine.path("open.exe")).expect("room");
    let path = machine.path("open.exe");
    let printed = machine.refused(&path);
    let others = format!(
        "Error: Invalid executable '{}': other users/groups than LOCAL_SYSTEM, Administrators or {} have rights on it\n",
        text(&path),
        me()
    );
    assert!(printed.contains(&others) && printed.contains("hint: icacls"), "{printed}");
}

#[test]
fn what_is_no_program_is_refused_in_windows_words() {
    let machine = Machine::with_name(b"sekret");
    let path = machine.path("decrypt.py");
    fs::write(&path, "print()\r\n").expect("room");
    set_owner_only(&path).expect("a list");
    let words = format!(
        "error while running '{0}': fork/exec {0}: %1 is not a valid Win32 application.\n",
        text(&path)
    );
    let printed = machine.refused(&path);
    assert!(printed.contains(&words) && printed.contains("hint: configure"), "{printed}");
    // Beside the agent is no place to be found in.
    let printed = machine.refused(Path::new("decrypt.py"));
    let words = "exec: \"decrypt.py\": cannot run executable found relative to current directory\n";
    assert!(printed.contains(words), "{printed}");
    let printed = machine.refused(Path::new("no-such-program"));
    assert!(printed.contains("secretBackendCommand no-such-program does not exist"), "{printed}");
}

#[test]
fn a_configuration_is_reported_as_the_agent_does() {
    let machine = Machine::with_name(b"sekret");
    let path = machine.executable("a backend.exe");
    let main = format!(
        "secret_backend_command: '{}'\r\nsecret_backend_arguments: [agent, --names, names.toml]\r\napi_key: ENC[db]\r\n",
        text(&path)
    );
    machine.write("stackstate.yaml", main.as_bytes());
    let run = machine.secretary(&["agent", "test", "--config", r".\stackstate.yaml"], b"");
    let expected = format!(
        "=== Checking executable rights ===\nExecutable path: {0}\nCheck Rights: OK, the executable has the correct rights\n\nRights Detail:\nAcl list:\nstdout:\n\nPath   : {0}\nAccess : ",
        text(&path)
    );
    let run = run.succeeded();
    assert!(run.text().starts_with(&expected), "{run:?}");
    for words in [
        format!("{} Allow\n", me()),
        "Number of secrets decrypted: 1\nSecrets handle decrypted:\n- db: from stackstate.yaml\n"
            .to_string(),
        "The agent would start.\n".to_string(),
    ] {
        assert!(run.text().contains(&words), "{words} {run:?}");
    }
    let flags = ["agent", "test", "--json", "--configcheck", "--show-secrets", "--config", "."];
    let found: Value =
        serde_json::from_str(machine.secretary(&flags, b"").succeeded().text()).expect("JSON");
    assert_eq!(found["user"], json!(me()));
    assert_eq!(found["rights"]["error"], Value::Null);
    let list = found["rights"]["list"].as_array().expect("a list");
    assert!(list.contains(&json!(format!("{} Allow", me()))), "{list:?}");
    let resolved = &found["configurations"][0]["sections"][0]["text"];
    assert!(resolved.as_str().expect("text").contains("api_key: sekret\n"), "{resolved}");

    // The others would make an agent not start, each with its own code.
    machine.write("names.toml", b"");
    let run = machine.secretary(&["agent", "test", "--config", "stackstate.yaml"], b"");
    let words = "an error occurred while decrypting 'db': there is no such name";
    assert!(run.code == 1 && run.text().contains(words), "{run:?}");
    machine.secretary(&["agent", "test", "--config", "none.yaml"], b"").failed(3, "none.yaml");
    machine.secretary(&["agent", "test", "--nonsense"], b"").failed(2, "--nonsense");
}

#[test]
#[cfg(all(feature = "aws", feature = "daemon"))]
fn what_takes_too_long_is_ended() {
    let machine = Machine::with_keys();
    let pair = machine.secretary(&["genkeys", "--print", "deploy"], b"").succeeded();
    let public = pair.text().lines().find_map(|line| line.strip_prefix("DEPLOY_PUBLIC_KEY="));
    let workload = format!(
        "[[workload]]\ntask = \"web\"\ndeploy_public_key = \"{}\"\nsecrets = []\n",
        public.expect("a key")
    );
    machine.write("workloads.toml", workload.as_bytes());
    let path = machine.executable("slow.exe");
    // A daemon does not end by itself.
    let mut arguments = vec!["agent", "test", "--command", text(&path), "--timeout", "1"];
    arguments.extend(["--payload", r#"{"version":"1.0","secrets":["a"]}"#]);
    for told in ["daemon", "--ip", "127.0.0.1", "--port", "0", "--workloads", "workloads.toml"] {
        arguments.extend(["--arg", told]);
    }
    let run = machine.secretary(&arguments, b"");
    let words = format!("Error: error while running '{}': command timeout\n", text(&path));
    assert!(run.code == 1 && run.text().contains(&words), "{run:?}");
    // It would not let itself be removed.
    fs::remove_file(&path).expect("it has ended");
}
