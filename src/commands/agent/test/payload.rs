//! One raw request, as the agent's own `secrets_tester.ps1` sends it: what comes back is printed as it is, and
//! then what an agent would make of it.

use std::process::ExitCode;

use secretary_agent::tester::AgentError;
use secretary_agent::tester::cache::Cache;
use secretary_agent::tester::check::Kind;
use secretary_agent::tester::faults;
use secretary_agent::tester::run::Finished;
use secretary_agent::tester::session::{Backend, Call};
use secretary_agent::tester::verdict;
use secretary_secret::Secret;

use super::outcome::push_hints;
use super::user::User;
use crate::Outcome;
use crate::failure::Code;
use crate::world::World;

/// Runs it even if its rights are wrong: an agent would not, but what it does may be of interest.
pub(super) fn run(request: &str, backend: &Backend, user: &User, world: &World) -> Outcome {
    let file = backend.file().path;
    let rights = backend.judge.check(&file);
    let finished = backend.run(request, &|text| world.note(text));
    let mut text = Secret::default();
    push_streams(&mut text, &finished);
    let mut push = |line: String| text.extend(line.as_bytes());
    push(match &rights {
        Ok(()) => "\nCheck Rights: OK, the executable has the correct rights\n".to_string(),
        Err(error) => format!("\nCheck Rights: Error: {error}\n"),
    });
    let verdict = match &finished.failed {
        Some(error) => Err(error.clone()),
        None => judge(request, &finished),
    };
    let is_good = rights.is_ok() && verdict.is_ok();
    push(match &verdict {
        Ok(count) => format!("Verdict: OK, an agent would take {count} secrets\n"),
        Err(error) => format!("Verdict: Error: {error}\n"),
    });
    let mut hints = Vec::new();
    if let Err(error) = &rights {
        let name = user.name();
        hints.extend(faults::of_rights(&error.to_string(), &file, &name, backend.judge.group));
    }
    let call = Call::of(&finished, "this request", Kind::Main, &[], verdict.err());
    hints.extend(faults::of_calls(&[call], backend));
    let mut lines = String::new();
    push_hints(&mut lines, &hints);
    push(lines);
    world.print(text.expose())?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(Code::General as u8) })
}

fn push_streams(text: &mut Secret, finished: &Finished) {
    text.extend(b"stdout:\n");
    text.extend(finished.stdout.expose());
    if !finished.stdout.expose().ends_with(b"\n") {
        text.extend(b"\n");
    }
    text.extend(b"stderr: ");
    match finished.stderr.is_empty() {
        true => text.extend(b"None"),
        false => text.extend(finished.stderr.expose()),
    }
    if !finished.stderr.expose().ends_with(b"\n") {
        text.extend(b"\n");
    }
    let code = finished.status.and_then(|status| status.code());
    let code = code.map_or("None".to_string(), |code| code.to_string());
    text.extend(format!("exit code:\n{code}\n").as_bytes());
}

/// How many secrets an agent would take of the answer.
fn judge(request: &str, finished: &Finished) -> Result<usize, AgentError> {
    let request: serde_json::Value = serde_json::from_str(request)
        .map_err(|_| AgentError::new("the payload is no JSON, so no agent sends it"))?;
    let handles = request["secrets"].as_array().into_iter().flatten();
    let handles: Option<Vec<String>> =
        handles.map(|handle| handle.as_str().map(str::to_string)).collect();
    let Some(handles) = handles.filter(|handles| !handles.is_empty()) else {
        return Err(AgentError::new("the payload has no list of secrets, so no agent sends it"));
    };
    let judged = verdict::judge(finished.stdout.expose(), &handles, &Cache::default());
    judged.verdict.map(|()| judged.values.len())
}
