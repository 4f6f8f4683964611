//! Our client, run as the old one was, against our daemon.

use serde_json::Value;

use crate::daemon::Daemon;
use crate::differences::DIFFERENCES;
use crate::outcome::{Asked, Otherwise, Outcome};
use crate::program::{Run, arguments, environ, run};
use crate::recorded::{CASES, DAEMON, asked, exchanges};
use crate::surroundings::Surroundings;
use crate::vectors::{Difference, bytes, judge_all, name, text};

/// The exit code of a client that a daemon refused, and of one that nobody could answer.
pub(crate) const DENIED: i32 = 7;
pub(crate) const FAILED: i32 = 6;

/// Where our client does otherwise than our daemon's answer to the old client lets expect: its exit code.
#[rustfmt::skip]
const DIFFERENCES_OF_CLIENT: &[Difference<i32>] = &[
    failed("marathon: does not answer (client given up after 8 s; neither side has a timeout)"),
    failed("marathon: answers 500"),
    failed("marathon: JSON keys in other case"),
    failed("marathon: trailing text after the JSON"),
    failed("marathon: answers an empty 200"),
    failed("mesos: answers 404"),
    failed("mesos: answers garbage"),
    Difference { name: "marathon: empty app id", ours: 3, because: "What is missing is said before anybody is asked." },
];

const fn failed(name: &'static str) -> Difference<i32> {
    Difference { name, ours: FAILED, because: "It is the cluster that fails, and nobody says no." }
}

#[test]
fn the_client_gets_from_the_daemon_what_the_old_one_got() {
    judge_all(&DAEMON["cases"], CASES, DIFFERENCES_OF_CLIENT, |case, difference| {
        if case.get("client").is_none() {
            return Ok(());
        }
        let surroundings = Surroundings::of(case);
        let daemon = Daemon::of(case, &surroundings);
        let otherwise = DIFFERENCES.iter().find(|difference| difference.name == name(case));
        let otherwise = otherwise.map(|difference| &difference.ours);
        let more = if may_ask_again(case, otherwise) { LITTLE_TIME } else { &[] };
        let ours = run_client(&case["client"], daemon.port, more);
        no_key_in(&ours)?;
        judge_run(case, &ours, otherwise, difference.copied())?;
        judge_questions(case, &surroundings, otherwise)
    });
}

/// Runs our client with the arguments, environment and input of the old one.
fn run_client(client: &Value, port: u16, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let port = port.to_string();
    let words: Vec<_> =
        arguments(client).iter().map(|word| word.replace("<DAEMON>", &port)).collect();
    let words: Vec<_> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
    let stdin = client.get("stdin").map(bytes).unwrap_or_default();
    run(folder.path(), &environ(client), &words, &stdin)
}

fn judge_run(
    case: &Value,
    ours: &Run,
    otherwise: Option<&Otherwise>,
    code: Option<i32>,
) -> Result<(), String> {
    let go = Run::recorded(&case["client"]);
    let outcome = otherwise.map_or(Outcome::AsGo, |ours| ours.answers[0]);
    let expected = match (code, outcome) {
        (Some(code), _) => Err(code),
        (None, Outcome::AsGo) if go.code == 0 => Ok(go.stdout.clone()),
        (None, Outcome::AsGo) => Err(code_of(exchanges(case)[0].status())),
        (None, Outcome::Granted(plaintext)) => Ok(printed(&case["client"], plaintext)),
        (None, Outcome::Refused(status, _)) => Err(code_of(status.into())),
        (None, other) => panic!("no client asks for {other:?}"),
    };
    let good = match &expected {
        Ok(stdout) => (ours.code, &ours.stdout) == (0, stdout) && ours.stderr.is_empty(),
        Err(code) => ours.code == *code && ours.stdout.is_empty() && !ours.stderr.is_empty(),
    };
    if good { Ok(()) } else { Err(format!("\n  ours {}\n  not  {expected:?}", ours.shown())) }
}

/// What may go well in a moment is a failure, and everything else the daemon's last word.
fn code_of(status: u64) -> i32 {
    if status == 503 { FAILED } else { DENIED }
}

/// What a client prints that gets the plaintext: itself, or with `-e` the variable.
fn printed(client: &Value, plaintext: &str) -> Vec<u8> {
    if !arguments(client).contains(&"-e") {
        return plaintext.as_bytes().to_vec();
    }
    let entries = environ(client);
    let variable = entries.iter().find_map(|entry| {
        let (name, value) = str::from_utf8(entry).ok()?.split_once('=')?;
        value.starts_with("ENC[").then_some(name)
    });
    let name = variable.expect("a variable with a token");
    format!("export {name}='{plaintext}'\n").into_bytes()
}

/// The client may ask again where it is told to; otherwise the daemon asks what it asks for an old client.
fn judge_questions(
    case: &Value,
    surroundings: &Surroundings,
    otherwise: Option<&Otherwise>,
) -> Result<(), String> {
    let mut ours = surroundings.asked();
    let asked_for = otherwise.map_or(Asked::AsGo, |ours| ours.asked);
    if may_ask_again(case, otherwise) {
        ours.dedup();
    }
    asked_for.judge(&asked(case), &ours)
}

/// Whether the daemon says that the same may go well in a moment.
fn may_ask_again(case: &Value, otherwise: Option<&Otherwise>) -> bool {
    let unreachable = |ours: &Otherwise| matches!(ours.answers[0], Outcome::Refused(503, _));
    otherwise.is_some_and(unreachable) || case["client"]["timed_out"] == true
}

/// What is tried again until there is no time left need not have half a minute here.
pub(crate) const LITTLE_TIME: &[&str] = &["--timeout", "3"];

/// Nothing that a client says has a key in it or anything that Marathon or Mesos said.
pub(crate) fn no_key_in(run: &Run) -> Result<(), String> {
    let keys = DAEMON["keys"].as_object().expect("keys").values().map(text);
    let stderr = String::from_utf8_lossy(&run.stderr);
    match keys
        .chain(["CANARY", "stub: no such path", "exploded"])
        .find(|word| stderr.contains(word))
    {
        Some(word) => Err(format!("{word} is in {stderr:?}")),
        None => Ok(()),
    }
}
