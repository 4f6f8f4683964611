//! `secretary genkeys`: new key pairs, as files or as lines for an environment.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};
use std::process::ExitCode;

use secretary_envelope::{Half, SecretKey};
use secretary_secret::Secret;

use crate::Outcome;
use crate::cli::Genkeys;
use crate::environ::is_shell_identifier;
use crate::failure::{Code, Failure, shown};
use crate::keys::file_name;
use crate::output::{Existing, write_file};
use crate::world::World;

pub(super) fn run(args: &Genkeys, world: &World) -> Outcome {
    let mut names = BTreeSet::new();
    for name in &args.name {
        check_name(name)?;
        if !names.insert(name) {
            return Err(Failure::new(
                Code::Usage,
                format!("the name {} is given twice", shown(name)),
            )
            .hint("give each name once"));
        }
    }
    if args.print {
        print(&args.name, world)?
    } else {
        write(args, world)?
    }
    Ok(ExitCode::SUCCESS)
}

/// What comes behind a colon on Windows is no part of a file's name.
const NOT_IN_NAMES: &[char] = if cfg!(windows) { &[':'] } else { &[] };

/// A name may have folders in it, and must stay below the folder that was given.
fn check_name(name: &str) -> Result<(), Failure> {
    let path = Path::new(name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    if inside
        && path.file_name().is_some()
        && !name.ends_with(std::path::is_separator)
        && !name.contains(NOT_IN_NAMES)
        && !name.contains(char::is_control)
        && !name.starts_with('-')
    {
        return Ok(());
    }
    let message = format!(
        "{} is no name for a key pair",
        if name.is_empty() { "an empty text".into() } else { shown(name) }
    );
    Err(Failure::new(Code::Usage, message)
        .hint("a name is a word such as `deploy`, or folders and a word such as `prod/deploy`"))
}

fn print(names: &[String], world: &World) -> Result<(), Failure> {
    let mut lines = Secret::default();
    let mut variables = BTreeSet::new();
    for name in names {
        let variable = name.to_uppercase().replace(['-', '.', MAIN_SEPARATOR, '/'], "_");
        if !is_shell_identifier(variable.as_ref()) {
            let message = format!("{} can't be the start of a variable name", shown(name));
            return Err(
                Failure::new(Code::Usage, message).hint("give a name of letters, digits, - and _")
            );
        }
        if !variables.insert(variable.clone()) {
            return Err(Failure::new(
                Code::Usage,
                format!("two names give the variable {variable}_PUBLIC_KEY"),
            )
            .hint("give names that differ in more than - . and /"));
        }
        let key = generate()?;
        for (half, pem) in [("PUBLIC", key.public_key().to_pem()), ("PRIVATE", key.to_pem())] {
            let line = pem.lines().nth(1).expect("the second of a key's three lines is its base64");
            for part in [variable.as_str(), "_", half, "_KEY=", line, "\n"] {
                lines.extend(part.as_bytes());
            }
        }
    }
    world.print(lines.expose())
}

/// Nothing is written before it is known that nothing is in the way; what is written before something
/// fails all the same is taken back, unless it replaced another file.
fn write(args: &Genkeys, world: &World) -> Result<(), Failure> {
    refuse_existing(args)?;
    for name in &args.name {
        make_folder(&file(args, name, Half::Private))?;
    }
    let mut written = Vec::new();
    let result = args.name.iter().try_for_each(|name| write_pair(args, name, &mut written));
    if result.is_err() && !args.force {
        // There is nobody to tell more than the failure itself.
        written.iter().for_each(|path| drop(fs::remove_file(path)));
    }
    result?;
    for pair in written.chunks(2) {
        world.note(&format!("made {} and {}", shown(&pair[0]), shown(&pair[1])));
    }
    Ok(())
}

/// The public half last: where it is, its private half is, too.
fn write_pair(args: &Genkeys, name: &str, written: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let key = generate()?;
    let halves =
        [(Half::Private, 0o600, key.to_pem()), (Half::Public, 0o644, key.public_key().to_pem())];
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    for (half, mode, pem) in halves {
        let path = file(args, name, half);
        write_file(&path, mode, existing, |file| file.write_all(pem.as_bytes()))?;
        written.push(path);
    }
    Ok(())
}

/// Looks at all files before the first is written, so that no half of a pair is replaced alone.
fn refuse_existing(args: &Genkeys) -> Result<(), Failure> {
    let halves = [Half::Public, Half::Private];
    let files = args.name.iter().flat_map(|name| halves.map(|half| file(args, name, half)));
    let in_the_way = |file: &PathBuf| {
        let found = fs::symlink_metadata(file);
        found.is_ok_and(|found| !args.force || !found.is_file())
    };
    let existing: Vec<_> = files.filter(in_the_way).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let failure = match args.force {
        false => Failure::new(Code::Configuration, "key files exist already, so no key was made")
            .hint("--force replaces them, and what was sealed with them can't be opened any more"),
        true => Failure::new(
            Code::Configuration,
            "these are no files that can be replaced, so no key was made",
        )
        .hint("remove the folder or link yourself"),
    };
    Err(existing.iter().fold(failure, |failure, file| failure.detail(shown(file))))
}

fn file(args: &Genkeys, name: &str, half: Half) -> PathBuf {
    args.path.join(file_name(name, half))
}

fn make_folder(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o775);
    builder.create(folder).map_err(|error| Failure::io("make the folder", &shown(folder), &error))
}

fn generate() -> Result<SecretKey, Failure> {
    SecretKey::generate()
        .map_err(|error| Failure::new(Code::General, format!("no random bytes: {error}")))
}
