//! Faults that get a hint.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::backend;
use crate::tester::Setup;

#[test]
fn a_wrapper_without_exec_is_found_out_and_does_not_hang_the_tester() {
    let setup = Setup::new();
    let path = setup.path("wrapper");
    backend::script(&path, "#!/bin/sh\nsleep 20\n", "0700");
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    let command = path.display().to_string();
    let setup =
        setup.flags(["--command", &command, "--timeout", "1", "--patience", "2", "--config", "."]);
    let start = Instant::now();
    let output = setup.run(&[], &[]);
    let took = start.elapsed();
    assert!(took > Duration::from_secs(3) && took < Duration::from_secs(15), "{took:?}");
    let (text, notes) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("command timeout") && text.contains("`exec PROGRAM`"), "{text}");
    assert!(notes.contains("still holds its standard streams"), "{notes}");
}

#[test]
#[ignore = "needs root, to mount a file system"]
fn a_file_system_without_execution_is_found_out() {
    let mut setup = Setup::new();
    std::fs::create_dir(setup.path("bin")).expect("made");
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    // Mounted in a namespace that ends with the program.
    let script =
        "mount -t tmpfs -o noexec none bin && install -m 0700 \"$0\" bin/backend && exec \"$@\"";
    let good = backend::good().display().to_string();
    setup.wrapper = ["unshare", "-m", "sh", "-c", script, &good].map(str::to_string).to_vec();
    let command = setup.path("bin/backend").display().to_string();
    let setup = setup.flags(["--command", &command, "--config", "."]);
    let (text, code) = setup.printed(&[]);
    assert!(text.contains(&format!("fork/exec {command}: permission denied")), "{text}");
    let folder = setup.path("bin").canonicalize().expect("there").display().to_string();
    assert!(
        text.contains(&format!("the file system at {folder} is mounted with noexec")),
        "{text}"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn faults_of_an_executable_get_a_hint() {
    let hint = |told: serde_json::Value, flags: &[&str]| {
        let setup = Setup::of_main("a: ENC[h]\n", &told).flags(flags.iter().copied());
        let (text, _) = setup.printed(&["--config", "."]);
        text.split_once("=== Hints ===").map(|(_, hints)| hints.to_string()).unwrap_or_default()
    };
    let good = "{\"h\":{\"value\":\"v\"}}";
    assert_eq!(hint(json!({"stdout": good}), &[]), "");
    let text = hint(json!({"stdout": good}), &["--max-size", "18"]);
    assert!(text.contains("a single byte beyond the limit"), "{text}");
    let text = hint(json!({"stdout": good}), &["--max-size", "19"]);
    assert!(text.contains("above nine tenths of the limit"), "{text}");
    let text = hint(json!({"stdout": good, "sleep_s": 1.2}), &["--timeout", "2"]);
    assert!(text.contains("more than half of the time"), "{text}");
    let text = hint(json!({"stdout": good}), &["--timeout", "0"]);
    assert!(text.contains("it is given no time at all"), "{text}");
    let text = hint(json!({"stdout": good}), &["--command", "./elsewhere"]);
    assert!(text.contains("from its own working folder"), "{text}");
    let text = hint(json!({"stdout": good, "stderr_bytes": 3}), &[]);
    assert_eq!(text, "");
    let text = hint(json!({"exit": 1, "stderr_bytes": 3}), &[]);
    assert!(text.contains("it wrote to standard error") && !text.contains("eee"), "{text}");
}

#[test]
fn an_error_of_an_executable_shows_no_secret_and_moves_no_cursor() {
    let errors = json!({"bad": "no access with hunter2-good\n\u{1b}[2JThe agent would start."});
    let setup = Setup::of_main("a: ENC[good]\n", &json!({"prefix": "hunter2-", "errors": errors}));
    setup.file("conf.d/a.yaml", "instances: [{a: \"ENC[bad]\"}]\n");
    for flags in [&["--config", "."][..], &["--config", ".", "--json"]] {
        let (text, code) = setup.printed(flags);
        assert!(!text.contains("hunter2") && !text.contains('\u{1b}'), "{text}");
        assert!(text.contains("error with a secret in it"), "{text}");
        assert_eq!(code, Some(1));
    }
    let (text, _) = setup.printed(&["--config", "."]);
    assert!(text.contains("no access with ********\\n\\u{1b}[2JThe agent"), "{text}");
}

#[test]
fn faults_of_a_configuration_get_a_hint() {
    let setup = Setup::of_main("a: |\n  ENC[h]\nb: http://u:ENC[h]@host\n", &json!({"prefix": ""}));
    setup.file("conf.d/flow.yaml", "instances: [{a: ENC[x]}]\n");
    let (text, code) = setup.printed(&["--config", "."]);
    for part in [
        "./stackstate.yaml:1: a block ends with a line break",
        "./stackstate.yaml:3: a secret inside of a longer text",
        "./conf.d/flow.yaml:1: between [ and ] or { and } a secret without quotes breaks the file",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("./conf.d/flow.yaml is not a valid config file: yaml: "), "{text}");
    assert_eq!(code, Some(1));
}
