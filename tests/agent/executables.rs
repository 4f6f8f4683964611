//! Rights and paths of executables, and who runs them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::backend;
use crate::cases::{self, Case};
use crate::tester::Setup;

/// A user that every system has, without rights of its own.
const USER: (&str, u32, u32) = ("daemon", 1, 1);
/// An owner that is nobody.
const STRANGER: u32 = 12345;

/// Somebody who runs the tester.
struct Caller {
    name: &'static str,
    uid: u32,
    gid: u32,
    wrapper: Vec<String>,
}

fn root() -> Caller {
    Caller { name: "root", uid: 0, gid: 0, wrapper: Vec::new() }
}

/// Without root's rights, and with the groups that the user has by the databases.
fn ordinary() -> Caller {
    let (name, uid, gid) = USER;
    let flags = [format!("--reuid={uid}"), format!("--regid={gid}"), "--init-groups".to_string()];
    let wrapper = std::iter::once("setpriv".to_string()).chain(flags).collect();
    Caller { name, uid, gid, wrapper }
}

/// The folder of the tests may be closed to others, so the program is where everybody can run it.
fn program_for_all() -> &'static Path {
    use std::path::PathBuf;
    use std::sync::OnceLock;

    static COPY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = COPY.get_or_init(|| {
        let folder = backend::folder();
        let path = folder.path().join("secretary");
        backend::copy(Path::new(env!("CARGO_BIN_EXE_secretary")), &path, "0755", None);
        (folder, path)
    });
    path
}

/// What is said about the executable of a case, and what comes of the configuration.
fn judged(case: &Case, caller: &Caller, rules: &str) -> (Value, Value) {
    let mut setup = Setup::new();
    let path = setup.path("backend");
    let input = &case.input;
    let uid = if input["owner_is_self"] == true { caller.uid } else { STRANGER };
    let gid = if input["file_group_is_one_of_mine"] == true { caller.gid } else { STRANGER };
    backend::with_rights(&path, case.text("mode"), Some((uid, gid)));
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    setup.wrapper.clone_from(&caller.wrapper);
    setup.program = program_for_all().to_path_buf();
    let told = json!({"prefix": ""}).to_string();
    let command = path.display().to_string();
    let mut setup = setup.flags(["--command", &command, "--arg", &told, "--rules", rules]);
    if input["allow_group_exec"] == true {
        setup = setup.flags(["--allow-group-exec"]);
    }
    let found = setup.found();
    let is_good = found.code == Some(0);
    let error = found.json["rights"]["error"].clone();
    assert_eq!(is_good, error.is_null(), "{}: {}", case.id, found.json);
    let command = found.json["rights"]["executable"].as_str().expect("a path");
    let error = error.as_str().map(|error| error.replace(command, "{PATH}"));
    (json!(error), found.json["configurations"][0]["error"].clone())
}

fn in_words(expected: &Value, caller: &Caller) -> Value {
    let Some(text) = expected.as_str() else { return Value::Null };
    let text = text.replace("{USER}", caller.name).replace("{UID}", &caller.uid.to_string());
    json!(text.replace("{GID}", &caller.gid.to_string()))
}

#[test]
#[ignore = "needs root, to give files to others"]
fn rights_are_judged_as_recorded_for_root() {
    for case in cases::of("RGT", 28) {
        let caller = root();
        let (error, of_main) = judged(&case, &caller, "fork");
        assert_eq!(error, in_words(&case.expect["error"], &caller), "{}", case.id);
        assert_eq!(of_main.is_null(), error.is_null(), "{}", case.id);
    }
}

#[test]
#[ignore = "needs root, to be another user"]
fn rights_are_judged_as_recorded_for_an_ordinary_user() {
    for case in cases::of("RGT", 28) {
        let caller = ordinary();
        let (error, of_main) = judged(&case, &caller, "fork");
        assert_eq!(error, in_words(&case.expect["error"], &caller), "{}", case.id);
        assert_eq!(of_main.is_null(), error.is_null(), "{}", case.id);
        let (error, _) = judged(&case, &caller, "today");
        let expected = in_words(&case.expect["error_modern_agent_non_root"], &caller);
        assert_eq!(error, expected, "{}", case.id);
    }
}

#[test]
fn paths_are_taken_as_recorded() {
    for case in cases::of("EXE", 8) {
        let setup = Setup::new();
        let path = |name: &str| setup.path(name).display().to_string();
        let command = match case.id.as_str() {
            "EXE-02" => {
                setup.file("file", "");
                path("file/below")
            }
            "EXE-03" => {
                backend::script(&setup.path("text"), "text\n", "0700");
                path("text")
            }
            "EXE-04" => {
                backend::script(&setup.path("empty"), "", "0700");
                path("empty")
            }
            "EXE-05" => {
                backend::script(&setup.path("script"), "#!/no/such/interpreter\n", "0700");
                path("script")
            }
            "EXE-06" => {
                use std::os::unix::fs::PermissionsExt;
                fs::create_dir(setup.path("folder")).expect("made");
                let mode = fs::Permissions::from_mode(0o700);
                fs::set_permissions(setup.path("folder"), mode).expect("a mode");
                path("folder")
            }
            "EXE-07" => {
                symlink(backend::good(), setup.path("link")).expect("made");
                path("link")
            }
            "EXE-10" => {
                backend::with_rights(&setup.path("exe.py"), "0700", None);
                "./exe.py".to_string()
            }
            "EXE-11" => String::new(),
            other => panic!("{other} is new"),
        };
        setup.file("stackstate.yaml", "a: \"ENC[h]\"\n");
        let told = json!({"stdout": "{\"h\":{\"value\":\"v\"}}"}).to_string();
        let setup = setup.flags(["--command", &command, "--arg", &told]);
        let found = setup.found();
        let expected = match case.expect["error"].as_str() {
            Some(error) => Err(format!(
                "unable to decrypt secret from stackstate.yaml: {}",
                error.replace("{PATH}", &command)
            )),
            None => Ok(case.expect["output_yaml"].as_str().expect("a text").to_string()),
        };
        let first = found.first().map(str::to_string).map_err(str::to_string);
        assert_eq!(first, expected, "{}", case.id);
    }
}

#[test]
fn a_bare_name_is_looked_for_in_path_and_nowhere_else() {
    let setup = Setup::new();
    backend::with_rights(&setup.path("here"), "0700", None);
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    let told = json!({"prefix": ""}).to_string();
    let setup = setup.flags(["--command", "here", "--arg", &told]);
    let error = |found: &crate::tester::Found| found.first().map_err(str::to_string).err();
    let wrapped = "unable to decrypt secret from stackstate.yaml: error while running 'here': exec: \"here\":";
    let folder = setup.folder.path().display().to_string();
    assert_eq!(setup.found_with(&[("PATH", &folder)]).first(), Ok("a: h\n"));
    let text = error(&setup.found_with(&[("PATH", ".")]));
    let expected = format!("{wrapped} cannot run executable found relative to current directory");
    assert_eq!(text, Some(expected));
    let text = error(&setup.found());
    assert_eq!(text, Some(format!("{wrapped} executable file not found in $PATH")));
    let setup = Setup::new().flags(["--command", "nowhere"]);
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    let text = error(&setup.found()).expect("an error");
    assert!(
        text.ends_with("invalid executable 'nowhere': can't stat it: no such file or directory")
    );
}

#[test]
#[ignore = "needs root, to be another user"]
fn another_users_rights_are_used_and_its_groups() {
    let setup = Setup::new();
    let (name, uid, gid) = USER;
    let script = setup.path("script");
    backend::script(
        &script,
        "#!/bin/sh\ncat > /dev/null\nprintf '{\"h\":{\"value\":\"%s\"}}' \"$(id -u):$(id -g):$(id -G):$HOME:$USER:$LOGNAME\"\n",
        "0500",
    );
    std::os::unix::fs::chown(&script, Some(uid), Some(gid)).expect("given");
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    let setup = setup.flags(["--user", name, "--command", &script.display().to_string()]);
    let found = setup.found();
    let groups = std::process::Command::new("id").args(["-G", name]).output().expect("coreutils");
    let groups = String::from_utf8(groups.stdout).expect("text");
    let passwd = fs::read_to_string("/etc/passwd").expect("users");
    let line = passwd.lines().find(|line| line.starts_with(&format!("{name}:"))).expect("a user");
    let home = line.split(':').nth(5).expect("a home");
    // It is quoted, because numbers and colons are a number to some readers of YAML.
    let expected = format!("{uid}:{gid}:{}:{home}:{name}:{name}", groups.trim());
    let text = found.first().expect("a text").replace(['"', '\''], "");
    assert_eq!(text, format!("a: {expected}\n"));
    // What the user can't read, an agent can't.
    let main = setup.path("stackstate.yaml");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&main, mode).expect("a mode");
    let output = setup.run(&["--config", "."], &[]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("permission denied"), "{stderr}");
}

#[test]
#[ignore = "needs root, to be another user"]
fn only_root_can_be_another_user_and_nobody_can_be_no_user() {
    let mut setup = Setup::new();
    let output = setup.run(&["--user", "no-such-user"], &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no user no-such-user"));
    setup.wrapper = ordinary().wrapper;
    setup.program = program_for_all().to_path_buf();
    let output = setup.run(&["--user", "root"], &[]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("only root can do things as root"));
    setup.wrapper = ["setpriv", "--reuid=54321", "--clear-groups"].map(str::to_string).to_vec();
    let command = backend::good().display().to_string();
    let (text, code) = setup.printed(&["--command", &command]);
    let error = "can't query current user's GIDs: user: unknown userid 54321";
    assert!(text.contains(error), "{text}");
    assert_eq!(code, Some(1));
}
