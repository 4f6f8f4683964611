//! Every recorded request, byte by byte, against our daemon: those of the real old client, and those that were made
//! by hand.

use serde_json::Value;

use crate::daemon::Daemon;
use crate::differences::{DIFFERENCES, expected};
use crate::exchange::Answer;
use crate::outcome::{Asked, Outcome};
use crate::recorded::{CASES, DAEMON, asked, exchanges};
use crate::surroundings::Surroundings;
use crate::vectors::judge_all;

#[test]
fn the_daemon_answers_an_old_client_as_the_go_program_did() {
    judge_all(&DAEMON["cases"], CASES, DIFFERENCES, |case, difference| {
        let (surroundings, answers) = replay(case);
        let (outcomes, asked) = expected(difference);
        judge(case, &surroundings, &answers, outcomes, asked)?;
        match difference {
            Some(_) if judge(case, &surroundings, &answers, &[], Asked::AsGo).is_ok() => {
                Err("it is no difference".to_string())
            }
            _ => Ok(()),
        }
    });
}

/// The TASK_FAILED of two recorded cases hides what they are about, so here it runs.
#[test]
fn blanks_in_a_list_of_variables_are_nothing() {
    let mut cases = DAEMON["cases"].clone();
    let cases = cases.as_array_mut().expect("cases are a list");
    let name = "mesos: blanks in ALLOWED_SECRETS_VARS are stripped";
    let case = cases.iter_mut().find(|case| case["name"] == name).expect("it was recorded");
    let tasks = DAEMON["mesos_answers"]["extra"]["text"].as_str().expect("a text");
    let running = tasks.replace("TASK_FAILED", "TASK_RUNNING");
    case["mesos"][0]["answer_body"] = serde_json::json!({"text": running});
    let (surroundings, answers) = replay(case);
    judge(case, &surroundings, &answers, &[], Asked::AsGo).expect("as the Go program");
}

/// Sends the requests of a case to a daemon of its own.
fn replay(case: &Value) -> (Surroundings, Vec<Answer>) {
    let surroundings = Surroundings::of(case);
    let daemon = Daemon::of(case, &surroundings);
    let requests = exchanges(case).into_iter().map(|exchange| exchange.request());
    let answers = requests.map(|request| Answer::to(&request, daemon.port)).collect();
    (surroundings, answers)
}

fn judge(
    case: &Value,
    surroundings: &Surroundings,
    answers: &[Answer],
    outcomes: &[Outcome],
    asked_for: Asked,
) -> Result<(), String> {
    let exchanges = exchanges(case);
    assert!(
        outcomes.is_empty() || outcomes.len() == exchanges.len(),
        "an outcome for each request"
    );
    for (at, (go, ours)) in exchanges.iter().zip(answers).enumerate() {
        outcomes.get(at).unwrap_or(&Outcome::AsGo).judge(go, ours)?;
    }
    // Where nobody asks, which is where the old client's request was not recorded, nobody is asked.
    let go = if exchanges.is_empty() { Vec::new() } else { asked(case) };
    asked_for.judge(&go, &surroundings.asked())?;
    match case["kms_calls"] == serde_json::json!(surroundings.asked_of_kms()) {
        true => Ok(()),
        false => Err(format!("AWS KMS is asked {:?}", surroundings.asked_of_kms())),
    }
}
