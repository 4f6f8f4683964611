//! `secretary encrypt`: a secret from standard input or a prompt, into a token.

use std::io;
use std::process::ExitCode;

use secretary_envelope::token::fold;
use secretary_secret::Secret;

use crate::Outcome;
use crate::cli::Encrypt;
use crate::failure::{Code, Failure};
use crate::prompt::prompt;
use crate::seal::{DataKeys, MAX_LINES, MAX_SECRET, Sealer};
use crate::world::World;

pub(super) fn run(args: &Encrypt, world: &World) -> Outcome {
    if !args.refused.is_empty() {
        return Err(Failure::new(Code::Usage, "encrypt takes no argument: it reads the secret from standard input")
            .hint("every user of this machine can read a secret on a command line, so change it if it was real; then `echo -n secret | secretary encrypt`, or no input at all to be asked"));
    }
    let sealer = Sealer::find(&args.keys, &world.environ)?;
    if args.lines {
        return lines(args, &sealer, world);
    }
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
    let token = sealer.seal_all(&[secret], DataKeys::Own)?.concat();
    let token = if args.wrap { fold(&token) } else { token };
    world.print(token.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A token on a line for each line; nothing is printed before all of them are made.
fn lines(args: &Encrypt, sealer: &Sealer<'_>, world: &World) -> Outcome {
    if world.stdin_is_terminal() {
        return Err(Failure::new(
            Code::Usage,
            "--lines reads from a file or a pipe, and this is a terminal",
        )
        .hint(
            "what is typed would be seen; without --lines you are asked for one secret, unseen",
        ));
    }
    if args.share_data_key && !sealer.has_data_keys() {
        let message = "--share-data-key is for AWS KMS, and no key of AWS KMS is chosen";
        return Err(Failure::new(Code::Usage, message)
            .hint("add --kms-key-id, or leave it out: NaCl tokens have no data keys"));
    }
    let input = read(world)?;
    let secrets = split(input.expose());
    if secrets.len() > MAX_LINES {
        let message = format!("there are more than {MAX_LINES} lines");
        return Err(Failure::new(Code::General, message).hint("encrypt them in several runs"));
    }
    let empty = secrets.iter().filter(|secret| secret.is_empty()).count();
    if empty > 0 {
        let lines = if secrets.len() == 1 { "line" } else { "lines" };
        world.note(&format!("empty secrets: {empty} of {} {lines}", secrets.len()));
    }
    let data_keys = if args.share_data_key { DataKeys::Shared } else { DataKeys::Own };
    let tokens = sealer.seal_all(&secrets, data_keys)?;
    let text: String = tokens.iter().flat_map(|token| [token.as_str(), "\n"]).collect();
    world.print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Each line without what ends it; what comes after the last ending is a line if it is not empty.
fn split(text: &[u8]) -> Vec<Secret> {
    let without_ending = |line: &[u8]| line[..line.len() - line_ending(line)].into();
    text.split_inclusive(|&byte| byte == b'\n').map(without_ending).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_stands_before_its_ending() {
        let split = |text: &str| {
            let lines = split(text.as_bytes());
            lines.iter().map(|line| line.expose().escape_ascii().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(split("a\nb c\r\n\nd"), ["a", "b c", "", "d"]);
        assert_eq!(split("a\n"), ["a"]);
        assert_eq!(split("\n"), [""]);
        assert!(split("").is_empty());
    }
}
