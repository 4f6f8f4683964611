//! `secretary decrypt`: the tokens in a text, or in variables.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use secretary_envelope::Text;

use crate::Outcome;
use crate::cli::Decrypt;
use crate::crypt::Unsealer;
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::format::{Format, Printed};
use crate::output::{Existing, write_file, write_parts};
use crate::world::World;
use crate::{env_file, input};

pub(super) fn run(args: &Decrypt, world: &World) -> Outcome {
    if args.is_of_variables() {
        variables(args, world)?
    } else {
        text(args, world)?
    }
    Ok(ExitCode::SUCCESS)
}

fn text(args: &Decrypt, world: &World) -> Result<(), Failure> {
    if args.base64 || args.format != Format::Sh {
        return Err(Failure::new(Code::Usage, "--format and --base64 are for variables")
            .hint("add -e, or --env-file FILE"));
    }
    refuse_to_overwrite_input(args, world)?;
    if args.file.as_os_str() == "-" && world.stdin_is_terminal() {
        world.note("reading the text to decrypt from the terminal; Ctrl-D ends it");
    }
    let unsealer = Unsealer::find(&args.keys, &world.environ)?;
    let bytes = input::read(&args.file, input::MAX_TEXT, world)?;
    let text = Text::parse(&bytes);
    let name = input::name_of(&args.file);
    let opened = unsealer.open_all(&[&text], |_, indexes| {
        let positions = text.positions(indexes.iter().copied());
        positions.map(|(line, column)| format!("{name}:{line}:{column}")).collect()
    })?;
    if args.output.is_none() && world.stdout_is_terminal() && opened.iter().any(spoils_a_terminal) {
        return Err(Failure::new(
            Code::General,
            "a secret is not plain text, so it is not printed to the terminal",
        )
        .hint("-o FILE writes it to a file, and -o - prints it all the same"));
    }
    write(args, world, text.replaced(opened.iter()))
}

fn variables(args: &Decrypt, world: &World) -> Result<(), Failure> {
    if args.base64 && args.format != Format::Json {
        return Err(Failure::new(Code::Usage, "--base64 is for --format json"));
    }
    let (printed, environ);
    match &args.env_file {
        Some(path) => {
            environ = env_file::load(path, world)?;
            printed = open_variables(args, &environ, &world.environ.with(&environ))?;
        }
        None => printed = open_variables(args, &world.environ, &world.environ)?,
    }
    if args.format == Format::Github {
        return write_for_github(args, world, &printed);
    }
    write(args, world, [printed.body.expose()].into_iter())
}

/// The sealed ones of `environ`, opened and printed; keys may be in any of `around`.
fn open_variables(args: &Decrypt, environ: &Environ, around: &Environ) -> Result<Printed, Failure> {
    let unsealer = Unsealer::find(&args.keys, around)?;
    let sealed = environ.sealed();
    let unfit: Vec<_> =
        sealed.iter().map(|(name, _)| *name).filter(|name| !args.format.takes_name(name)).collect();
    if !unfit.is_empty() {
        let message = "this format can't assign to every name, so nothing was done";
        let failure = Failure::new(Code::General, message)
            .hint("a name has letters, digits and _, and no digit at its start; `secretary exec` and --format null take any name");
        return Err(unfit.into_iter().fold(failure, |failure, name| failure.detail(shown(name))));
    }
    let (names, texts): (Vec<_>, Vec<_>) = sealed.into_iter().unzip();
    let values = unsealer.open_values(&texts, |number| shown(names[number]))?;
    let values: Vec<_> = names.iter().copied().zip(values).collect();
    args.format.print(&values, args.base64)
}

/// The masks have to be known before a value can appear in the log.
fn write_for_github(args: &Decrypt, world: &World, printed: &Printed) -> Result<(), Failure> {
    let file = world.environ.get("GITHUB_ENV").filter(|file| !file.is_empty());
    if args.output.is_none() && file.is_none() {
        return Err(Failure::new(
            Code::Configuration,
            "there is no $GITHUB_ENV to add variables to",
        )
        .hint("run this in a step of GitHub Actions, or give -o FILE"));
    }
    world.print([printed.masks.expose()])?;
    match file.filter(|_| args.output.is_none()) {
        None => write(args, world, [printed.body.expose()].into_iter()),
        Some(path) => {
            let opened = File::options().append(true).create(true).open(path);
            let written = opened
                .and_then(|mut file| write_parts(&mut file, [printed.body.expose()].into_iter()));
            written.map_err(|error| Failure::io("write", &shown(path), &error))
        }
    }
}

fn write<'a>(
    args: &Decrypt,
    world: &World,
    parts: impl Iterator<Item = &'a [u8]>,
) -> Result<(), Failure> {
    match args.output.as_deref().filter(|path| *path != "-") {
        Some(path) => write_file(path, 0o600, Existing::Replace, parts),
        None => world.print(parts),
    }
}

/// `decrypt x -o x` would put plaintext in the place of the one copy of the tokens.
fn refuse_to_overwrite_input(args: &Decrypt, world: &World) -> Result<(), Failure> {
    let Some(output) = &args.output else { return Ok(()) };
    match is_input(output, args, world) {
        Ok(true) => {
            Err(Failure::new(Code::Usage, format!("{} is both read and written", shown(output)))
                .hint("its tokens would be lost; give another file"))
        }
        // What can't be looked at is found out, and said, when it is opened.
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_input(output: &Path, args: &Decrypt, world: &World) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let output = fs::metadata(output)?;
    let input = if args.file.as_os_str() == "-" {
        world.stdin()?.metadata()?
    } else {
        fs::metadata(&args.file)?
    };
    Ok(input.is_file() && (input.dev(), input.ino()) == (output.dev(), output.ino()))
}

#[cfg(not(unix))]
fn is_input(output: &Path, args: &Decrypt, _: &World) -> io::Result<bool> {
    Ok(fs::canonicalize(output)? == fs::canonicalize(&args.file)?)
}

/// Control characters can move the cursor, change the title or type for the user.
fn spoils_a_terminal(plaintext: &[u8]) -> bool {
    match str::from_utf8(plaintext) {
        Ok(text) => text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')),
        Err(_) => true,
    }
}
