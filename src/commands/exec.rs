//! `secretary exec`: become a program that finds its secrets in its environment and arguments.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::ffi::OsStr;

use secretary_envelope::Text;
use secretary_secret::Secret;

#[cfg(unix)]
use self::unix::start;
#[cfg(windows)]
use self::windows::start;
use crate::cli::Exec;
use crate::environ::{comparable, holds_a_key};
use crate::failure::{Code, Failure, shown};
use crate::unseal::Unsealer;
use crate::world::World;
use crate::{Outcome, env_file, keys};

/// A variable's value or an argument, and what it is once its tokens are opened.
struct Value<'a> {
    #[cfg_attr(unix, expect(dead_code, reason = "there the bytes of both are the same"))]
    typed: &'a OsStr,
    opened: &'a Secret,
    was_sealed: bool,
}

pub(super) fn run(args: &Exec, world: &World) -> Outcome {
    let environ = match &args.env_file {
        Some(path) => &world.environ.with(&env_file::load(path, world)?),
        None => &world.environ,
    };
    let unsealer = Unsealer::find(&args.keys, environ, &world.environ)?;
    let names: Vec<_> = environ.iter().map(|(name, _)| name).collect();
    let values = environ.iter().map(|(_, value)| value);
    let arguments = args.command.iter().map(|argument| argument.as_os_str());
    let typed: Vec<_> = values.chain(arguments).collect();
    let texts: Vec<_> = typed.iter().map(|value| Text::parse(value.as_encoded_bytes())).collect();
    let place = |number: usize| match names.get(number) {
        Some(name) => shown(name),
        None => format!("argument {}", number - names.len()),
    };
    let key = |number: usize| names.get(number).and_then(|name| name.to_str()).unwrap_or_default();
    let opened = unsealer.open_values(&texts, &key, place)?;

    let values = typed.iter().zip(&opened).zip(&texts).map(|((typed, opened), text)| Value {
        typed,
        opened,
        was_sealed: text.tokens().len() > 0,
    });
    let mut values: Vec<_> = values.collect();
    let arguments = values.split_off(names.len());
    let variables = names.into_iter().zip(values).filter(|(name, value)| {
        args.keep_keys || value.was_sealed || !is_kept_back(name, args, world)
    });
    start(variables.collect(), arguments, &args.command[0], world)
}

/// Whether the variable called `name` is no business of a program that gets its secrets. The user hears of
/// one that is not known to be ours.
fn is_kept_back(name: &OsStr, args: &Exec, world: &World) -> bool {
    let named = args.keys.names().any(|flag| comparable(flag) == comparable(name));
    if !named && holds_a_key(name) && !name.to_str().is_some_and(keys::is_variable) {
        world.note(&format!("{} is not passed on; --keep-keys passes it on", shown(name)));
    }
    named || holds_a_key(name)
}

fn has_nul(place: &str) -> Failure {
    let message = format!("{place}: its value has a NUL byte, which no program can be given");
    Failure::new(Code::Exec, message)
}
