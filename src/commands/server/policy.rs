//! `secretary server policy test`: whether somebody may do something, and why.

use std::fmt::Write as _;
use std::process::ExitCode;

use secretary_setec_server::Action;
use secretary_setec_server::identity::FileError;
use secretary_setec_server::policy::{Judgement, Policy, principal};
use serde_json::{Value, json};

use crate::Outcome;
use crate::cli::PolicyTest;
use crate::failure::{Code, Failure, shown};
use crate::world::World;

pub(super) fn test(args: &PolicyTest, world: &World) -> Outcome {
    let policy = Policy::read(&args.policy).map_err(|error| of_file(&error))?;
    let names: Vec<_> = args.principal.iter().map(|text| name(text)).collect::<Result<_, _>>()?;
    let action = Action::ALL.into_iter().find(|action| action.as_str() == args.action);
    let action = action.ok_or_else(|| Failure::new(Code::Usage, "there is no such action"))?;
    let judged = policy.judge(&names, action, &args.secret);
    let is_allowed = judged.iter().any(Judgement::allows);
    let report = if args.json { as_json(&judged) } else { as_text(&judged) };
    world.print(report.as_bytes())?;
    Ok(if is_allowed { ExitCode::SUCCESS } else { ExitCode::from(Code::General as u8) })
}

fn of_file(error: &FileError) -> Failure {
    match error {
        FileError::Unreadable { file, error } => Failure::io("read", &shown(file), error),
        FileError::Wrong { file, what } => {
            Failure::new(Code::Configuration, format!("{}: {what}", shown(file)))
        }
    }
}

/// A caller's name, as the server has it.
fn name(text: &str) -> Result<String, Failure> {
    let name = principal(text).map_err(|unfit| Failure::new(Code::Usage, unfit.to_string()))?;
    match name.is_literal() {
        true => Ok(name.as_str().to_string()),
        false => Err(Failure::new(Code::Usage, "--principal takes a name, without a *")),
    }
}

/// The grants that allow it or, if there is none, those that would if not for one thing.
fn of_interest(judged: &[Judgement]) -> Vec<&Judgement> {
    let allowing: Vec<_> = judged.iter().filter(|grant| grant.allows()).collect();
    match allowing.is_empty() {
        true => judged.iter().filter(|grant| grant.nearly_allows()).collect(),
        false => allowing,
    }
}

fn as_text(judged: &[Judgement]) -> String {
    let is_allowed = judged.iter().any(Judgement::allows);
    let mut text = String::from(if is_allowed { "allowed\n" } else { "not allowed\n" });
    let grants = of_interest(judged);
    for grant in &grants {
        let _ = writeln!(text, "  {grant}");
    }
    if !judged.iter().any(|grant| grant.principal) {
        text.push_str("  no grant is for this principal\n");
    } else if grants.is_empty() {
        text.push_str("  no grant for this principal has this action or this secret\n");
    }
    text
}

fn as_json(judged: &[Judgement]) -> String {
    let grant = |grant: &Judgement| -> Value {
        json!({
            "grant": grant.number,
            "line": grant.line,
            "principal": grant.principal,
            "action": grant.action,
            "secret": grant.secret,
        })
    };
    let grants: Vec<_> = of_interest(judged).into_iter().map(grant).collect();
    let is_allowed = judged.iter().any(Judgement::allows);
    format!("{}\n", json!({"allowed": is_allowed, "grants": grants}))
}
