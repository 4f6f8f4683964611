//! What the program does by the name it is called by, a link or a copy: agents name an executable, and those of the
//! helpers in their images are known to scripts.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// A command that a name stands for.
struct Command {
    arguments: &'static [&'static str],
    /// Whether what was typed follows.
    takes_more: bool,
}

const PROVIDER: Command = Command { arguments: &["agent"], takes_more: true };
const READ: Command = Command { arguments: &["secret-helper", "read"], takes_more: true };
/// The script of that name passes nothing on.
const READ_WITH_PREFIXES: Command = Command {
    arguments: &["secret-helper", "read", "--with-provider-prefixes"],
    takes_more: false,
};
const PYTHON: Command = Command { arguments: &["secret-helper", "python"], takes_more: true };

/// Whether a program of that name answers an agent's requests without any arguments.
pub fn is_provider(program: &OsStr) -> bool {
    let stem = stem(program);
    stem == "secretary-agent" || stem.ends_with("-secret-backend")
}

/// `args`, the first of which is the program's name, with the command that the name stands for. `--version` is for
/// the program itself: agents ask so whatever they were told to run.
pub fn arguments(args: Vec<OsString>) -> Vec<OsString> {
    let Some(known) = args.first().and_then(|program| find(program)) else { return args };
    let mut args = args.into_iter();
    let program = args.next();
    let typed: Vec<_> = args.collect();
    if typed.first().is_some_and(|first| first == "--version" || first == "-V") {
        return program.into_iter().chain(typed).collect();
    }
    let more = if known.takes_more { typed } else { Vec::new() };
    let command = known.arguments.iter().map(OsString::from);
    program.into_iter().chain(command).chain(more).collect()
}

fn find(program: &OsStr) -> Option<Command> {
    match stem(program).as_str() {
        "readsecret.sh" => Some(READ),
        "readsecret_multiple_providers.sh" => Some(READ_WITH_PREFIXES),
        "readsecret.py" => Some(PYTHON),
        _ => is_provider(program).then_some(PROVIDER),
    }
}

/// The name without its folder, and without Windows' `.exe`. There case does not count.
fn stem(program: &OsStr) -> String {
    let base = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let base = if cfg!(windows) { base.to_ascii_lowercase() } else { base };
    let without_exe = base.len().checked_sub(4).and_then(|end| base.split_at_checked(end));
    match without_exe {
        Some((stem, exe)) if exe.eq_ignore_ascii_case(".exe") => stem.to_string(),
        _ => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> String {
        let args = arguments(args.iter().map(OsString::from).collect());
        args.iter().map(|arg| arg.to_str().expect("text")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_name_stands_for_a_command() {
        for (args, expected) in [
            (&["/readsecret.sh", "/etc/x"][..], "/readsecret.sh secret-helper read /etc/x"),
            (&["readsecret.sh.EXE"], "readsecret.sh.EXE secret-helper read"),
            (
                &["/x/readsecret_multiple_providers.sh", "y"],
                "/x/readsecret_multiple_providers.sh secret-helper read --with-provider-prefixes",
            ),
            (&["./readsecret.py", "d"], "./readsecret.py secret-helper python d"),
            (&["/x/secretary-agent"], "/x/secretary-agent agent"),
            #[cfg(not(windows))]
            (&["Db-Secret-Backend.exe"], "Db-Secret-Backend.exe"),
            #[cfg(windows)]
            (&[r"C:\x\Db-Secret-Backend.EXE"], r"C:\x\Db-Secret-Backend.EXE agent"),
            (&["db-secret-backend", "--names", "n"], "db-secret-backend agent --names n"),
            (&["/readsecret.sh", "--version"], "/readsecret.sh --version"),
            (&["secretary", "exec", "readsecret.sh"], "secretary exec readsecret.sh"),
            (&["é.e"], "é.e"),
            (&[], ""),
        ] {
            assert_eq!(of(args), expected);
        }
    }
}
