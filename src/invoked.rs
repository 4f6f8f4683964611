//! Names by which agents and their scripts call this program, and what they mean.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The arguments that `args` stand for, the first of which is the program's name.
pub fn arguments(args: Vec<OsString>) -> Vec<OsString> {
    match args.first() {
        Some(name) if is_provider(name) => with_command(args, &["agent"]),
        _ => args,
    }
}

/// Whether a program of that name answers an agent's requests without any arguments.
pub fn is_provider(name: &OsStr) -> bool {
    let stem = stem(name);
    stem == "secretary-agent" || stem.ends_with("-secret-backend")
}

/// The name without its folder, and on Windows without its ending.
fn stem(name: &OsStr) -> String {
    let name = Path::new(name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    match name.to_ascii_lowercase().strip_suffix(".exe") {
        Some(stem) if cfg!(windows) => stem.to_string(),
        _ => name,
    }
}

/// The first of `args`, then `command`, then the others. Questions about the program itself stay what they are: agents
/// ask for the version of what they run.
fn with_command(args: Vec<OsString>, command: &[&str]) -> Vec<OsString> {
    let asks = args.get(1).is_some_and(|first| first == "--version" || first == "-V");
    if asks {
        return args;
    }
    let mut args = args.into_iter();
    let name = args.next();
    name.into_iter().chain(command.iter().map(OsString::from)).chain(args).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(args: &[&str]) -> Vec<String> {
        let args = arguments(args.iter().map(OsString::from).collect());
        args.into_iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_name_says_what_to_do() {
        assert_eq!(called(&["/x/secretary-agent"]), ["/x/secretary-agent", "agent"]);
        assert_eq!(called(&["db-secret-backend", "--names", "n"])[1..], ["agent", "--names", "n"]);
        assert_eq!(called(&["secretary", "agent"]), ["secretary", "agent"]);
        assert_eq!(called(&["secretary-agent", "--version"])[1..], ["--version"]);
        assert!(called(&[]).is_empty());
    }
}
