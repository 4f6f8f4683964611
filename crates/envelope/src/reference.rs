//! What a SETEC token and a handle of an agent have in them: the name of a secret on a secrets server and, if need be,
//! which of its versions.
//!
//! ```text
//! ENC[SETEC,prod/db]       the active version of prod/db
//! ENC[SETEC,prod/db@3]     its third version
//! ENC[SETEC,a@b.example]   the active version of a@b.example: what is behind the @ is no number
//! ```
//!
//! The name stands there as it is: nothing is decoded, and no white space is taken out of it. A server takes any text for
//! a name; one that can't be written here is refused with a reason, and never looked up as another one.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

/// The most bytes of a name. There may be secrets with longer ones, which can't be named in a text.
pub const MAX_NAME: usize = 1024;

/// A secret of a secrets server, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    name: String,
    version: Option<NonZeroU32>,
}

/// Why a text names no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// There is nothing before the `@`, or nothing at all.
    #[error("it names no secret")]
    NoName,
    /// The name has more than [`MAX_NAME`] bytes.
    #[error("the name in it has {len} bytes, and may have {MAX_NAME}")]
    TooLong {
        /// Bytes there are.
        len: usize,
    },
    /// The text is something else than UTF-8.
    #[error("the name in it is not UTF-8")]
    NotUtf8,
    /// It was folded, or has a name that can't be written so.
    #[error("the name in it has white space, which is not left out of a name")]
    WhiteSpace,
    /// What prints it would do what is in it.
    #[error("the name in it has a control character")]
    Control,
    /// It would end a token.
    #[error("the name in it has a square bracket")]
    Bracket,
    /// Nothing, or a number that is no version's, is behind the last `@`.
    #[error(
        "what follows the last @ in it is no version, which is a number from 1 to 4294967295 without a sign or a zero before it"
    )]
    Version,
}

impl Reference {
    /// Reads `NAME` or `NAME@VERSION`.
    ///
    /// # Errors
    ///
    /// Why it names no secret.
    pub fn parse(text: &[u8]) -> Result<Self, ReferenceError> {
        let text = str::from_utf8(text).map_err(|_| ReferenceError::NotUtf8)?;
        let (name, version) = match text.rsplit_once('@') {
            Some((name, version)) if is_meant_as_a_version(version) => {
                (name, Some(parse_version(version)?))
            }
            _ => (text, None),
        };
        check_name(name)?;
        Ok(Self { name: name.to_string(), version })
    }

    /// The secret's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that is wanted, or nothing for the active one.
    pub fn version(&self) -> Option<NonZeroU32> {
        self.version
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

/// A name may have an `@` in it. With a sign before a number, and with nothing, somebody has made a mistake.
fn is_meant_as_a_version(text: &str) -> bool {
    text.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_version(text: &str) -> Result<NonZeroU32, ReferenceError> {
    let version = text.parse::<NonZeroU32>().map_err(|_| ReferenceError::Version)?;
    // One version has one way to be written, so that equal ones are equal texts.
    if text.starts_with(['+', '0']) { Err(ReferenceError::Version) } else { Ok(version) }
}

fn check_name(name: &str) -> Result<(), ReferenceError> {
    if name.is_empty() {
        return Err(ReferenceError::NoName);
    }
    if name.len() > MAX_NAME {
        return Err(ReferenceError::TooLong { len: name.len() });
    }
    let error = |character: char| match character {
        '[' | ']' => Some(ReferenceError::Bracket),
        _ if character.is_whitespace() => Some(ReferenceError::WhiteSpace),
        _ if character.is_control() => Some(ReferenceError::Control),
        _ => None,
    };
    name.chars().find_map(error).map_or(Ok(()), Err)
}

/// References, each once, in the order in which they came.
#[derive(Debug, Default)]
pub struct References {
    list: Vec<Reference>,
    numbers: HashMap<Reference, usize>,
}

impl References {
    /// The number of `reference`, which is added if it is not there.
    pub fn number_of(&mut self, reference: Reference) -> usize {
        if let Some(&number) = self.numbers.get(&reference) {
            return number;
        }
        self.list.push(reference.clone());
        self.numbers.insert(reference, self.list.len() - 1);
        self.list.len() - 1
    }

    /// All of them, by number.
    pub fn list(&self) -> &[Reference] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<(String, u32), ReferenceError> {
        let reference = Reference::parse(text.as_bytes())?;
        Ok((reference.name, reference.version.map_or(0, NonZeroU32::get)))
    }

    #[test]
    fn a_number_behind_the_last_at_sign_is_a_version() {
        for (text, name, version) in [
            ("prod/db", "prod/db", 0),
            ("prod/db@3", "prod/db", 3),
            ("prod/db@4294967295", "prod/db", u32::MAX),
            ("a@b.example", "a@b.example", 0),
            ("a@b.example@7", "a@b.example", 7),
            ("name@5@7", "name@5", 7),
            ("@@7", "@", 7),
            ("@a", "@a", 0),
            ("v@3a", "v@3a", 0),
            ("v@+a", "v@+a", 0),
            ("v@٣", "v@٣", 0),
            ("../a,b/*=\"'$", "../a,b/*=\"'$", 0),
            ("é😀", "é😀", 0),
        ] {
            assert_eq!(parse(text), Ok((name.to_string(), version)), "{text}");
        }
    }

    #[test]
    fn what_names_no_secret_is_refused_with_a_reason() {
        use ReferenceError::{Bracket, Control, NoName, Version, WhiteSpace};

        for (text, error) in [
            ("", NoName),
            ("@5", NoName),
            ("@", Version),
            ("name@", Version),
            ("name@0", Version),
            ("name@03", Version),
            ("name@+3", Version),
            ("name@-3", Version),
            ("name@+", Version),
            ("name@4294967296", Version),
            ("name@99999999999999999999", Version),
            (" name", WhiteSpace),
            ("prod/\n  db", WhiteSpace),
            ("name @3", WhiteSpace),
            ("a\u{a0}b", WhiteSpace),
            ("a\u{2028}b", WhiteSpace),
            ("a\0", Control),
            ("\u{1b}[2J", Control),
            ("a\u{9b}2J", Control),
            ("a]", Bracket),
            ("a[", Bracket),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
        assert_eq!(Reference::parse(b"a\xff"), Err(ReferenceError::NotUtf8));
    }

    #[test]
    fn a_name_has_a_length_without_its_version() {
        let longest = "é".repeat(MAX_NAME / 2);
        assert_eq!(parse(&longest), Ok((longest.clone(), 0)));
        assert_eq!(parse(&format!("{longest}@4294967295")), Ok((longest.clone(), u32::MAX)));
        let too_long = Err(ReferenceError::TooLong { len: MAX_NAME + 1 });
        assert_eq!(parse(&format!("{longest}a")), too_long);
        assert_eq!(parse(&format!("{longest}a@1")), too_long);
    }

    #[test]
    fn equal_references_have_one_number() {
        let mut references = References::default();
        let numbers: Vec<_> = ["a", "b@1", "a", "b", "b@1"]
            .map(|text| references.number_of(Reference::parse(text.as_bytes()).expect("a name")))
            .into();
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        let list: Vec<_> = references.list().iter().map(Reference::to_string).collect();
        assert_eq!(list, ["a", "b@1", "b"]);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(text in "[a-z@/0-9+é-]{0,8}(@[0-9]{0,11})?") {
            if let Ok(reference) = Reference::parse(text.as_bytes()) {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }
}
