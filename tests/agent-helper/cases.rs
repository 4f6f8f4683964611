//! The cases, and judging an answer.

use serde_json::Value;

use crate::differences::DIFFERENCES;
use crate::fixture::Fixture;
use crate::program::{Ran, SECRETARY, run};

pub(crate) fn cases(kind: &str) -> Vec<Value> {
    let text = include_str!("../vectors/agent-backend-cases.json");
    let file: Value = serde_json::from_str(text).expect("JSON");
    let all = file["cases"].as_array().expect("cases").iter();
    let cases: Vec<_> = all.filter(|case| id(case).starts_with(kind)).cloned().collect();
    assert!(!cases.is_empty(), "there are cases of {kind}");
    cases
}

pub(crate) fn id(case: &Value) -> &str {
    case["id"].as_str().expect("an id")
}

fn arguments(case: &Value, fixture: &Fixture) -> Vec<String> {
    let args = case["input"]["args"].as_array().expect("a list");
    args.iter().map(|arg| fixture.filled_in(arg.as_str().expect("text"))).collect()
}

fn stdin(case: &Value, fixture: &Fixture) -> String {
    fixture.filled_in(case["input"]["stdin"].as_str().expect("text"))
}

/// What is to be answered: what was recorded, or what stands in the table.
fn answers(case: &Value, fixture: &Fixture) -> Option<Value> {
    let recorded = case["expect"].get("stdout_json").cloned();
    let different = DIFFERENCES.iter().find(|difference| difference.case == id(case));
    let answers = match different {
        Some(different) => {
            let answers: Value = serde_json::from_str(different.answers).expect("JSON");
            assert_ne!(Some(&answers), recorded.as_ref(), "{} is no difference", id(case));
            assert!(!different.why.is_empty());
            Some(answers)
        }
        None => recorded,
    };
    let filled_in = |value: Value| {
        let text = fixture.filled_in(&value.to_string());
        let text = text.replace("<8192 bytes>", &"a".repeat(8192));
        serde_json::from_str(&text).expect("JSON")
    };
    answers.map(filled_in)
}

fn judge(case: &Value, ran: &Ran, fixture: &Fixture) {
    let (expect, id) = (&case["expect"], id(case));
    assert_eq!(ran.code.map(i64::from), expect["exit"].as_i64(), "{id}: {ran:?}");
    match answers(case, fixture) {
        Some(answers) => {
            let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
            assert_eq!(told, answers, "{id}");
            assert_eq!(ran.stderr, "", "{id}");
            // In this form its keys are sorted, and nothing follows.
            let end = if expect["trailing_newline"] == true { "\n" } else { "" };
            assert_eq!(ran.stdout, format!("{answers}{end}"), "{id}");
        }
        None => assert_eq!(ran.stdout, "", "{id}"),
    }
    for (name, line) in [
        ("stderr_first_line", ran.stderr.lines().next()),
        ("stderr_last_line", ran.stderr.lines().last()),
    ] {
        if let Some(expected) = expect[name].as_str() {
            assert_eq!(line, Some(expected), "{id}");
        }
    }
}

#[test]
fn the_helper_in_go() {
    let fixture = Fixture::new();
    for case in cases("HLP") {
        let args = arguments(&case, &fixture);
        let ran = run(SECRETARY, &args, &fixture.path(), &[], &stdin(&case, &fixture));
        judge(&case, &ran, &fixture);
    }
}

#[test]
fn the_helper_in_go_by_the_scripts_names() {
    let fixture = Fixture::new();
    let mut count = 0;
    for case in cases("HLP") {
        let args = arguments(&case, &fixture);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let (name, args) = match args.as_slice() {
            ["secret-helper", "read", "--with-provider-prefixes"] => {
                ("readsecret_multiple_providers.sh", vec![])
            }
            // That script takes no folder.
            ["secret-helper", "read", "--with-provider-prefixes", _] => continue,
            ["secret-helper", "read", rest @ ..] => {
                ("readsecret.sh", rest.iter().map(ToString::to_string).collect())
            }
            other => panic!("{other:?}"),
        };
        let program = fixture.program_called(name);
        let ran = run(program, &args, &fixture.path(), &[], &stdin(&case, &fixture));
        judge(&case, &ran, &fixture);
        count += 1;
    }
    assert_eq!(count, cases("HLP").len() - 1);
}

#[test]
fn the_helper_in_python() {
    let fixture = Fixture::new();
    let program = fixture.program_called("readsecret.py");
    for case in cases("PYS") {
        let args = arguments(&case, &fixture);
        let ran = run(&program, &args, &fixture.path(), &[], &stdin(&case, &fixture));
        judge(&case, &ran, &fixture);
    }
}

#[test]
fn every_difference_is_one_of_a_case() {
    let all = [cases("HLP"), cases("PYS"), cases("K8S")].concat();
    for difference in DIFFERENCES {
        assert!(all.iter().any(|case| id(case) == difference.case), "{}", difference.case);
    }
}
