//! No process becomes another program on Windows: the program is started, waited for, and this process ends
//! as it did.
//!
//! Here alone plaintext lies in memory that nobody wipes: the standard library makes its own copies to hand
//! them over, and this process lives as long as the program does, which has them as well.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::{Child, Command, ExitCode};

use super::{Value, has_nul};
use crate::Outcome;
use crate::failure::{Code, Failure, reason, shown};
use crate::world::World;

/// Leaves with the program's exit code.
pub(super) fn start(
    variables: Vec<(&OsStr, Value<'_>)>,
    arguments: Vec<Value<'_>>,
    typed: &OsStr,
    _: &World,
) -> Outcome {
    let child = spawn(&variables, &arguments, typed)?;
    wait(child, typed)
}

fn spawn(
    variables: &[(&OsStr, Value<'_>)],
    arguments: &[Value<'_>],
    typed: &OsStr,
) -> Result<Child, Failure> {
    let mut words =
        arguments.iter().enumerate().map(|(n, value)| os_string(value, || format!("argument {n}")));
    let program = words.next().expect("the command line has at least the program's name")?;
    let mut command = Command::new(program);
    command.args(words.collect::<Result<Vec<_>, _>>()?).env_clear();
    for (name, value) in variables {
        command.env(name, os_string(value, || shown(name))?);
    }
    // Ctrl-C is for the program, which decides what it means; it gets it by itself. A program inherits
    // that it is ignored, but no handler, so there is one that does nothing.
    ctrlc::set_handler(|| {}).map_err(|_| Failure::new(Code::Exec, "cannot wait for ctrl-c"))?;
    // By the name that was typed: the opened one may have been a secret.
    command.spawn().map_err(|error| not_started(typed, &error))
}

/// Windows has text of 16-bit units, so there is no way to hand over other bytes.
fn os_string(value: &Value<'_>, place: impl Fn() -> String) -> Result<OsString, Failure> {
    if !value.was_sealed {
        return Ok(value.typed.to_os_string());
    }
    let text = str::from_utf8(value.opened.expose()).map_err(|_| {
        let message = format!("{}: its value is not UTF-8, and this system has only text", place());
        Failure::new(Code::Exec, message)
            .hint("encrypt it as base64, and have the program decode it")
    })?;
    if text.contains('\0') { Err(has_nul(&place())) } else { Ok(text.into()) }
}

fn wait(mut child: Child, typed: &OsStr) -> Outcome {
    let status = child.wait().map_err(|error| Failure::io("wait for", &shown(typed), &error))?;
    // A code of 32 bits, which `ExitCode` has no room for, but the system has.
    match status.code() {
        Some(code) => std::process::exit(code),
        None => Ok(ExitCode::FAILURE),
    }
}

fn not_started(command: &OsStr, error: &std::io::Error) -> Failure {
    let failed = |code, hint| {
        let message = format!("cannot start {}: {}", shown(command), reason(error));
        Failure::new(code, message).hint(hint)
    };
    match error.kind() {
        ErrorKind::NotFound => failed(Code::NotFound, "check its name and %PATH%"),
        _ => failed(
            Code::NotExecutable,
            "check that it is a program for this machine and that you may run it; a script needs its interpreter before it",
        ),
    }
}
