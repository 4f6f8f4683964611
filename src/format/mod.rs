//! How variables are printed, so that the reader of the format gets the exact bytes.
//!
//! Each format is a file with one function, from a name and a value to bytes. A value that a format
//! can't express, or that its readers disagree on, is refused: nothing is printed then.

mod docker;
mod dotenv;
mod fish;
mod github;
mod json;
mod powershell;
pub mod sh;
mod systemd;

use std::ffi::OsStr;

use clap::ValueEnum;
use secretary_secret::Secret;

use crate::environ::is_shell_identifier;
use crate::failure::{Code, Failure, shown};

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// export NAME='value', safe under eval "$(..)" and eval $(..)
    Sh,
    /// A .env file
    Dotenv,
    /// One JSON object
    Json,
    /// NAME=value, each ended by a NUL byte
    Null,
    /// set -gx for fish
    Fish,
    /// $env:NAME for PowerShell
    Powershell,
    /// A systemd EnvironmentFile
    Systemd,
    /// A file for docker run --env-file
    Docker,
    /// Masks for GitHub Actions, and entries added to $GITHUB_ENV
    Github,
}

/// A variable and its plaintext.
pub type Variable<'a> = (&'a OsStr, Secret);

/// Printed variables.
#[derive(Debug, Default)]
pub struct Printed {
    /// What has to be on standard output before anything else; only [`Format::Github`] has it.
    pub masks: Secret,
    /// The variables.
    pub body: Secret,
}

/// Why a variable can't be printed. Says nothing of the value itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(&'static str);

impl Format {
    /// Whether a variable called `name` can be assigned to in this format.
    pub fn takes_name(self, name: &OsStr) -> bool {
        match self {
            Self::Json => name.to_str().is_some(),
            Self::Null => true,
            _ => is_shell_identifier(name),
        }
    }

    /// Prints `variables` in their order.
    ///
    /// # Errors
    ///
    /// Naming the first variable whose value the format can't express.
    pub fn print(self, variables: &[Variable<'_>], base64: bool) -> Result<Printed, Failure> {
        // What most formats need, so that the buffer is not moved and wiped again and again.
        let room = |(name, value): &Variable<'_>| name.len() + value.len() + 16;
        let mut printed = Printed {
            body: Secret::with_capacity(variables.iter().map(room).sum()),
            ..Printed::default()
        };
        let (masks, out) = (&mut printed.masks, &mut printed.body);
        if self != Self::Json {
            refuse_nul(variables)?;
        }
        match self {
            Self::Json => json::print(variables, base64, out)?,
            Self::Sh => sh::print(variables, out),
            Self::Github => each(variables, |name, value| github::print(name, value, masks, out))?,
            Self::Dotenv => each(variables, |name, value| dotenv::print(name, value, out))?,
            Self::Null => each(variables, |name, value| null(name, value, out))?,
            Self::Fish => each(variables, |name, value| fish::print(name, value, out))?,
            Self::Powershell => each(variables, |name, value| powershell::print(name, value, out))?,
            Self::Systemd => each(variables, |name, value| systemd::print(name, value, out))?,
            Self::Docker => each(variables, |name, value| docker::print(name, value, out))?,
        }
        Ok(printed)
    }
}

/// Prints one variable after the other.
fn each(
    variables: &[Variable<'_>],
    mut print: impl FnMut(&[u8], &[u8]) -> Result<(), Refused>,
) -> Result<(), Failure> {
    variables.iter().try_for_each(|(name, value)| {
        print(name.as_encoded_bytes(), value.expose()).map_err(|why| why.of(name))
    })
}

fn null(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    [name, b"=", value, b"\0"].into_iter().for_each(|part| out.extend(part));
    Ok(())
}

fn refuse_nul(variables: &[Variable<'_>]) -> Result<(), Failure> {
    match variables.iter().find(|(_, value)| value.expose().contains(&0)) {
        None => Ok(()),
        Some((name, _)) => Err(Refused("its value has a NUL byte, which no variable can hold")
            .of(name)
            .hint("only --format json can express it")),
    }
}

impl Refused {
    fn of(self, name: &OsStr) -> Failure {
        Failure::new(Code::General, format!("{}: {}", shown(name), self.0))
            .hint("another --format may be able to express the value")
    }
}

/// The text of a value, for formats that are text.
fn text(value: &[u8]) -> Result<&str, Refused> {
    str::from_utf8(value).map_err(|_| Refused("its value is not UTF-8, which the format needs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: Format, variables: &[(&str, &str)]) -> Result<String, Failure> {
        let variables: Vec<_> =
            variables.iter().map(|(n, v)| (OsStr::new(*n), Secret::from(v.as_bytes()))).collect();
        let printed = format.print(&variables, false)?;
        Ok(String::from_utf8(printed.body.expose().to_vec()).expect("text"))
    }

    #[test]
    fn sh_separates_statements_and_ends_with_a_newline() {
        assert_eq!(printed(Format::Sh, &[]).expect("printed"), "");
        assert_eq!(printed(Format::Sh, &[("A", "x")]).expect("printed"), "export A='x'\n");
        assert_eq!(
            printed(Format::Sh, &[("A", "x"), ("B", "y z")]).expect("printed"),
            "export A='x';\nexport B='y z'\n"
        );
    }

    #[test]
    fn a_nul_byte_is_refused_by_all_but_json() {
        for format in Format::value_variants() {
            assert_eq!(
                printed(*format, &[("A", "x\0")]).is_ok(),
                *format == Format::Json,
                "{format:?}"
            );
        }
    }

    #[test]
    fn names_are_checked_against_the_format() {
        assert!(Format::Json.takes_name("a.b".as_ref()));
        assert!(!Format::Sh.takes_name("a.b".as_ref()));
        assert!(!Format::Docker.takes_name("A;B".as_ref()));
    }
}
