//! Where keys come from: one table, one rule.
//!
//! A key is looked for in the flag, then in its variable, then in its file under `./keys/`; the first
//! place that has one decides, and a place that has something else is an error. A flag's value names
//! a variable or a file, in that order, as in the Go program; naming neither is an error here, where
//! the Go program went on to the next place with another key.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use secretary_envelope::key::MAX_KEY_TEXT;
use secretary_envelope::{Half, KeyError, PublicKey, Role, SecretKey};
use secretary_secret::Secret;

use crate::environ::{Environ, comparable};
use crate::failure::{Code, Failure, shown};

/// What to do about a weak key, wherever it is met.
pub const WEAK_HINT: &str =
    "get the right public key from who made the pair; `secretary genkeys` never makes this one";

/// The default folder.
pub const FOLDER: &str = "./keys/";

/// One use of a key by a command: what it is for and where it may come from.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    /// The flag, with its dashes.
    pub flag: &'static str,
    /// The environment variable that holds the key itself.
    pub variable: &'static str,
    /// Whose key the file holds.
    pub role: Role,
    /// Which half of it.
    pub half: Half,
    /// What is missing when there is none, in words.
    pub what: &'static str,
}

/// The key that secrets are sealed to.
pub const SEAL_TO: Lookup = Lookup {
    flag: "--public-key",
    variable: "PUBLIC_KEY",
    role: Role::Master,
    half: Half::Public,
    what: "master public key",
};
/// The key that secrets are sealed with.
pub const SEAL_WITH: Lookup = Lookup {
    flag: "--private-key",
    variable: "PRIVATE_KEY",
    role: Role::Config,
    half: Half::Private,
    what: "config private key",
};
/// The key that opens tokens.
pub const OPEN_WITH: Lookup = Lookup {
    flag: "--private-key",
    variable: "DEPLOY_PRIVATE_KEY",
    role: Role::Master,
    half: Half::Private,
    what: "master private key",
};
/// The key tokens were sealed with, its public half.
pub const OPEN_FROM: Lookup = Lookup {
    flag: "--config-key",
    variable: "CONFIG_PUBLIC_KEY",
    role: Role::Config,
    half: Half::Public,
    what: "config public key",
};
/// The key that requests to a daemon are sealed with. The file is what the Go program has for it.
pub const ASK_WITH: Lookup =
    Lookup { flag: "--deploy-key", what: "deploy private key", ..OPEN_WITH };
/// The second key of such a request.
pub const ASK_WITH_SERVICE: Lookup = Lookup {
    flag: "--service-key",
    variable: "SERVICE_PRIVATE_KEY",
    role: Role::Service,
    half: Half::Private,
    what: "service private key",
};
/// The daemon's key.
pub const ASK_TO: Lookup = Lookup {
    flag: "--master-key",
    variable: "MASTER_PUBLIC_KEY",
    role: Role::Master,
    half: Half::Public,
    what: "master public key",
};
/// The key that a daemon opens tokens and requests with.
pub const SERVE_WITH: Lookup = Lookup {
    flag: "--master-key",
    variable: "MASTER_PRIVATE_KEY",
    role: Role::Master,
    half: Half::Private,
    what: "master private key",
};

/// A key and the place it came from, fit to be printed.
#[derive(Debug)]
pub struct Found<K> {
    /// The key.
    pub key: K,
    /// `$NAME`, or the path of a file.
    pub place: String,
}

/// Either half of a pair, read from text.
pub trait Key: Sized {
    /// Reads PEM or bare base64.
    ///
    /// # Errors
    ///
    /// When the text is neither, or not of 32 bytes.
    fn parse(text: &[u8]) -> Result<Self, KeyError>;
}

impl Key for PublicKey {
    fn parse(text: &[u8]) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl Key for SecretKey {
    fn parse(text: &[u8]) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl Lookup {
    /// The path of the default file.
    pub fn file(&self) -> String {
        format!("{FOLDER}{}", file_name(self.role.name(), self.half))
    }

    /// The key, or `None` when no place has one. `flag` is the flag's value; an empty one does not count.
    ///
    /// # Errors
    ///
    /// When a place has something that is no key, or the flag names nothing.
    pub fn find<K: Key>(
        &self,
        flag: Option<&OsStr>,
        environ: &Environ,
    ) -> Result<Option<Found<K>>, Failure> {
        match self.find_given(flag, environ)? {
            Some(found) => Ok(Some(found)),
            None => in_file(Path::new(&self.file())),
        }
    }

    /// The same, for a key that no file is a default for.
    ///
    /// # Errors
    ///
    /// As [`Self::find`].
    pub fn find_given<K: Key>(
        &self,
        flag: Option<&OsStr>,
        environ: &Environ,
    ) -> Result<Option<Found<K>>, Failure> {
        match flag.filter(|value| !value.is_empty()) {
            Some(value) => self.named_by_flag(value, environ).map(Some),
            None => in_variable(OsStr::new(self.variable), environ),
        }
    }

    /// The places in the order they are looked at, for messages.
    pub fn places(&self) -> String {
        format!("{}, ${}, {}", self.flag, self.variable, self.file())
    }

    fn named_by_flag<K: Key>(&self, value: &OsStr, environ: &Environ) -> Result<Found<K>, Failure> {
        if let Some(found) = in_variable(value, environ)? {
            return Ok(found);
        }
        if let Some(found) = in_file(Path::new(value))? {
            return Ok(found);
        }
        let failure = Failure::new(
            Code::Configuration,
            format!("{} names no variable and no file", self.flag),
        );
        Err(if could_be_a_key(value) {
            failure.hint("its value looks like a key: every user of this machine can read keys on a command line, so put it in a file or a variable and give its name")
        } else {
            failure.detail(format!("looked for: the variable ${0}, the file {0}", shown(value)))
        })
    }
}

/// As `genkeys` names it.
pub fn file_name(name: &str, half: Half) -> String {
    format!("{name}-{}-key.pem", half.name())
}

/// Whether one of our keys is kept in the variable called `name`.
pub fn is_variable(name: &str) -> bool {
    let name = comparable(name.as_ref());
    let Some(name) = name.to_str() else { return false };
    let owner = name.strip_suffix("PUBLIC_KEY").or_else(|| name.strip_suffix("PRIVATE_KEY"));
    let is_role = |owner: &str| {
        Role::ALL.iter().any(|role| owner == format!("{}_", role.name().to_uppercase()))
    };
    owner.is_some_and(|owner| owner.is_empty() || is_role(owner))
}

/// The key in the variable called `name`, if it is set and not empty.
///
/// # Errors
///
/// When the value is no key.
pub fn in_variable<K: Key>(name: &OsStr, environ: &Environ) -> Result<Option<Found<K>>, Failure> {
    let Some(value) = environ.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    let place = format!("${}", shown(name));
    match K::parse(value.as_encoded_bytes()) {
        Ok(key) => Ok(Some(Found { key, place })),
        Err(error) => Err(no_key(&place, error)),
    }
}

/// The key in the file at `path`, if there is one.
///
/// # Errors
///
/// When it can't be read, or is no key.
pub fn in_file<K: Key>(path: &Path) -> Result<Option<Found<K>>, Failure> {
    let place = shown(path);
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let failure = Failure::io("read the key file", &place, &error);
            return Err(failure.with_code(Code::Configuration));
        }
    };
    match K::parse(text.expose()) {
        Ok(key) => Ok(Some(Found { key, place })),
        Err(error) => Err(no_key(&place, error)),
    }
}

fn read(path: &Path) -> io::Result<Secret> {
    let file = File::open(path)?;
    // One byte more than a key may have, so that the parser sees that there are too many.
    Secret::read_from(&mut file.take(MAX_KEY_TEXT as u64 + 1), MAX_KEY_TEXT + 1)
}

fn no_key(place: &str, error: KeyError) -> Failure {
    Failure::new(Code::Configuration, format!("{place} does not hold a key: {error}")).hint(
        "a key is the text of a file that `secretary genkeys` wrote, or the base64 line in it",
    )
}

/// Whether `value` is a key, or has one in it, with whatever slip: then it is never printed. A key is a
/// run of base64 that no path and no name looks like.
pub(crate) fn could_be_a_key(value: &OsStr) -> bool {
    let text = value.as_encoded_bytes();
    let in_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte);
    let is_mixed = |run: &[u8]| {
        let kinds: [fn(&u8) -> bool; 3] =
            [u8::is_ascii_uppercase, u8::is_ascii_lowercase, u8::is_ascii_digit];
        kinds.iter().all(|kind| run.iter().any(kind))
    };
    let mut runs = text.split(|byte| !in_base64(byte));
    SecretKey::parse(text).is_ok() || runs.any(|run| run.len() >= 40 && is_mixed(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_ours_are_known() {
        for name in ["PUBLIC_KEY", "PRIVATE_KEY", "MASTER_PUBLIC_KEY", "SERVICE_PRIVATE_KEY"] {
            assert!(is_variable(name), "{name}");
        }
        for name in ["X_PUBLIC_KEY", "MASTERPUBLIC_KEY", "MASTER_KEY", ""] {
            assert!(!is_variable(name), "{name}");
        }
        assert_eq!(is_variable("master_PUBLIC_KEY"), cfg!(windows));
    }

    #[test]
    fn what_may_be_a_key_is_told_from_a_path() {
        let key = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
        for value in [
            key,
            &key[..43],
            &key[1..],
            &format!("{key} "),
            &format!("x{key}"),
            &format!("-----BEGIN K----- {key} -----END K-----"),
            &format!("is: {key}, ok."),
        ] {
            assert!(could_be_a_key(value.as_ref()), "{value}");
        }
        for value in [
            "keys/master-private-key.pem",
            "DEPLOY_PRIVATE_KEY",
            "/etc/secretary/keys/service-private-key.pem",
            "/srv/configurations/production/services/database/config",
            "A_VERY_LONG_VARIABLE_NAME_FOR_THE_DATABASE_PASSWORD",
        ] {
            assert!(!could_be_a_key(value.as_ref()), "{value}");
        }
    }
}
