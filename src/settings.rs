//! Flags in a file, or in variables: each is a key there, so the command line's own rules judge it.

#[cfg(feature = "server")]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use clap::Command;
use clap::error::ErrorKind;
#[cfg(feature = "server")]
use clap::parser::ValueSource;
use secretary_secret::Secret;

use crate::failure::{Code, Failure, shown};

/// The flags that there are, and the command whose help lists them.
pub(crate) struct Known {
    flags: Command,
    /// Those that are typed or nothing.
    typed: &'static [&'static str],
    command: &'static str,
}

impl Known {
    /// The flags of `command`, but for those in `typed`.
    pub(crate) fn new(
        flags: Command,
        typed: &'static [&'static str],
        command: &'static str,
    ) -> Self {
        Self { flags: flags.no_binary_name(true), typed, command }
    }

    /// The flags that a TOML file stands for.
    ///
    /// # Errors
    ///
    /// When it has something in it that is no setting.
    pub(crate) fn of_file(&self, text: &str, path: &Path) -> Result<Vec<OsString>, Failure> {
        let place = shown(path);
        let table: toml::Table = toml::from_str(text).map_err(|error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            wrong(&place, &format!("line {} is no TOML", before.matches('\n').count() + 1))
        })?;
        let mut flags = Vec::new();
        for (key, value) in &table {
            let long = key.replace('_', "-");
            if !self.names().any(|name| name == long) {
                let hint =
                    format!("`{} --help` lists them; a key is a flag with _ for -", self.command);
                return Err(wrong(&place, &format!("{} is no setting", shown(key))).hint(hint));
            }
            let own = values(value).ok_or_else(|| {
                let what = format!("{key} is no string, number, true or false, nor a list of them");
                wrong(&place, &what)
            })?;
            let own = own.into_iter().map(|value| format!("--{long}={value}").into()).collect();
            flags.extend(self.judged(own, &format!("{place}: {key}"))?);
        }
        Ok(flags)
    }

    /// The flag `long` with the value that a variable has.
    ///
    /// # Errors
    ///
    /// When it does not take that.
    #[cfg(feature = "server")]
    pub(crate) fn of_variable(
        &self,
        long: &str,
        variable: &str,
        value: &OsStr,
    ) -> Result<Vec<OsString>, Failure> {
        let mut flag = OsString::from(format!("--{long}="));
        flag.push(value);
        self.judged(vec![flag], &format!("${variable}"))
    }

    /// The names of the flags that were typed.
    #[cfg(feature = "server")]
    pub(crate) fn typed(&self, args: &[OsString]) -> Vec<String> {
        let Ok(matches) = self.flags.clone().try_get_matches_from(args) else { return Vec::new() };
        let typed = |long: &&str| {
            matches.value_source(&long.replace('-', "_")) == Some(ValueSource::CommandLine)
        };
        self.names().filter(typed).map(str::to_string).collect()
    }

    /// The names of the flags that a file can have.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let flags = self.flags.get_arguments().filter_map(|flag| flag.get_long());
        flags.filter(|long| !self.typed.contains(long))
    }

    /// That each setting is right, and all of them together are not.
    pub(crate) fn do_not_go_together(&self, place: &str) -> Failure {
        wrong(place, "its settings and the flags do not go together")
    }

    /// The flags, if each takes its value.
    fn judged(&self, flags: Vec<OsString>, place: &str) -> Result<Vec<OsString>, Failure> {
        let judged = self.flags.clone().try_get_matches_from(&flags);
        match judged.err().filter(|error| is_about_the_value(error.kind())) {
            None => Ok(flags),
            // What clap says repeats the value.
            Some(_) => {
                let message = format!("{place} has a value that it does not take");
                Err(Failure::new(Code::Configuration, message)
                    .hint(format!("`{} --help` says what each takes", self.command)))
            }
        }
    }
}

/// The text of a file that is set up for this program. Whoever may change it could have other secrets answered, and a
/// pipe would be waited for.
pub(crate) fn text_of(path: &Path, limit: usize) -> io::Result<String> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() && !metadata.is_dir() {
        return Err(io::Error::other("it is not a regular file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0 {
        return Err(io::Error::other("everybody may write to it"));
    }
    let text = Secret::read_from(&mut File::open(path)?, limit)?;
    let not_text = |_| io::Error::other("it is not UTF-8");
    str::from_utf8(text.expose()).map(str::to_string).map_err(not_text)
}

/// One flag by itself may miss another that it goes with.
fn is_about_the_value(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::MissingRequiredArgument)
}

fn values(value: &toml::Value) -> Option<Vec<String>> {
    let one = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        _ => None,
    };
    match value {
        toml::Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|value| vec![value]),
    }
}

fn wrong(place: &str, what: &str) -> Failure {
    Failure::new(Code::Configuration, format!("{place}: {what}"))
}
