//! This process becomes the program.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use zeroize::Zeroizing;

use super::{Value, has_nul};
use crate::failure::{Code, Failure, shown};
use crate::world::World;
use crate::{Outcome, harden, process};

/// Does not return but with the reason why nothing was started.
pub(super) fn start(
    variables: Vec<(&OsStr, Value<'_>)>,
    arguments: Vec<Value<'_>>,
    typed: &OsStr,
    world: &World,
) -> Outcome {
    let entry = |(name, value): &(&OsStr, Value<'_>)| {
        c_string(&[name.as_bytes(), b"=", value.opened.expose()], || shown(name))
    };
    let variables = Zeroizing::new(variables.iter().map(entry).collect::<Result<Vec<_>, _>>()?);
    let argument = |(number, value): (usize, &Value<'_>)| {
        c_string(&[value.opened.expose()], || format!("argument {number}"))
    };
    let arguments = arguments.iter().enumerate().map(argument).collect::<Result<Vec<_>, _>>()?;
    let arguments = Zeroizing::new(arguments);
    let path = variables
        .iter()
        .find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="))
        .map(OsStr::from_bytes);
    let command = OsStr::from_bytes(arguments[0].as_bytes());
    harden::restore(world.core_limit);
    let errno = process::become_program(command, path, &arguments, &variables);
    // By the name that was typed: the opened one may have been a secret.
    Err(not_started(typed, errno))
}

/// Made in a buffer of the final size, so that no copy is left behind.
fn c_string(parts: &[&[u8]], place: impl Fn() -> String) -> Result<CString, Failure> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum::<usize>() + 1);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    CString::new(bytes).map_err(|error| {
        // The error has the bytes in it.
        drop(Zeroizing::new(error.into_vec()));
        has_nul(&place())
    })
}

fn not_started(command: &OsStr, errno: Errno) -> Failure {
    let reason = errno.desc().to_lowercase();
    let failed = |code, hint| {
        Failure::new(code, format!("cannot start {}: {reason}", shown(command))).hint(hint)
    };
    match errno {
        Errno::ENOENT => failed(
            Code::NotFound,
            "check its name, $PATH, and that the interpreter in its first line exists",
        ),
        Errno::ENOEXEC => {
            failed(Code::NotExecutable, "a script needs a first line such as #!/bin/sh")
        }
        Errno::E2BIG => failed(
            Code::NotExecutable,
            "environment and arguments together are larger than the system allows",
        ),
        _ => failed(
            Code::NotExecutable,
            "check that it is a program for this machine and that you may run it",
        ),
    }
}
