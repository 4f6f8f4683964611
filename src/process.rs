//! Becoming another program: `execve`, with nothing between it and us but the search in `PATH`; or another user.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use crate::before_main::{ignore_sigpipe, restore_sigpipe};

/// Where programs are looked for when there is no `PATH`, as execvp(3) does.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Replaces this process by `command`, looked up in `path` unless it has a slash.
///
/// Everything else goes over as it is: process id, open files, signal mask and dispositions; only a
/// standard stream that was closed is `/dev/null` now, which Rust's runtime saw to. A file
/// without a `#!` line is not handed to a shell, as execvp(3) would do.
///
/// # Errors
///
/// The error of the one file that was found, or [`Errno::ENOENT`]. On success it does not return.
pub fn become_program(
    command: &OsStr,
    path: Option<&OsStr>,
    arguments: &[CString],
    environ: &[CString],
) -> Errno {
    restore_sigpipe();
    let mut error = Errno::ENOENT;
    for file in candidates(command, path) {
        match nix::unistd::execve(&file, arguments, environ) {
            Ok(never) => match never {},
            Err(
                Errno::ENOENT
                | Errno::ENOTDIR
                | Errno::ENAMETOOLONG
                | Errno::ESTALE
                | Errno::ENODEV
                | Errno::ETIMEDOUT,
            ) => {}
            // There may be one in a later folder that can be run.
            Err(Errno::EACCES) => error = Errno::EACCES,
            Err(other) => {
                error = other;
                break;
            }
        }
    }
    // Telling the user about it must not be what ends this process.
    ignore_sigpipe();
    error
}

/// Makes this process one of that user, for good.
///
/// # Errors
///
/// When it is not root's, or the system has no more room for processes of that user.
#[cfg(feature = "agent")]
pub fn become_user(user: &secretary_agent::tester::accounts::Identity) -> std::io::Result<()> {
    use nix::unistd::{Gid, Uid, setgid, setuid};

    // Groups first: without root they can't be changed any more.
    #[cfg(not(target_vendor = "apple"))]
    {
        let groups: Vec<Gid> = user.groups.iter().map(|gid| Gid::from_raw(*gid)).collect();
        nix::unistd::setgroups(&groups)?;
    }
    setgid(Gid::from_raw(user.gid))?;
    Ok(setuid(Uid::from_raw(user.uid))?)
}

fn candidates(command: &OsStr, path: Option<&OsStr>) -> Vec<CString> {
    let files = if command.as_bytes().contains(&b'/') {
        vec![command.to_owned()]
    } else {
        // An empty entry is the current folder, and an empty command is found nowhere.
        let path = path.unwrap_or(OsStr::new(DEFAULT_PATH)).as_bytes();
        let folders = path.split(|&byte| byte == b':').filter(|_| !command.is_empty());
        folders
            .map(|folder| Path::new(OsStr::from_bytes(folder)).join(command).into_os_string())
            .collect()
    };
    files.into_iter().filter_map(|file| CString::new(file.into_encoded_bytes()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_for(command: &str, path: Option<&str>) -> Vec<String> {
        let files = candidates(command.as_ref(), path.map(OsStr::new));
        files.into_iter().map(|file| file.into_string().expect("text")).collect()
    }

    #[test]
    fn programs_are_looked_for_as_execvp_does() {
        assert_eq!(looked_for("a", Some("/x:/y/::z")), ["/x/a", "/y/a", "a", "z/a"]);
        assert_eq!(looked_for("a", None), ["/bin/a", "/usr/bin/a"]);
        assert_eq!(looked_for("./a", Some("/x")), ["./a"]);
        assert!(looked_for("", Some("/x")).is_empty());
    }
}
