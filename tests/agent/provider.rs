//! `secretary agent` against what its answers are to be, and against what datadog-secret-backend answered for the same
//! secrets.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use secretary_envelope::{NaclBox, SecretKey};
use secretary_secret::Secret;
use serde_json::{Value, json};

use crate::cases::{self, Case};

/// A folder with keys and names, for handles that stand for tokens.
struct Store {
    folder: tempfile::TempDir,
    nacl: NaclBox,
}

impl Store {
    fn new(names: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = || SecretKey::generate().expect("random bytes");
        let (master, config) = (key(), key());
        let nacl = NaclBox::agree(&config, &master.public_key()).expect("good keys");
        let store = Self { folder, nacl };
        store.write("master.pem", &master.to_pem());
        store.write("config.pem", &config.public_key().to_pem());
        let lines: Vec<_> = names
            .iter()
            .map(|(name, secret)| format!("{} = \"{}\"\n", json!(name), store.token(secret)))
            .collect();
        store.write("names.toml", &lines.concat());
        store
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("room");
    }

    fn token(&self, secret: &[u8]) -> String {
        self.nacl.seal(&Secret::from(secret)).expect("random bytes")
    }

    /// What the program answers to `request`.
    fn answer(&self, request: &str) -> Output {
        let flags = "--private-key master.pem --config-key config.pem --names names.toml";
        self.run(&[&["agent"], flags.split(' ').collect::<Vec<_>>().as_slice()].concat(), request)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        self.run_below(&[env!("CARGO_BIN_EXE_secretary")], arguments, input)
    }

    /// The program, below others that start it.
    fn run_below(&self, programs: &[&str], arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(programs[0])
            .args(&programs[1..])
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        // One that does not read it, or not all, may be gone.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        child.wait_with_output().expect("it ends")
    }
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("text")
}

/// What differs from what a case says.
fn difference(case: &Case, output: &Output) -> Option<String> {
    let expect = &case.expect;
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    let json = serde_json::from_str::<Value>(stdout).unwrap_or_default();
    let is_equal = |key: &str, found: Value| expect[key].is_null() || found == expect[key];
    let lines = |printed: &str| json!(printed.lines().count());
    let is_good = is_equal("exit", json!(output.status.code()))
        && is_equal("stdout", json!(stdout))
        && is_equal("stdout_json", described(json, &expect["stdout_json"]))
        && is_equal("stdout_lines", lines(stdout))
        && is_equal("stderr", json!(stderr))
        && is_equal("stderr_lines", lines(stderr))
        && expect["stderr_has"].as_str().is_none_or(|part| stderr.contains(part));
    (!is_good).then(|| format!("{}: {:?} {stdout}{stderr}", case.id, output.status.code()))
}

/// The answer, with an error put in the words that the case has for any: `<non-empty, ...>`.
fn described(mut found: Value, expected: &Value) -> Value {
    for (handle, entry) in found.as_object_mut().into_iter().flatten() {
        let wanted = &expected[handle]["error"];
        let error = entry["error"].as_str().unwrap_or_default();
        let fits = !error.is_empty() && error.len() <= 256 && !error.contains('\n');
        if fits && wanted.as_str().is_some_and(|text| text.starts_with('<')) {
            entry["error"] = wanted.clone();
        }
    }
    found
}

#[test]
fn requests_are_answered_as_they_are_to_be() {
    let large = vec![b'x'; 2 << 20];
    let store = Store::new(&[
        ("a", b"va"),
        ("b", b"vb"),
        ("e", b""),
        ("x", b"a\xffb"),
        ("50%s<&>", b"v"),
        ("big", &large),
    ]);
    let token = store.token(b"v");
    let (first, rest) = token["ENC[".len()..token.len() - 1].split_at(20);
    let folded = format!("{first} {rest}");
    for mut case in cases::of("OUR", 24) {
        let output = match case.id.as_str() {
            "OUR-31" => {
                // The token of the case is only the form of one.
                let request = case.text("stdin").replace("NACL,QUJD REVG", &folded);
                case.expect["stdout_json"] = json!({ &folded: {"value": "v", "error": null} });
                store.answer(&request)
            }
            "OUR-32" => store.run(&["--version"], ""),
            _ => store.answer(case.text("stdin")),
        };
        assert_eq!(difference(&case, &output), None);
    }
}

/// Where datadog-secret-backend 0.3 answered otherwise, what is answered here, and why.
const DIFFERENCES: [(&str, &str, &str); 9] = [
    ("DSB-04", "the secret is empty, which an agent does not take", "the agent refuses it anyway"),
    ("DSB-06", "there is no such name", "there are no back ends, and names are names"),
    ("DSB-07", "there is no such name", "there are no back ends, and names are names"),
    ("DSB-08", "there is no such name", "there are no back ends, and names are names"),
    ("DSB-09", "there is no such name", "there are no back ends, and names are names"),
    ("DSB-10", "there is no such name", "there are no back ends, and names are names"),
    (
        "DSB-13",
        "there is no such name",
        "it panicked, and an agent dropped the whole configuration",
    ),
    (
        "DSB-15",
        "incompatible protocol version",
        "a request without a version is a mistake of who calls",
    ),
    ("DSB-17", "v1", "callers modelled on the documents' example send a number"),
];

#[test]
fn names_of_another_backend_can_stay_as_they_are() {
    let store = Store::new(&[
        ("j:k", b"v1"),
        ("j:e", b""),
        ("j:c:d", b"colon"),
        ("y:k", b"v2"),
        ("y:n", b"5"),
        ("y:t", b"true"),
    ]);
    for case in cases::of("DSB", 15) {
        let output = match Path::new(case.text("config")).is_absolute() {
            true => store.run(&["agent", "--config", case.text("config")], case.text("stdin")),
            false => store.answer(case.text("stdin")),
        };
        let difference = difference(&case, &output);
        match DIFFERENCES.iter().find(|(id, ..)| *id == case.id) {
            None => assert_eq!(difference, None),
            Some((id, answered, _)) => {
                let printed =
                    difference.unwrap_or_else(|| panic!("{id} is no difference any more"));
                assert!(printed.contains(answered), "{printed}");
            }
        }
    }
}

/// As on a network: one behind the other they would take longer than an agent waits.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs strace, which scripts/install installs"]
fn files_that_are_slow_are_read_at_once() {
    let store = Store::new(&[]);
    let handles: Vec<_> = (0..32).map(|number| format!("file@f{number}")).collect();
    for number in 0..32 {
        store.write(&format!("f{number}"), &number.to_string());
    }
    let request = json!({"version": "1.0", "secrets": handles}).to_string();
    let each_late = "inject=openat2:delay_enter=200000";
    let programs = ["strace", "-fqq", "-o", "/dev/null", "-e", "trace=openat2", "-e", each_late];
    let programs = [&programs, [env!("CARGO_BIN_EXE_secretary")].as_slice()].concat();
    let output = store.run_below(&programs, &["agent", "--file-root", "."], &request);
    let json: Value = serde_json::from_slice(&output.stdout).expect("an answer");
    for (number, handle) in handles.iter().enumerate() {
        assert_eq!(json[handle]["value"], json!(number.to_string()), "{}", json[handle]);
    }
}

/// As many as a large agent has, and a few that fail for a reason of their own.
#[cfg(feature = "setec")]
#[test]
fn secrets_of_a_server_are_answered_each_for_itself() {
    let server = crate::secrets_server::Server::start();
    let store = Store::new(&[]);
    store.write(
        "agent.toml",
        &format!("server = \"{}/latency-20\"\nserver_timeout = 3\n", server.url()),
    );
    let long = format!("setec:{}", "n".repeat(1024));
    let too_long = format!("{long}n");
    let mut handles: Vec<_> = (0..300).map(|number| format!("setec:many/{number}")).collect();
    let failing = [
        ("setec:denied/x", "access denied"),
        ("setec:prod/db@3", "not found"),
        ("setec:@3", "it names no secret"),
        ("setec:a]b", "the name in it has a square bracket"),
        (&long, "not found"),
        (&too_long, "the name in it has 1025 bytes, and may have 1024"),
    ];
    handles.extend(failing.iter().map(|(handle, _)| handle.to_string()));
    handles.extend(["setec:prod/db".to_string(), "setec:prod/db@1".to_string()]);
    let request = json!({"version": "1.0", "secrets": handles}).to_string();
    let output = store.run(&["agent", "--config", "agent.toml"], &request);
    let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer");
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(handles.len()));
    for number in 0..300 {
        assert_eq!(answer[format!("setec:many/{number}")]["value"], json!(number.to_string()));
    }
    for (handle, error) in failing {
        assert_eq!(answer[handle], json!({"value": null, "error": error}));
    }
    assert_eq!(answer["setec:prod/db"]["value"], json!("hunter2"));
    assert_eq!(answer["setec:prod/db@1"]["value"], json!("hunter1"));
}

/// With a name that is longer than an error may be, the reason is still there; and of what a server wrote nothing is.
#[cfg(feature = "setec")]
#[test]
fn an_error_of_a_server_fits_into_a_line() {
    let server = crate::secrets_server::Server::start();
    let store = Store::new(&[]);
    let long = format!("setec:{}", "é".repeat(512));
    for (setting, expected) in [
        ("/status-500", "request returned status 500"),
        ("/status-302", "leads to a redirect"),
        ("/token-t0ken", "access denied"),
        ("/latency-30000", "did not answer within 0."),
    ] {
        let request =
            json!({"version": "1.1", "secret_backend_timeout": 2, "secrets": [&long]}).to_string();
        let url = format!("{}{setting}", server.url());
        let output = store.run(&["agent", "--server", &url], &request);
        let answer: Value = serde_json::from_slice(&output.stdout).expect("an answer");
        let error = answer[&long]["error"].as_str().expect("an error");
        assert!(error.contains(expected) && error.len() <= 256, "{setting}: {error}");
        assert!(!text(&output.stdout).contains("CANARY"), "{setting}");
    }
}
