//! Environment variables, the tokens in them, and the names that hold keys.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};

use secretary_envelope::Text;

use crate::keys;

/// Variables in the order they came in, each name once.
#[derive(Clone, Default)]
pub struct Environ(Vec<(OsString, OsString)>);

impl Environ {
    /// The variables of this process.
    pub(crate) fn of_process() -> Self {
        Self::first_of_each(std::env::vars_os().map(split_at_first_equals_sign).collect())
    }

    /// Of a name that comes twice the first counts, as it does for `getenv` and for the Go program.
    pub fn first_of_each(mut variables: Vec<(OsString, OsString)>) -> Self {
        let mut seen = HashSet::with_capacity(variables.len());
        let first: Vec<bool> =
            variables.iter().map(|(name, _)| seen.insert(comparable(name))).collect();
        let mut first = first.into_iter();
        variables.retain(|_| first.next().unwrap_or(true));
        Self(variables)
    }

    /// The value of the variable called `name`.
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let name = comparable(name.as_ref());
        self.0
            .iter()
            .find(|(other, _)| comparable(other) == name)
            .map(|(_, value)| value.as_os_str())
    }

    /// All names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.0.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// These variables with `others` added; those take the place of ones with the same name.
    pub fn with(&self, others: &Self) -> Self {
        let mut all = self.clone();
        let names = self.0.iter().map(|(name, _)| comparable(name));
        let places: HashMap<_, _> = names.zip(0_usize..).collect();
        for (name, value) in &others.0 {
            match places.get(&comparable(name)) {
                Some(&place) => all.0[place].1.clone_from(value),
                None => all.0.push((name.clone(), value.clone())),
            }
        }
        all
    }

    /// The variables whose values hold tokens, in order.
    pub fn sealed(&self) -> Vec<(&OsStr, Text<'_>)> {
        self.iter()
            .map(|(name, value)| (name, Text::parse(value.as_encoded_bytes())))
            .filter(|(_, text)| text.tokens().len() > 0)
            .collect()
    }
}

/// A variable's name as names are compared: Windows does not tell capitals from small letters.
pub fn comparable(name: &OsStr) -> Cow<'_, OsStr> {
    if cfg!(windows) { name.to_ascii_uppercase().into() } else { name.into() }
}

/// Whether a program that is handed its secrets has no business with the variable called `name`:
/// the private keys of any role, and the public keys of ours.
pub fn holds_a_key(name: &OsStr) -> bool {
    let name = comparable(name);
    let Some(name) = name.to_str() else { return false };
    name == "PRIVATE_KEY" || name.ends_with("_PRIVATE_KEY") || keys::is_variable(name)
}

/// Whether `name` can be assigned to in every shell.
pub fn is_shell_identifier(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// Rust takes a `=` at the start for a part of the name, as Windows does. Here it would hide a token
/// in a name.
fn split_at_first_equals_sign((name, value): (OsString, OsString)) -> (OsString, OsString) {
    #[cfg(unix)]
    if name.as_encoded_bytes().first() == Some(&b'=') {
        use std::os::unix::ffi::OsStringExt;
        let rest = [&name.into_vec()[1..], value.as_encoded_bytes()].join(b"=".as_slice());
        return (OsString::new(), OsString::from_vec(rest));
    }
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environ(variables: &[(&str, &str)]) -> Environ {
        Environ::first_of_each(variables.iter().map(|(n, v)| (n.into(), v.into())).collect())
    }

    #[test]
    fn the_first_of_two_variables_with_one_name_counts() {
        let environ = environ(&[("A", "1"), ("B", "2"), ("A", "3")]);
        assert_eq!(environ.get("A"), Some("1".as_ref()));
        assert_eq!(environ.iter().count(), 2);
    }

    #[test]
    fn others_replace_and_follow() {
        let both = environ(&[("A", "1"), ("B", "2")]).with(&environ(&[("B", "3"), ("C", "4")]));
        let all: Vec<_> = both.iter().map(|(n, v)| (n.to_str(), v.to_str())).collect();
        assert_eq!(all, [("A", "1"), ("B", "3"), ("C", "4")].map(|(n, v)| (Some(n), Some(v))));
    }

    #[test]
    fn key_variables_are_known_by_name() {
        let keys = [
            "DEPLOY_PRIVATE_KEY",
            "X_PRIVATE_KEY",
            "PRIVATE_KEY",
            "CONFIG_PUBLIC_KEY",
            "PUBLIC_KEY",
        ];
        assert!(keys.iter().all(|name| holds_a_key(name.as_ref())));
        let others = ["PATH", "PRIVATE_KEYS", "X_PUBLIC_KEY", "SECRETARY_URL", ""];
        assert!(!others.iter().any(|name| holds_a_key(name.as_ref())));
    }

    #[test]
    fn names_are_compared_as_the_system_does() {
        let environ = environ(&[("Path", "1"), ("PATH", "2"), ("Deploy_Private_Key", "3")]);
        assert_eq!(environ.get("path"), cfg!(windows).then_some("1".as_ref()));
        assert_eq!(environ.iter().count(), if cfg!(windows) { 2 } else { 3 });
        assert_eq!(holds_a_key("Deploy_Private_Key".as_ref()), cfg!(windows));
    }

    #[cfg(unix)]
    #[test]
    fn a_leading_equals_sign_makes_an_empty_name() {
        let split = split_at_first_equals_sign(("=ENC[NACL,A".into(), "=]".into()));
        assert_eq!(split, ("".into(), "ENC[NACL,A==]".into()));
    }
}
