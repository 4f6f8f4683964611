//! Where a value comes from, and what is kept of it.

use std::fs::File;
use std::io::{self, Read};

use secretary_secret::Secret;

use crate::cli::ValueFlags;
use crate::failure::{Code, Failure, shown};
use crate::prompt::prompt;
use crate::world::{World, to_stderr};

/// As much as an answer may have, so that what was saved can be got again.
const MAX_VALUE: usize = 48 << 20;

/// The value in the file, or what is typed, or standard input.
pub(super) fn read(flags: &ValueFlags, world: &World) -> Result<Secret, Failure> {
    match flags.from_file.as_deref().filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => {
            let value = File::open(path).and_then(bounded);
            kept(value.map_err(|error| unread(&shown(path), &error))?, flags)
        }
        None if world.stdin_is_terminal() => ask(flags),
        None => {
            let value = world.stdin().and_then(bounded);
            let value = kept(value.map_err(|error| unread("standard input", &error))?, flags)?;
            to_stderr(&format!("Read {} bytes from stdin\n", value.len()));
            Ok(value)
        }
    }
}

fn bounded(mut file: impl Read) -> io::Result<Secret> {
    Secret::read_from(&mut file, MAX_VALUE)
}

fn unread(name: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Failure::new(Code::General, format!("{name} has more than {MAX_VALUE} bytes"))
        }
        _ => Failure::io("read", name, error),
    }
}

/// Twice, because what is typed is not seen. White space around it was typed on purpose.
fn ask(flags: &ValueFlags) -> Result<Secret, Failure> {
    let first = prompt("Enter secret: ")?;
    if first.is_empty() && !flags.empty_ok {
        return Err(refused("no secret provided, aborting").hint("--empty-ok saves an empty one"));
    }
    match first == prompt("Confirm secret: ")? {
        true => Ok(first),
        false => Err(refused("secrets do not match, aborting").hint("try again")),
    }
}

/// What is to be saved of a file or of standard input. A newline at the end of a password is seldom meant, and one at the end
/// of a key is often needed, so it is for the user to say.
fn kept(value: Secret, flags: &ValueFlags) -> Result<Secret, Failure> {
    let value = match std::str::from_utf8(value.expose()) {
        Ok(text) if !flags.verbatim && text.trim().len() != text.len() => match flags.trim_space {
            true => text.trim().as_bytes().into(),
            false => {
                return Err(refused(
                    "text value has surrounding whitespace, specify --verbatim to keep the space or --trim-space to remove it",
                ));
            }
        },
        _ => value,
    };
    match value.is_empty() && !flags.empty_ok {
        true => Err(refused("empty secret value").hint("--empty-ok saves an empty one")),
        false => Ok(value),
    }
}

fn refused(message: &str) -> Failure {
    Failure::new(Code::General, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept_of(value: &[u8], verbatim: bool, trim_space: bool) -> Result<Vec<u8>, String> {
        let flags = ValueFlags { verbatim, trim_space, ..ValueFlags::default() };
        let kept = kept(value.into(), &flags);
        kept.map(|value| value.expose().to_vec()).map_err(|error| error.message().to_string())
    }

    #[test]
    fn white_space_around_a_text_is_kept_or_left_out_when_the_user_says_so() {
        // What Unicode calls white space, and Go as well.
        for text in ["a\n", " a", "a\r\n", "\u{85}a", "a\u{a0}", "\u{3000}a\u{2028}", "\x0ba\x0c"] {
            let text = text.as_bytes();
            assert!(kept_of(text, false, false).expect_err("space").contains("surrounding"));
            assert_eq!(kept_of(text, true, false), Ok(text.to_vec()));
            assert_eq!(kept_of(text, true, true), Ok(text.to_vec()));
            assert_eq!(kept_of(text, false, true), Ok(b"a".to_vec()));
        }
        for value in [b"a b".as_slice(), "\u{200b}a\u{feff}".as_bytes(), b"\xff\n", b" \x80"] {
            for (verbatim, trim_space) in [(false, false), (true, false), (false, true)] {
                assert_eq!(kept_of(value, verbatim, trim_space), Ok(value.to_vec()));
            }
        }
    }

    #[test]
    fn an_empty_value_is_kept_when_the_user_says_so() {
        assert_eq!(kept_of(b"", false, false), Err("empty secret value".into()));
        assert_eq!(kept_of(b" \n", false, true), Err("empty secret value".into()));
        let flags = ValueFlags { empty_ok: true, trim_space: true, ..ValueFlags::default() };
        assert!(kept(b" \n".as_slice().into(), &flags).expect("a value").is_empty());
    }
}
