//! Which strings are secrets, what is asked of the executable, and what is made of its answer.

use serde_json::{Value, json};

use crate::backend;
use crate::cases::{self, Case};
use crate::tester::{Found, Setup, recorded};

/// An error of a main configuration as it is printed, from an agent's own.
fn of_main(error: &str) -> String {
    let command = backend::good().display().to_string();
    format!("unable to decrypt secret from stackstate.yaml: {}", error.replace("{CMD}", &command))
}

/// Compares the resolved text, or the error.
fn assert_expected(case: &Case, found: &Found) {
    match case.expect["error"].as_str() {
        Some(error) => {
            assert_eq!(found.first(), Err(of_main(error).as_str()), "{}", case.id);
            assert_eq!(found.code, Some(1), "{}", case.id);
        }
        None => {
            let expected = case.expect["output_yaml"].as_str().expect("a text");
            assert_eq!(found.first(), Ok(expected), "{}", case.id);
        }
    }
}

#[test]
fn strings_are_secrets_or_not() {
    for case in cases::of("ENC", 18) {
        let yaml = format!("a: {}\n", case.input["value"]);
        let found = Setup::of_main(&yaml, &json!({"prefix": "dec_"})).found();
        let handle = case.expect["handle"].as_str().expect("a handle");
        let expected = match case.expect["is_secret"] == true {
            true => vec![handle],
            false => Vec::new(),
        };
        assert_eq!(found.handles(), expected, "{}", case.id);
        assert_eq!(found.code, Some(0), "{}", case.id);
    }
}

#[test]
fn documents_are_resolved_as_recorded() {
    for case in cases::of("YML", 24) {
        let setup = Setup::new();
        let record = setup.path("record");
        let told = json!({"prefix": "dec_", "record": record});
        let setup = setup.told(&told);
        let yaml = case.text("yaml");
        setup.file("stackstate.yaml", yaml);
        let found = setup.found();
        assert_expected(&case, &found);
        if case.expect["unchanged_bytes"] == true {
            assert_eq!(found.first(), Ok(yaml), "{}", case.id);
        }
        let requests = recorded(&record);
        assert_eq!(json!(requests.len()), case.expect["provider_calls"], "{}", case.id);
        assert_eq!(json!(handles_of(&requests)), case.expect["handles_sorted"], "{}", case.id);
    }
}

fn handles_of(requests: &[String]) -> Vec<String> {
    let request = |text: &String| -> Value { serde_json::from_str(text).expect("JSON") };
    let lists = requests.iter().map(request);
    let lists = lists.map(|request| request["secrets"].as_array().expect("a list").clone());
    let mut handles: Vec<String> =
        lists.flatten().map(|handle| handle.as_str().expect("a handle").to_string()).collect();
    handles.sort();
    handles
}

#[test]
fn requests_are_the_recorded_bytes() {
    for case in cases::of("PAY", 2) {
        let setup = Setup::new();
        let record = setup.path("record");
        let setup = setup.told(&json!({"prefix": "", "record": record}));
        setup.file("stackstate.yaml", case.text("yaml"));
        setup.found();
        let expected = case.expect["stdin_bytes"].as_str().expect("a text");
        assert_eq!(recorded(&record), [expected], "{}", case.id);
    }
}

#[test]
fn answers_are_judged_as_recorded() {
    for case in cases::of("ANS", 41) {
        let timeout = case.input["timeout_s"].to_string();
        let max_size = case.input["max_size"].to_string();
        let setup = Setup::of_main(case.text("yaml"), &case.input["provider"]);
        let setup = setup.flags(["--timeout", &timeout, "--max-size", &max_size]);
        assert_expected(&case, &setup.found());
    }
}

#[test]
fn a_cache_is_kept_and_a_failure_leaves_what_came_before_it() {
    let [case] = cases::of("CAC", 1).try_into().ok().expect("one case");
    let setup =
        Setup::new().told(&json!({"prefix": "", "stdout": null, "errors": {"bad": "nope"}}));
    for step in case.input["resolve_in_order"].as_array().expect("steps") {
        let yaml = step["yaml"].as_str().expect("a text").trim_end().replace('\n', "\n  ");
        let name = format!("conf.d/{}.yaml", step["origin"].as_str().expect("a name"));
        setup.file(&name, format!("instances:\n- {yaml}\n"));
    }
    let found = setup.found();
    let checks = found.json["configurations"].as_array().expect("checks");
    let results = case.expect["results"].as_array().expect("results");
    assert_eq!(checks.len(), results.len());
    for (check, expected) in checks.iter().zip(results) {
        let (name, expected) =
            (check["name"].as_str().expect("a name"), expected.as_str().expect("a result"));
        match expected.strip_prefix("ERR ") {
            Some(error) => {
                let error = format!(
                    "Dropping conf for '{name}': error while decrypting secrets in an instance: {error}"
                );
                assert_eq!(check["error"], error, "{name}");
            }
            // Every value is `v` there, and the handle itself here.
            None => assert_eq!(check["sections"][0]["text"], "a: good\nb: good2\n", "{name}"),
        }
    }
    assert_eq!(found.json["secrets"]["count"], case.expect["count"]);
    assert_eq!(found.json["secrets"]["handles"], case.expect["origins"]);
    assert_eq!(found.code, Some(1));
}

#[test]
fn the_documents_example_program_gets_an_agents_verdicts() {
    for case in cases::of("SED", 3) {
        let stdout = case.expect["stdout"].as_str().expect("a text");
        let setup = Setup::new().told(&json!({"stdout": stdout}));
        // What an agent would have in its file to ask that.
        let request: Value = serde_json::from_str(case.text("stdin")).expect("JSON");
        let asked = request["secrets"].as_array().expect("a list").iter();
        let asked: Vec<String> = asked
            .map(|handle| handle.as_str().map_or(handle.to_string(), str::to_string))
            .map(|handle| format!("'ENC[{handle}]'"))
            .collect();
        setup.file("stackstate.yaml", format!("a: [{}]\n", asked.join(", ")));
        let found = setup.found();
        let expected = match case.id.as_str() {
            "SED-01" => Ok("a:\n- decrypted_secret1\n- decrypted_secret2\n"),
            "SED-03" => Err(
                "could not unmarshal 'secret_backend_command' output: invalid character '(' after object key",
            ),
            // The number's handle is empty there.
            "SED-05" => Err("secret handle '5' was not decrypted by the secret_backend_command"),
            other => panic!("{other} is new"),
        };
        let expected = expected.map(str::to_string).map_err(of_main);
        assert_eq!(
            found.first().map(str::to_string).map_err(str::to_string),
            expected,
            "{}",
            case.id
        );
    }
}
