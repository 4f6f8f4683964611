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
    trim(&mut secret, args.trim, world);
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

/// Twice, because what is typed is not seen.
fn ask() -> Result<Secret, Failure> {
    let prompt = |text| {
        rpassword::prompt_password(text)
            .map(|line| Secret::from(line.into_bytes()))
            .map_err(|error| Failure::io("read", "the terminal", &error))
    };
    let (secret, again) = (prompt("Secret: ")?, prompt("Again: ")?);
    match secret == again {
        true => Ok(secret),
        false => {
            Err(Failure::new(Code::General, "the two secrets differ, so nothing was encrypted"))
        }
    }
}

fn trim(secret: &mut Secret, remove: bool, world: &World) {
    let bytes = secret.expose();
    let ending = match bytes {
        [.., b'\r', b'\n'] => 2,
        [.., b'\n'] => 1,
        _ => return,
    };
    if remove {
        let len = bytes.len() - ending;
        secret.resize(len);
    } else {
        world.note("the secret ends with a newline, which is a part of it; --trim leaves it out");
    }
}
