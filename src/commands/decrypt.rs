//! `secretary decrypt`: the tokens in a text, or in variables.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::Outcome;
use crate::cli::Decrypt;
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::format::{Format, Printed};
use crate::output::{Existing, write_file};
use crate::unseal::Unsealer;
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
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    refuse_to_overwrite_input(file, args, world)?;
    if file.as_os_str() == "-" && world.stdin_is_terminal() {
        let end = if cfg!(windows) { "Ctrl-Z and Enter end it" } else { "Ctrl-D ends it" };
        world.note(&format!("reading the text to decrypt from the terminal; {end}"));
    }
    let unsealer = Unsealer::find(&args.keys, &world.environ, &world.environ)?;
    let input = input::read(file, input::MAX_TEXT, world)?;
    let text = input.text();
    let name = input::name_of(file);
    let opened = unsealer.open_text(&text, |indexes| {
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
    write(args, world, |out| input.write_replaced(&text, opened.iter(), out))
}

fn variables(args: &Decrypt, world: &World) -> Result<(), Failure> {
    if args.base64 && args.format != Format::Json {
        return Err(Failure::new(Code::Usage, "--base64 is for --format json")
            .hint("add --format json, or leave --base64 out"));
    }
    if args.file.is_some() {
        return Err(Failure::new(Code::Usage, "-e decrypts variables and takes no file").hint(
            "leave -e out to decrypt the file, or give --env-file FILE for the variables in it",
        ));
    }
    if let Some(file) = &args.env_file {
        refuse_to_overwrite_input(file, args, world)?;
    }
    let from_file = args.env_file.as_deref().map(|path| env_file::load(path, world)).transpose()?;
    let printed = match &from_file {
        Some(environ) => open_variables(args, environ, &world.environ.with(environ), world)?,
        None => open_variables(args, &world.environ, &world.environ, world)?,
    };
    match args.format {
        Format::Github => write_for_github(args, world, &printed),
        _ => write(args, world, |out| out.write_all(printed.body.expose())),
    }
}

/// The sealed ones of `environ`, opened and printed; keys may be in any of `around`.
fn open_variables(
    args: &Decrypt,
    environ: &Environ,
    around: &Environ,
    world: &World,
) -> Result<Printed, Failure> {
    let unsealer = Unsealer::find(&args.keys, around, &world.environ)?;
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
    let key = |number: usize| names[number].to_str().unwrap_or_default();
    let values = unsealer.open_values(&texts, &key, |number| shown(names[number]))?;
    let values: Vec<_> = names.iter().copied().zip(values).collect();
    args.format.print(&values, args.base64)
}

/// The masks have to be known before a value can appear in the log, and are not printed, because they
/// are the values themselves, before it is certain that the entries have a place to go.
fn write_for_github(args: &Decrypt, world: &World, printed: &Printed) -> Result<(), Failure> {
    let write_both = |out: &mut File| {
        world.write_all(printed.masks.expose())?;
        out.write_all(printed.body.expose())
    };
    if args.output.is_some() {
        return write(args, world, write_both);
    }
    let file = world.environ.get("GITHUB_ENV").filter(|file| !file.is_empty());
    let Some(path) = file else {
        let message = "there is no $GITHUB_ENV to add variables to";
        return Err(Failure::new(Code::Configuration, message)
            .hint("run this in a step of GitHub Actions, or give -o FILE"));
    };
    let opened = File::options().read(true).append(true).create(true).open(path);
    let written = opened.and_then(|mut file| {
        end_last_line(&mut file)?;
        write_both(&mut file)
    });
    written.map_err(|error| Failure::io("write", &shown(path), &error))
}

/// An entry that goes on where another one ended without a line feed would spoil both.
fn end_last_line(file: &mut File) -> io::Result<()> {
    let mut last = [b'\n'];
    if file.metadata()?.is_file() && file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last == [b'\n'] { Ok(()) } else { file.write_all(b"\n") }
}

fn write(
    args: &Decrypt,
    world: &World,
    contents: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Failure> {
    match args.output_file() {
        Some(path) => write_file(path, 0o600, Existing::Replace, contents),
        None => world.write(contents),
    }
}

/// `decrypt x -o x` would put plaintext in the place of the one copy of the tokens.
fn refuse_to_overwrite_input(file: &Path, args: &Decrypt, world: &World) -> Result<(), Failure> {
    let Some(output) = args.output_file() else { return Ok(()) };
    match is_input(output, file, world) {
        Ok(true) => {
            Err(Failure::new(Code::Usage, format!("{} is both read and written", shown(output)))
                .hint("its tokens would be lost; give another file"))
        }
        // What can't be looked at is found out, and said, when it is opened.
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_input(output: &Path, file: &Path, world: &World) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let output = fs::metadata(output)?;
    let input =
        if file.as_os_str() == "-" { world.stdin()?.metadata()? } else { fs::metadata(file)? };
    Ok(input.is_file() && (input.dev(), input.ino()) == (output.dev(), output.ino()))
}

#[cfg(not(unix))]
fn is_input(output: &Path, file: &Path, _: &World) -> io::Result<bool> {
    Ok(fs::canonicalize(output)? == fs::canonicalize(file)?)
}

/// Control characters can move the cursor, change the title or type for the user.
fn spoils_a_terminal(plaintext: &[u8]) -> bool {
    match str::from_utf8(plaintext) {
        Ok(text) => text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')),
        Err(_) => true,
    }
}
