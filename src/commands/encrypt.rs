//! `secretary encrypt`: a secret from standard input or a prompt, into a token.

use std::io;
use std::process::ExitCode;

use secretary_envelope::token::fold;
use secretary_secret::Secret;

use crate::Outcome;
use crate::cli::Encrypt;
use crate::crypt::{MAX_SECRET, Sealer};
use crate::failure::{Code, Failure};
use crate::world::World;

pub(super) fn run(args: &Encrypt, world: &World) -> Outcome {
    if !args.refused.is_empty() {
        return Err(Failure::new(Code::Usage, "encrypt takes no argument: it reads the secret from standard input")
            .hint("every user of this machine can read a secret on a command line, so change it if it was real; then `echo -n secret | secretary encrypt`, or no input at all to be asked"));
    }
    let sealer = Sealer::find(&args.keys, &world.environ)?;
    let mut secret = if world.stdin_is_terminal() { ask()? } else { read(world)? };
    match line_ending(secret.expose()) {
        0 => {}
        ending if args.trim => secret.resize(secret.len() - ending),
        _ => world
            .note("the secret ends with a newline, which is a part of it; --trim leaves it out"),
    }
    if secret.is_empty() {
        world.note("the secret is empty");
    }
    let token = sealer.seal(&secret)?;
    let token = if args.wrap { fold(&token) } else { token };
    world.print(token.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn read(world: &World) -> Result<Secret, Failure> {
    let read = world.stdin().and_then(|mut input| Secret::read_from(&mut input, MAX_SECRET));
    read.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Failure::new(Code::General, format!("the secret has more than {MAX_SECRET} bytes"))
        }
        _ => Failure::io("read", "standard input", &error),
    })
}

/// Ctrl-C takes effect when the terminal is as it was: it shows nothing that is typed while it is asked.
#[cfg(unix)]
fn ask_once(text: &str) -> io::Result<String> {
    use crate::signals::deferred;
    deferred(&[nix::sys::signal::Signal::SIGINT], || rpassword::prompt_password(text))
}

#[cfg(not(unix))]
fn ask_once(text: &str) -> io::Result<String> {
    rpassword::prompt_password(text)
}

/// Twice, because what is typed is not seen.
fn ask() -> Result<Secret, Failure> {
    let prompt = |text| {
        ask_once(text)
            .map(|line| Secret::from(line.into_bytes()))
            .map_err(|error| Failure::io("read", "the terminal", &error))
    };
    let (secret, again) = (prompt("Secret: ")?, prompt("Again: ")?);
    match secret == again {
        true => Ok(secret),
        false => {
            Err(Failure::new(Code::General, "the two secrets differ, so nothing was encrypted")
                .hint("try again"))
        }
    }
}

/// How many bytes end the last line.
fn line_ending(secret: &[u8]) -> usize {
    match secret {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => 0,
    }
}
