//! `secretary exec`: become a program that finds its secrets in its environment and arguments.

use crate::Outcome;
use crate::cli::Exec;
use crate::world::World;

#[cfg(not(unix))]
pub(super) fn run(_: &Exec, _: &World) -> Outcome {
    use crate::failure::{Code, Failure};
    Err(Failure::new(Code::Exec, "a process can't become another program on this system"))
}

#[cfg(unix)]
pub(super) use unix::run;

#[cfg(unix)]
mod unix {
    use std::ffi::{CString, OsStr};
    use std::os::unix::ffi::OsStrExt;

    use nix::errno::Errno;
    use secretary_envelope::Text;
    use secretary_secret::Secret;
    use zeroize::Zeroizing;

    use super::{Exec, Outcome, World};
    use crate::environ::holds_a_key;
    use crate::failure::{Code, Failure, shown};
    use crate::unseal::Unsealer;
    use crate::{env_file, harden, keys, process};

    pub(in crate::commands) fn run(args: &Exec, world: &World) -> Outcome {
        let environ = match &args.env_file {
            Some(path) => &world.environ.with(&env_file::load(path, world)?),
            None => &world.environ,
        };
        let unsealer = Unsealer::find(&args.keys, environ, &world.environ)?;
        let names: Vec<_> = environ.iter().map(|(name, _)| name).collect();
        let values = environ.iter().map(|(_, value)| value);
        let arguments = args.command.iter().map(|argument| argument.as_os_str());
        let texts: Vec<_> =
            values.chain(arguments).map(|value| Text::parse(value.as_bytes())).collect();
        let place = |number: usize| match names.get(number) {
            Some(name) => shown(name),
            None => format!("argument {}", number - names.len()),
        };
        let key =
            |number: usize| names.get(number).and_then(|name| name.to_str()).unwrap_or_default();
        let opened = unsealer.open_values(&texts, &key, place)?;
        let (values, arguments) = opened.split_at(names.len());

        let mut variables = Zeroizing::new(Vec::with_capacity(values.len()));
        for ((name, value), text) in names.into_iter().zip(values).zip(&texts) {
            let was_sealed = text.tokens().len() > 0;
            let named = args.keys.names().any(|flag| flag == name);
            if args.keep_keys || was_sealed || !(named || holds_a_key(name)) {
                variables.push(c_string(&[name.as_bytes(), b"=", value.expose()], || shown(name))?);
            } else if !named && !name.to_str().is_some_and(keys::is_variable) {
                world.note(&format!("{} is not passed on; --keep-keys passes it on", shown(name)));
            }
        }
        let argument = |(number, value): (usize, &Secret)| {
            c_string(&[value.expose()], || format!("argument {number}"))
        };
        let arguments =
            arguments.iter().enumerate().map(argument).collect::<Result<Vec<_>, _>>()?;
        let arguments = Zeroizing::new(arguments);
        let path = variables
            .iter()
            .find_map(|entry| entry.as_bytes().strip_prefix(b"PATH="))
            .map(OsStr::from_bytes);
        let command = OsStr::from_bytes(arguments[0].as_bytes());
        harden::restore(world.core_limit);
        let errno = process::become_program(command, path, &arguments, &variables);
        // By the name that was typed: the opened one may have been a secret.
        Err(not_started(&args.command[0], errno))
    }

    /// Made in a buffer of the final size, so that no copy is left behind.
    fn c_string(parts: &[&[u8]], place: impl Fn() -> String) -> Result<CString, Failure> {
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum::<usize>() + 1);
        parts.iter().for_each(|part| bytes.extend_from_slice(part));
        CString::new(bytes).map_err(|error| {
            // The error has the bytes in it.
            drop(Zeroizing::new(error.into_vec()));
            let message =
                format!("{}: its value has a NUL byte, which no program can be given", place());
            Failure::new(Code::Exec, message)
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
}
