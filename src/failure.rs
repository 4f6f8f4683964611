//! What the user reads when something fails, and the code the shell gets.
//!
//! This is the only file that prints an error. A message says what failed and where, never a value:
//! no plaintext, no key, no text of another system.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::ContextKind;

use crate::keys::could_be_a_key;
use crate::world::{World, to_stderr};

/// The exit codes, as `--help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Input or output failed, or a check found something.
    General = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A key, variable or file is missing or wrong.
    Configuration = 3,
    /// There is no key for a token.
    NoKey = 4,
    /// A token, or a daemon's answer, is damaged, forged, or sealed for other keys.
    Damaged = 5,
    /// A remote service failed.
    Remote = 6,
    /// A remote service said no.
    Denied = 7,
    /// `exec` failed before it started the program.
    Exec = 125,
    /// `exec` found the program and can't run it.
    NotExecutable = 126,
    /// `exec` did not find the program.
    NotFound = 127,
}

/// Their list, for help texts and man pages.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    input or output failed, or a check found something
  2    the command line is wrong
  3    a key, variable or file is missing or wrong
  4    there is no key for a token
  5    a token, or a daemon's answer, is damaged, forged, or sealed for other keys
  6    a remote service failed
  7    a remote service said no
  125  exec: failed before the program was started, for any reason above
  126  exec: the program was found and can't be run
  127  exec: the program was not found";

/// One failure: a sentence, lines of detail, a hint.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
}

impl Failure {
    /// A failure that says `message`: lower case, no full stop, no value.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), hint: None }
    }

    /// A failed system call on the file or stream called `name`.
    pub fn io(doing: &str, name: &str, error: &std::io::Error) -> Self {
        let failure = Self::new(Code::General, format!("cannot {doing} {name}: {}", reason(error)));
        match error.kind() {
            ErrorKind::NotFound => failure
                .with_code(Code::Configuration)
                .hint("check the path, and that its folder is there"),
            ErrorKind::PermissionDenied => failure
                .with_code(Code::Configuration)
                .hint("check the owner and mode of the file and its folder"),
            ErrorKind::AlreadyExists => {
                failure.hint("something of that name is there already, and was left as it is")
            }
            ErrorKind::IsADirectory => failure.hint("give the name of a file"),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                failure.hint("make room, and try again")
            }
            ErrorKind::BrokenPipe => failure.hint("what reads the output has ended"),
            _ => failure,
        }
    }

    /// Adds a line below the message.
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Says what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The sentence alone.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The hint alone.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The same with another code.
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// The same as a failure of `exec`, whose codes leave those below 125 to the started program.
    pub fn within_exec(self) -> Self {
        if self.code as u8 >= Code::Exec as u8 { self } else { self.with_code(Code::Exec) }
    }

    /// Prints the failure to standard error and answers its exit code.
    pub fn print(&self, world: &World) -> ExitCode {
        let (error, hint) = match world.stderr_in_colour() {
            true => ("\x1b[1;31merror:\x1b[0m", "\x1b[1;36mhint:\x1b[0m"),
            false => ("error:", "hint:"),
        };
        let mut text = format!("{error} {}\n", self.message);
        for line in &self.details {
            let _ = writeln!(text, "  {line}");
        }
        if let Some(line) = &self.hint {
            let _ = writeln!(text, "{hint} {line}");
        }
        to_stderr(&text);
        ExitCode::from(self.code as u8)
    }
}

#[cfg(feature = "agent")]
impl Failure {
    /// Prints the failure to standard error in one line, for what reads it line by line, and answers the exit code 1.
    pub fn print_in_a_line(&self) -> ExitCode {
        let hint = self.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        let details: String = self.details.iter().map(|line| format!("; {line}")).collect();
        to_stderr(&format!("error: {}{details}{hint}\n", self.message));
        ExitCode::from(Code::General as u8)
    }
}

/// Whether a panic is somebody else's way to say that a setting is wrong.
static IS_EXPECTED: AtomicBool = AtomicBool::new(false);

/// What `work` answers, or `None` if it panics, of which nothing is said.
pub fn unless_it_panics<T>(work: impl FnOnce() -> T) -> Option<T> {
    IS_EXPECTED.store(true, Ordering::Relaxed);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    IS_EXPECTED.store(false, Ordering::Relaxed);
    done.ok()
}

/// Has a panic, which is a bug, say where it was and nothing else: what it is about may be secret. Where
/// a panic ends the program at once, it leaves with `code`.
pub fn report_panics(code: Code) {
    panic::set_hook(Box::new(move |panic| {
        if IS_EXPECTED.load(Ordering::Relaxed) {
            return;
        }
        let place = panic.location().map_or(String::new(), |place| format!(", at {place}"));
        to_stderr(&format!("error: secretary has a bug and had to stop{place}\n"));
        if cfg!(panic = "abort") {
            std::process::exit(code as i32);
        }
    }));
}

/// Prints what the command line parser has to say: help on standard output, errors on standard error.
/// It repeats what was typed, so it does not get to say what may be a secret.
pub fn print_usage(error: &clap::Error, args: &[OsString], world: &World) -> ExitCode {
    let is_exec = is_exec(args);
    if !error.use_stderr() {
        // Nothing is left to be done when the terminal is gone.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let code = if is_exec { Code::Exec } else { Code::Usage };
    let command = args.get(1).and_then(|command| command.to_str()).unwrap_or_default();
    if let Some((part, feature)) = absent(command) {
        return Failure::new(code, format!("this secretary was built without {part}"))
            .hint(format!("use the full build, which has the feature `{feature}`"))
            .print(world);
    }
    // What a command that takes a secret does not know may be the secret itself, unless it is much like an option.
    let is_encrypt = command == "encrypt";
    let is_put =
        command == "secret" && args.iter().skip(2).any(|it| it == "put" || it == "create-version");
    let resembles_nothing = error.get(ContextKind::SuggestedArg).is_none();
    let may_be_secret = (is_encrypt || is_put)
        && error.kind() == clap::error::ErrorKind::UnknownArgument
        && resembles_nothing;
    if may_be_secret || args.iter().skip(1).any(|argument| could_be_a_key(argument)) {
        return Failure::new(code, "there is an argument that the command does not take; it is not repeated, because it may be a secret")
            .hint("every user of this machine can read secrets on a command line, so change it if it was one; --help shows what the command takes")
            .print(world);
    }
    let _ = error.print();
    ExitCode::from(code as u8)
}

/// What a command needs that this build does not have, and the feature that has it.
fn absent(command: &str) -> Option<(&'static str, &'static str)> {
    let has_audit = cfg!(any(feature = "daemon", feature = "server"));
    let (part, feature, is_there) = match command {
        "agent" | "secret-helper" => {
            ("the secret backend of agents", "agent", cfg!(feature = "agent"))
        }
        "audit" => ("the daemon", "daemon", has_audit),
        "daemon" => ("the daemon", "daemon", cfg!(feature = "daemon")),
        "secret" => ("the part that asks a secrets server", "setec", cfg!(feature = "setec")),
        "server" => ("the secrets server", "server", cfg!(feature = "server")),
        _ => return None,
    };
    (!is_there).then_some((part, feature))
}

/// Whether the exit code is to be one of those that leave room for a started program's own.
pub fn is_exec(args: &[OsString]) -> bool {
    args.get(1).is_some_and(|command| command == "exec")
}

/// The reason alone, without Rust's ` (os error 2)` and the full stop that Windows ends it with.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].trim_end_matches('.').to_lowercase(),
        None => text,
    }
}

/// A name from outside, fit to be printed: control characters, invisible ones and those that reorder
/// text escaped; and a key that was given where a name should be, left out.
pub fn shown(name: impl AsRef<std::ffi::OsStr>) -> String {
    let name = name.as_ref();
    if name.is_empty() {
        return "''".to_string();
    }
    if could_be_a_key(name) {
        return "(not repeated: it looks like a key)".to_string();
    }
    printable(&name.to_string_lossy())
}

/// A text from outside on one line: control characters, invisible ones and those that reorder text escaped.
pub fn printable(from: &str) -> String {
    let mut text = String::new();
    for character in from.chars() {
        let unseen = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if character.is_control() || unseen {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_not_move_the_cursor_or_reorder_a_line() {
        assert_eq!(shown("a\x1b[2J\nb\u{202e}é\u{feff}"), "a\\u{1b}[2J\\nb\\u{202e}é\\u{feff}");
    }

    #[test]
    fn a_key_in_the_place_of_a_name_is_not_repeated() {
        assert!(!shown("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").contains("AQID"));
        assert_eq!(shown(""), "''");
    }

    /// Windows says it in its user's language, so nothing more is known of it there.
    #[test]
    fn reasons_are_lower_case_and_without_numbers() {
        let reason = reason(&std::io::Error::from_raw_os_error(2));
        assert!(!cfg!(unix) || reason == "no such file or directory");
        assert_eq!(reason, reason.to_lowercase());
        assert!(!reason.ends_with(['.', ')']), "{reason}");
    }
}
