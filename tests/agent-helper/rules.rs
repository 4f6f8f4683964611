//! What no case is about.

use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::program::{Ran, SECRETARY, run};

fn request(handles: &[&str]) -> String {
    json!({"version": "1.0", "secrets": handles}).to_string()
}

fn ask(fixture: &Fixture, args: &[&str], handles: &[&str]) -> Value {
    let args: Vec<_> = args.iter().map(|arg| fixture.filled_in(arg)).collect();
    let ran = run(SECRETARY, &args, &fixture.path(), &[], &request(handles));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    serde_json::from_str(&ran.stdout).expect("JSON")
}

const READ: [&str; 3] = ["secret-helper", "read", "secrets"];
const PREFIXED: [&str; 3] = ["secret-helper", "read", "--with-provider-prefixes"];

#[test]
fn nothing_leads_out_of_the_folder() {
    let fixture = Fixture::new();
    let error = json!({"error": "a path with \"..\" in it is not followed"});
    let answers = ask(&fixture, &READ, &["../other/t", "sub/../../other/t", "dirlnk/t"]);
    assert_eq!(answers["../other/t"], error);
    assert_eq!(answers["sub/../../other/t"], error);
    let link = fixture.filled_in("not following symlink \"{FIX}/other\" outside of \"secrets\"");
    assert_eq!(answers["dirlnk/t"], json!({"error": link}));
}

#[test]
fn a_file_by_any_path_has_no_link_out_of_its_own_folder() {
    let fixture = Fixture::new();
    let handles =
        ["file@secrets/pw", "file@{FIX}/secrets/out", "file@other", "file@", "file@/dev/null"];
    let handles = handles.map(|handle| fixture.filled_in(handle));
    let answers = ask(&fixture, &PREFIXED, &handles.each_ref().map(String::as_str));
    assert_eq!(answers["file@secrets/pw"], json!({"value": "kpw"}));
    let link = "not following symlink \"{FIX}/other/t\" outside of \"{FIX}/secrets\"";
    assert_eq!(answers[&handles[1]], json!({"error": fixture.filled_in(link)}));
    assert_eq!(answers["file@other"], json!({"error": "read other: is a directory"}));
    assert_eq!(answers["file@"], json!({"error": "secret does not exist"}));
    assert_eq!(answers["file@/dev/null"], json!({"error": "it is not a regular file"}));
}

#[test]
fn what_others_may_change_is_no_secret() {
    let fixture = Fixture::new();
    fixture.write("secrets/open", b"anybody's", 0o666);
    let answers = ask(&fixture, &READ, &["open"]);
    let error = "others than its owner may write to it (mode 0666)";
    assert_eq!(answers["open"], json!({"error": error}));
}

#[test]
fn a_folder_that_is_missing_has_no_secrets() {
    let fixture = Fixture::new();
    let answers = ask(&fixture, &["secret-helper", "read", "nope"], &["a"]);
    assert_eq!(answers["a"], json!({"error": "secret does not exist"}));
}

#[test]
fn the_python_helper_says_it_in_pythons_words() {
    let fixture = Fixture::new();
    let program = fixture.program_called("readsecret.py");
    let root = fixture.filled_in("{FIX}/secrets");
    let inside = fixture.filled_in("{FIX}/secrets/secret1");
    let handles = request(&["nope", "sub", "over", &inside]);
    let ran = run(&program, std::slice::from_ref(&root), &fixture.path(), &[], &handles);
    let answers: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let error = |text: &str| json!({"error": fixture.filled_in(text)});
    assert_eq!(answers["nope"], error("[Errno 2] No such file or directory: '{FIX}/secrets/nope'"));
    assert_eq!(answers["sub"], error("[Errno 21] Is a directory: '{FIX}/secrets/sub'"));
    assert_eq!(answers["over"], error("secret exceeds max allowed size"));
    assert_eq!(answers[&inside], json!({"value": "secret1-value"}));
    // Without a folder.
    let ran = run(&program, &[], &fixture.path(), &[], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
}

#[test]
fn every_name_tells_its_version_without_reading() {
    let fixture = Fixture::new();
    for name in ["readsecret.sh", "readsecret_multiple_providers.sh", "readsecret.py"] {
        let program = fixture.program_called(name);
        let ran = run(program, &["--version".to_string()], &fixture.path(), &[], "");
        let version = format!("secretary {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(ran, Ran { code: Some(0), stdout: version, stderr: String::new() });
    }
}
