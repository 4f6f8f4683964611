//! Which source a handle names, where handles have prefixes.

/// A handle, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// Without a prefix: a file below the folder.
    Below(&'a str),
    /// `file@`: a file by any path.
    File(&'a str),
    /// `k8s_secret@`: a key of a Kubernetes secret.
    Kubernetes(&'a str),
    /// Any other.
    Unknown(&'a str),
}

impl<'a> Source<'a> {
    /// What stands before the first `@` is the prefix, and counts in its case.
    pub fn of(handle: &'a str) -> Self {
        match handle.split_once('@') {
            None => Self::Below(handle),
            Some(("file", path)) => Self::File(path),
            Some(("k8s_secret", name)) => Self::Kubernetes(name),
            Some((prefix, _)) => Self::Unknown(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_at_sign_ends_a_prefix() {
        for (handle, source) in [
            ("a/b", Source::Below("a/b")),
            ("NACL,AA==", Source::Below("NACL,AA==")),
            ("file@/a@b", Source::File("/a@b")),
            ("k8s_secret@n/s/k", Source::Kubernetes("n/s/k")),
            ("FILE@x", Source::Unknown("FILE")),
            ("@x", Source::Unknown("")),
        ] {
            assert_eq!(Source::of(handle), source);
        }
    }
}
