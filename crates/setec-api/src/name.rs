//! Which names are reserved, and which are not taken for new secrets.
//!
//! A name is any text: it has a case, is not normalised, and may have slashes, spaces and stars in it. In a request
//! it is always UTF-8, because what is none was replaced when it was read.

/// What the names begin with that the server keeps for itself. They can be read, and not changed.
pub const RESERVED: &str = "_internal/";

/// The most bytes that the name of a new secret may have. There may be secrets with longer ones that come from setec.
pub const MAX_LEN: usize = 1024;

/// Why a name is not taken for a new secret. setec takes any, so a server may be told to do that, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It has more than [`MAX_LEN`] bytes.
    #[error("the name has more than {MAX_LEN} bytes")]
    TooLong,
    /// What prints it would do what is in it.
    #[error("the name has a control character in it")]
    Control,
}

/// Whether `name` is one that the server keeps for itself.
pub fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

/// Whether a secret of that name may be made.
///
/// # Errors
///
/// Why not.
pub fn check_new(name: &str) -> Result<(), NameError> {
    if name.len() > MAX_LEN {
        return Err(NameError::TooLong);
    }
    match name.chars().any(char::is_control) {
        true => Err(NameError::Control),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_beginning_is_reserved() {
        for (name, expected) in [
            ("_internal/", true),
            ("_internal/x", true),
            ("_internal", false),
            ("_Internal/x", false),
            (" _internal/x", false),
            ("x/_internal/", false),
            ("", false),
        ] {
            assert_eq!(is_reserved(name), expected, "{name}");
        }
    }

    #[test]
    fn new_names_are_short_and_can_be_printed() {
        for name in ["", "a", "../a b/*", "é😀", "\u{2028}", &"é".repeat(512)] {
            assert_eq!(check_new(name), Ok(()), "{name}");
        }
        assert_eq!(check_new(&"a".repeat(1025)), Err(NameError::TooLong));
        for name in ["\0", "a\nb", "\u{1b}[2J", "\u{7f}", "\u{9b}2J"] {
            assert_eq!(check_new(name), Err(NameError::Control), "{name:?}");
        }
    }
}
