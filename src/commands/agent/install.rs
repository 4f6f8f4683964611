//! `secretary agent install`: copies this executable to where an agent may run it.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

#[cfg(unix)]
use self::unix::Rights;
#[cfg(windows)]
use self::windows::Rights;
use crate::Outcome;
use crate::cli::AgentInstall;
use crate::failure::{Code, Failure, shown};
use crate::invoked;
use crate::output::{Existing, write_file};
use crate::world::World;

pub(super) fn run(args: &AgentInstall, world: &World) -> Outcome {
    let rights = Rights::find(args)?;
    let path = target(args, world)?;
    check_place(&path, args.force)?;
    if args.dry_run {
        world.note(&format!("would copy this executable to {}, {rights}", shown(&path)));
        world.print(setting(&path, &rights).as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    copy(&path, args, &rights, world)?;
    rights.check(&path)?;
    starts(&path, &rights)?;
    world.note(&format!("{} is in place, {rights}; the agent would run it", shown(&path)));
    world.note("this goes into the agent's main configuration file, and not into a check's:");
    world.print(setting(&path, &rights).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn target(args: &AgentInstall, world: &World) -> Result<PathBuf, Failure> {
    let path = match &args.path {
        Some(path) => path.clone(),
        None => Rights::default_path(&world.environ)?,
    };
    // An agent's working directory is its own.
    std::path::absolute(&path).map_err(|error| Failure::io("find", &shown(&path), &error))
}

fn copy(path: &Path, args: &AgentInstall, rights: &Rights, world: &World) -> Result<(), Failure> {
    let unreadable = |error: io::Error| Failure::io("read", "this executable", &error);
    let mut this = world.executable().map_err(unreadable)?;
    if args.path.is_none() {
        Rights::make_default_folder(path)?;
    }
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let copied = write_file(path, rights.mode(), existing, |file| {
        io::copy(&mut this, file)?;
        rights.give(file)
    });
    copied.map_err(|failure| match cfg!(windows) && path.exists() {
        // Renaming over a program that runs is refused there, in the words for missing rights.
        true => failure.hint(
            "run it as an administrator; and while an agent runs what is there, it can't be replaced: try again in a moment",
        ),
        false => failure,
    })?;
    rights.give_path(path)
}

/// Only a file can be replaced: a device or a pipe would be written to, and given away.
fn check_place(path: &Path, force: bool) -> Result<(), Failure> {
    let cannot = |error: io::Error| Failure::io("write", &shown(path), &error);
    match fs::metadata(path) {
        Ok(there) if !there.is_file() && !there.is_dir() => {
            Err(cannot(io::Error::other("it is not a regular file")))
        }
        Ok(there) if there.is_file() && !force => {
            Err(cannot(io::ErrorKind::AlreadyExists.into()).hint("--force replaces what is there"))
        }
        _ => Ok(()),
    }
}

/// Has the copy print its version as the agent's user, who may have no way to its folder, or find it where nothing is
/// executed.
fn starts(path: &Path, rights: &Rights) -> Result<(), Failure> {
    rights.become_user()?;
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null());
    // The agent's user may have no way to the folder that this was started in.
    command.current_dir(path.ancestors().last().unwrap_or(path));
    let output = command.output().map_err(|error| {
        let failure = Failure::io("run", &shown(path), &error).detail("it was copied");
        match error.kind() {
            io::ErrorKind::PermissionDenied if cfg!(windows) => failure.hint(
                "only the agent's user, the administrators and the system may run it now: do this as an administrator",
            ),
            io::ErrorKind::PermissionDenied => failure.hint(
                "the agent's user needs a way through all of the folders above it, and a file system that is not mounted noexec; --path puts it elsewhere",
            ),
            _ => failure,
        }
    })?;
    let expected = format!("secretary {}\n", env!("CARGO_PKG_VERSION"));
    match output.status.success() && output.stdout == expected.as_bytes() {
        true => Ok(()),
        false => Err(Failure::new(
            Code::General,
            format!("{} was copied and does not run as the agent's user", shown(path)),
        )),
    }
}

/// What goes into the agent's main configuration file.
fn setting(path: &Path, rights: &Rights) -> String {
    let mut lines = format!("secret_backend_command: {}\n", yaml(&path.to_string_lossy()));
    if !invoked::is_provider(path.as_os_str()) {
        lines += "secret_backend_arguments:\n  - agent\n";
    }
    if rights.has_group() {
        let _ = writeln!(lines, "secret_backend_command_allow_group_exec_perm: true");
    }
    lines
}

/// A path as YAML: in quotes, unless it is as plain as most are.
fn yaml(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    match path.starts_with('/') && path.bytes().all(plain) {
        true => path.to_string(),
        false => format!("'{}'", path.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_where_yaml_would_read_something_else() {
        assert_eq!(yaml("/usr/local/bin/secretary-agent"), "/usr/local/bin/secretary-agent");
        assert_eq!(yaml("C:\\Program Files\\it's.exe"), "'C:\\Program Files\\it''s.exe'");
        assert_eq!(yaml("/a: b"), "'/a: b'");
    }
}
