//! What a handle names: a key of a secret in a namespace.

use super::KubernetesError;

/// The most characters of each part; Kubernetes allows none more.
const MAX_LEN: usize = 253;

/// `namespace/name/key`.
///
/// None of the parts has a character that is not fit for a URL's path as it stands. Whether they are names that
/// Kubernetes could have given, which have no upper case and no `_`, it says itself: it finds none that are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName<'a> {
    namespace: &'a str,
    name: &'a str,
    key: &'a str,
}

impl<'a> KeyName<'a> {
    /// Reads a handle, without its prefix.
    ///
    /// # Errors
    ///
    /// When it has not three parts, or one that names nothing.
    pub fn parse(text: &'a str) -> Result<Self, KubernetesError> {
        let mut parts = text.split('/');
        let (Some(namespace), Some(name), Some(key), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KubernetesError::Form);
        };
        match [namespace, name, key].into_iter().all(is_a_name) {
            true => Ok(Self { namespace, name, key }),
            false => Err(KubernetesError::Name),
        }
    }

    /// The key.
    pub(super) fn key(&self) -> &'a str {
        self.key
    }

    /// The namespace and the secret's name.
    pub(super) fn place(&self) -> (&'a str, &'a str) {
        (self.namespace, self.name)
    }
}

fn is_a_name(part: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=MAX_LEN).contains(&part.len()) && part.bytes().all(fits) && part != "." && part != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_three_parts() {
        let name = KeyName::parse("some_namespace/a.b-c/tls.crt").expect("a name");
        assert_eq!((name.place(), name.key()), (("some_namespace", "a.b-c"), "tls.crt"));
        for text in ["", "a", "a/b", "a/b/c/d", "not_valid"] {
            assert_eq!(KeyName::parse(text), Err(KubernetesError::Form), "{text}");
        }
    }

    #[test]
    fn no_part_leads_to_another_path() {
        let long = "a".repeat(254);
        for part in ["", ".", "..", "a b", "a?b", "a#b", "%2e", "a%2fb", "a\\b", "a\nb", "ä", &long]
        {
            for text in [format!("{part}/b/c"), format!("a/{part}/c"), format!("a/b/{part}")] {
                assert_eq!(KeyName::parse(&text), Err(KubernetesError::Name), "{text}");
            }
        }
        let longest = "a".repeat(253);
        assert!(KeyName::parse(&format!("{longest}/{longest}/{longest}")).is_ok());
    }
}
