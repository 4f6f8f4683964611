//! What is printed, and what is not.

use serde_json::json;

use crate::backend;
use crate::cases;
use crate::tester::Setup;

/// The recorded report of a case for the executable `command`.
fn recorded(id: &str, key: &str, command: &str) -> String {
    let cases = cases::of("REP", 5);
    let case = cases.iter().find(|case| case.id == id).expect("a case");
    case.expect[key].as_str().expect("a text").replace("{PATH}", command)
}

#[test]
fn a_missing_executable_is_reported_as_recorded() {
    let setup = Setup::new();
    let command = setup.path("missing").display().to_string();
    let (text, code) = setup.printed(&["--command", &command]);
    let expected = recorded("REP-02", "stdout", &command);
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.contains("its arguments are a setting of their own"), "{text}");
    assert_eq!(code, Some(1));
}

#[test]
fn no_executable_is_reported_as_recorded() {
    let (text, code) = Setup::new().printed(&[]);
    let expected = recorded("REP-03", "stdout", "");
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(code, Some(0));
}

#[test]
#[ignore = "needs root, to give files to others"]
fn an_unknown_owner_is_reported_as_recorded() {
    let setup = Setup::new();
    let path = setup.path("backend");
    backend::with_rights(&path, "0750", Some((12345, 12345)));
    let command = path.display().to_string();
    let (text, code) = setup.printed(&["--command", &command]);
    let expected = recorded("REP-04", "stdout", &command);
    assert!(text.starts_with(&expected), "{text}");
    let hint = format!("chown root {command} && chmod 0500 {command}");
    assert!(text.contains(&hint), "{text}");
    assert_eq!(code, Some(1));
}

#[test]
#[ignore = "needs root, whose name is in the recorded report"]
fn a_handle_is_reported_as_recorded() {
    let setup = Setup::of_main("a: ENC[only]\n", &json!({"prefix": ""}));
    let (text, code) = setup.printed(&["--config", "."]);
    let command = backend::good().display().to_string();
    let expected = recorded("REP-05", "stdout_after_config", &command);
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.contains("\nThe agent would start.\n"), "{text}");
    assert_eq!(code, Some(0));
}

#[test]
fn handles_and_origins_are_sorted() {
    let setup = Setup::new().told(&json!({"prefix": ""}));
    setup.file("conf.d/test2.d/conf.yaml", "instances: [{b: \"ENC[pass3]\", a: \"ENC[pass2]\"}]\n");
    setup.file("conf.d/test.yaml", "instances: [{b: \"ENC[pass2]\", a: \"ENC[pass1]\"}]\n");
    let (text, _) = setup.printed(&["--config", "."]);
    let cases = cases::of("REP", 5);
    let case = cases.iter().find(|case| case.id == "REP-06").expect("a case");
    let count = case.expect["count_line"].as_str().expect("a line");
    let lines = "Secrets handle decrypted:\n- pass1: from test\n- pass2: from test, test2\n- pass3: from test2\n";
    assert!(text.contains(&format!("{count}\n{lines}")), "{text}");
}

#[test]
fn configurations_are_shown_with_masks_unless_secrets_are_asked_for() {
    let setup = Setup::of_main("api_key: ENC[k]\nplain: 1\n", &json!({"prefix": "hunter2-"}));
    setup.file(
        "conf.d/db.d/conf.yaml",
        "init_config: {a: 1}\ninstances:\n- host: ENC[h]\n  name: one\n  password: in the file\n- host: db\nlogs:\n- path: ENC[p]\n",
    );
    let (text, code) = setup.printed(&["--config", ".", "--configcheck"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("hunter2") && !text.contains("in the file"), "{text}");
    let expected = "\n=== stackstate.yaml ===\napi_key: '********'\nplain: 1\n===\n\n=== db check ===\n\
        Configuration provider: file\nConfiguration source: file:./conf.d/db.d/conf.yaml\n\
        Instance ID: db:one:(not shown)\nhost: '********'\nname: one\npassword: \"********\"\n~\n\
        Instance ID: db:";
    assert!(text.contains(expected), "{text}");
    let expected =
        "\nhost: db\n~\nInit Config:\na: 1\n\nLog Config:\nlogs:\n- path: '********'\n\n===\n";
    assert!(text.contains(expected), "{text}");
    let (text, _) = setup.printed(&["--config", ".", "--configcheck", "--show-secrets"]);
    assert!(text.contains("host: hunter2-h\nname: one\npassword: in the file\n~"), "{text}");
    for flags in [
        &["--config", "."][..],
        &["--config", ".", "--json"],
        &["--config", ".", "--json", "--configcheck"],
    ] {
        let (text, _) = setup.printed(flags);
        assert!(!text.contains("hunter2") && !text.contains("in the file"), "{text}");
    }
}

#[test]
fn a_dropped_check_is_reported_and_a_template_too() {
    let setup =
        Setup::of_main("a: 1\n", &json!({"prefix": "", "errors": {"bad": "no such secret"}}));
    setup.file("conf.d/a.yaml", "instances: [{a: \"ENC[bad]\"}]\n");
    setup.file(
        "conf.d/b.d/auto_conf.yaml",
        "ad_identifiers: [b]\ninit_config: \"ENC[bad]\"\ninstances: [{}]\n",
    );
    setup.file("conf.d/c.d/conf.yaml.example", "instances: [\n");
    setup.file("conf.d/d.d/conf.yaml.default", "instances: [{a: \"ENC[d]\"}]\n");
    setup.file("conf.d/e.d/conf.yaml.default", "instances: [{a: \"ENC[e]\"}]\n");
    setup.file("conf.d/e.d/conf.yaml", "instances: [{a: \"ENC[f]\"}]\n");
    setup.file("conf.d/f.d/metrics.yaml", "jmx_metrics: [{a: \"ENC[bad]\"}]\n");
    setup.file("conf.d/g.yaml", "logs: [{a: \"ENC[bad]\"}]\n");
    let found = setup.found();
    let errors: Vec<_> = found.json["configurations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].as_str().expect("a name"), one["error"].as_str()))
        .collect();
    let error = "an error occurred while decrypting 'bad': no such secret";
    let expected = [
        ("stackstate.yaml", None),
        (
            "a",
            Some(format!(
                "Dropping conf for 'a': error while decrypting secrets in an instance: {error}"
            )),
        ),
        (
            "b",
            Some(format!(
                "error decrypting secrets in config b for each service it matches: error while decrypting secrets in 'init_config': {error}"
            )),
        ),
        ("e", None),
        (
            "f",
            Some(format!(
                "Dropping conf for 'f': error while decrypting secrets in 'metrics': {error}"
            )),
        ),
        (
            "g",
            Some(format!("Dropping conf for 'g': error while decrypting secrets 'logs': {error}")),
        ),
        ("d", None),
    ];
    let expected: Vec<_> = expected.iter().map(|(name, error)| (*name, error.as_deref())).collect();
    assert_eq!(errors, expected);
    assert_eq!(found.json["starts"], true);
    assert_eq!((found.json["dropped"].clone(), found.code), (json!(4), Some(1)));
    assert_eq!(found.handles(), ["d", "f"]);
}

#[test]
fn settings_come_from_the_file_and_the_environment() {
    let command = backend::good().display().to_string();
    let told = json!({"prefix": "x"}).to_string();
    let setup = Setup::new();
    setup.file("stackstate.yaml", format!(
        "a: ENC[h]\nsecret_backend_command: {command}\nsecret_backend_arguments: ['{told}']\nsecret_backend_timeout: 0\n"
    ));
    let timeout = format!(
        "unable to decrypt secret from stackstate.yaml: error while running '{command}': command timeout"
    );
    assert_eq!(setup.found().first(), Err(timeout.as_str()));
    let found = setup.found_with(&[("STS_SECRET_BACKEND_TIMEOUT", "9"), ("STS_B", "ENC[e]")]);
    assert!(found.first().expect("a text").starts_with("a: xh\nb: xe\n"));
    // An empty variable is none.
    let found = setup.found_with(&[("STS_SECRET_BACKEND_COMMAND", ""), ("STS_A", "")]);
    assert_eq!(found.first(), Err(timeout.as_str()));
    assert_eq!(setup.flags(["--timeout", "9"]).found().handles(), ["h"]);
}

#[test]
fn variables_in_checks_are_filled_in_before_secrets_are_looked_for() {
    let setup = Setup::new().told(&json!({"prefix": "x"}));
    setup.file("conf.d/a.yaml", "instances: [{a: \"%%env_WHOLE%%\", b: \"ENC[%%env_PART%%]\"}]\n");
    let found = setup.found_with(&[("WHOLE", "ENC[w]"), ("PART", "p")]);
    assert_eq!(found.first(), Ok("a: xw\nb: xp\n"));
}

#[test]
fn secrets_without_an_executable_are_a_fault() {
    let setup = Setup::new();
    setup.file("conf.d/a.yaml", "instances: [{a: \"ENC[x]\"}]\nsecret_backend_command: /x\n");
    let (text, code) = setup.printed(&["--config", "."]);
    assert!(text.contains("use secrets as the texts they are written as."), "{text}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_raw_request_shows_everything_and_what_an_agent_would_make_of_it() {
    let told = json!({"stdout": "{\"a\":{\"value\":\"hunter2\"}}", "stderr_bytes": 3}).to_string();
    let command = backend::good().display().to_string();
    let setup = Setup::new().flags(["--command", &command, "--arg", &told]);
    let (text, code) = setup.printed(&["--payload", "{\"version\":\"1.0\",\"secrets\":[\"a\"]}"]);
    let expected = "stdout:\n{\"a\":{\"value\":\"hunter2\"}}\nstderr: eee\nexit code:\n0\n\n\
        Check Rights: OK, the executable has the correct rights\nVerdict: OK, an agent would take 1 secrets\n";
    assert_eq!((text.as_str(), code), (expected, Some(0)));
    let (text, code) = setup.printed(&["--payload", "{\"secrets\":[\"a\",\"b\"]}"]);
    let error =
        "Verdict: Error: secret handle 'b' was not decrypted by the secret_backend_command\n";
    assert!(text.ends_with(error), "{text}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_an_agent_never_gets_to_is_not_tried() {
    let setup = Setup::new();
    let path = setup.path("backend");
    backend::script(&path, "#!/bin/sh\nsleep 5 &\necho '{\"h\":{\"value\":\"v\"}}'\n", "0700");
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    for name in ["a", "b"] {
        setup.file(&format!("conf.d/{name}.yaml"), "instances: [{a: \"ENC[h]\"}]\n");
    }
    let command = path.display().to_string();
    let found = setup.flags(["--command", &command, "--patience", "0"]).found();
    assert_eq!((found.calls(), found.code), (1, Some(1)));
    let error = |place: usize| {
        found.json["configurations"][place]["error"].as_str().expect("an error").to_string()
    };
    assert!(error(0).contains("what it started still holds its standard streams"), "{}", error(0));
    for place in [1, 2] {
        let text = error(place);
        assert!(text.contains("not tried") && text.ends_with("for stackstate.yaml"), "{text}");
    }
    // What an executable writes itself is always waited for.
    let told = json!({"prefix": ""});
    let found = Setup::of_main("a: ENC[h]\n", &told).flags(["--patience", "0"]).found();
    assert_eq!(found.code, Some(0), "{}", found.json);
}

#[test]
fn only_its_own_secrets_keep_an_agent_from_its_start() {
    let setup = Setup::new().flags(["--command", "/dev/null"]);
    setup.file("stackstate.yaml", "a: 1\n");
    let (text, code) = setup.printed(&["--config", "."]);
    assert!(text.contains("The agent would start, and not run the executable.\n"), "{text}");
    assert_eq!(code, Some(1));
    setup.file("conf.d/c.yaml", "instances: [{a: \"ENC[h]\"}]\n");
    let (text, code) = setup.printed(&["--config", "."]);
    assert!(text.contains("start, and do without 1 of 2 configurations.\n"), "{text}");
    assert_eq!(code, Some(1));
    setup.file("stackstate.yaml", "a: ENC[h]\n");
    let (text, _) = setup.printed(&["--config", "."]);
    assert!(text.contains("The agent would not start.\n"), "{text}");
}

#[test]
fn what_was_not_looked_at_is_said() {
    let hint = "--config: there was no configuration to look at";
    let setup = Setup::new();
    for flags in [&[][..], &["--config", "."]] {
        let (text, _) = setup.printed(flags);
        assert!(text.contains(hint), "{text}");
    }
    // Of a main file that is broken nothing is known, so neither is that it has no command.
    setup.file("stackstate.yaml", "a: [\n");
    setup.file("conf.d/c.yaml", "instances: [{a: \"ENC[h]\"}]\n");
    let (text, _) = setup.printed(&["--config", "."]);
    assert!(!text.contains("it is not set") && !text.contains(hint), "{text}");
}

#[test]
fn folders_and_files_are_named_and_refused_as_an_agent_does() {
    let setup = Setup::new().told(&json!({"prefix": ""}));
    setup.file("conf.d/a.d.d/..1/conf.yaml", "instances: [{a: \"ENC[h]\"}]\n");
    std::os::unix::fs::symlink("..1", setup.path("conf.d/a.d.d/..data")).expect("made");
    std::os::unix::fs::symlink("..data/conf.yaml", setup.path("conf.d/a.d.d/conf.yaml"))
        .expect("made");
    std::os::unix::fs::symlink("a.d.d", setup.path("conf.d/linked.d")).expect("made");
    setup.file("conf.d/b.yaml", "ad_identifiers: redis\ninstances: [{}]\n");
    setup.file("conf.d/c.yaml", "cluster_check: 'true'\ninstances: [{}]\n");
    let pipe = std::process::Command::new("mkfifo").arg(setup.path("conf.d/d.yaml")).status();
    assert!(pipe.expect("coreutils").success());
    let found = setup.found();
    assert_eq!(found.json["configurations"][0]["name"], "a.d");
    assert_eq!(found.json["configurations"].as_array().map(Vec::len), Some(1));
    let hints: Vec<_> = found.json["hints"].as_array().expect("hints").iter().collect();
    assert_eq!(hints.len(), 1, "{hints:?}");
    assert_eq!(hints[0]["place"], "./conf.d/linked.d");
    let refused = |place: usize| found.json["refused"][place]["error"].as_str().expect("an error");
    assert!(refused(0).ends_with("cannot unmarshal !!str into []string"), "{}", refused(0));
    assert!(refused(1).ends_with("cannot unmarshal !!str into bool"), "{}", refused(1));
    assert!(refused(2).starts_with("no regular file"), "{}", refused(2));
}

#[test]
fn many_checks_take_one_process_for_each_section() {
    let setup = Setup::of_main("api_key: ENC[main]\n", &json!({"prefix": ""}));
    for check in 0..60 {
        let handles: Vec<_> =
            (0..5).map(|place| format!("k{place}: ENC[c{check}-{place}]")).collect();
        setup.file(
            &format!("conf.d/c{check}.yaml"),
            format!("instances:\n- {}\n", handles.join("\n  ")),
        );
    }
    let found = setup.found();
    assert_eq!((found.code, found.calls()), (Some(0), 61));
    assert_eq!(found.json["secrets"]["count"], 301);
}
