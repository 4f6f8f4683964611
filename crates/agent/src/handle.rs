//! What one handle asks for. An agent takes its own `ENC[` and `]` off, and sends what is between.

/// Where the secret is that a handle asks for.
///
/// A handle says so by how it begins, and case counts. The forms with an `@` are those of the agents' own helpers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handle<'a> {
    /// `NACL,...` or `KMS,...`: the secret itself, sealed; or `SETEC,...`: its name. There may be more tokens in it, and
    /// text between them: an agent strips `ENC[NACL,a]:ENC[NACL,b]` of its ends alone.
    Token,
    /// `file@PATH`: a file.
    File(&'a str),
    /// `k8s_secret@NAMESPACE/NAME/KEY`: a key of a Kubernetes secret.
    KubernetesSecret(&'a str),
    /// `setec:NAME` or `setec:NAME@VERSION`: a secret of a secrets server.
    Setec(&'a str),
    /// `name:NAME`, or anything else: a name that is listed in a file.
    Name(&'a str),
}

/// The kinds of handles, each of which somebody may or may not want to have answered.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Source {
    /// Tokens.
    Tokens,
    /// Files.
    Files,
    /// Kubernetes secrets.
    Kubernetes,
    /// A secrets server.
    Setec,
    /// Names in a file.
    Names,
}

impl<'a> Handle<'a> {
    /// Reads a handle.
    pub fn parse(handle: &'a str) -> Self {
        if ["NACL,", "KMS,", "SETEC,"].iter().any(|start| handle.starts_with(start)) {
            return Self::Token;
        }
        let rest = |prefix| handle.strip_prefix(prefix);
        if let Some(path) = rest("file@") {
            Self::File(path)
        } else if let Some(place) = rest("k8s_secret@") {
            Self::KubernetesSecret(place)
        } else if let Some(name) = rest("setec:") {
            Self::Setec(name)
        } else {
            Self::Name(rest("name:").unwrap_or(handle))
        }
    }

    /// Who knows.
    pub fn source(&self) -> Source {
        match self {
            Self::Token => Source::Tokens,
            Self::File(_) => Source::Files,
            Self::KubernetesSecret(_) => Source::Kubernetes,
            Self::Setec(_) => Source::Setec,
            Self::Name(_) => Source::Names,
        }
    }
}

/// The token, or tokens, that a handle is, as they were in the agent's configuration.
pub fn sealed_text(handle: &str) -> Vec<u8> {
    [b"ENC[", handle.as_bytes(), b"]"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_says_what_it_is() {
        for (handle, expected) in [
            ("NACL,AAAA", Handle::Token),
            ("KMS,AAAA\nBBBB", Handle::Token),
            ("NACL,a]:ENC[NACL,b", Handle::Token),
            ("SETEC,prod/db@3", Handle::Token),
            ("SETEC", Handle::Name("SETEC")),
            ("file@db/password", Handle::File("db/password")),
            ("k8s_secret@a/b/c", Handle::KubernetesSecret("a/b/c")),
            ("setec:prod/db@3", Handle::Setec("prod/db@3")),
            ("name:file@db", Handle::Name("file@db")),
            ("db_password", Handle::Name("db_password")),
            ("nacl,AAAA", Handle::Name("nacl,AAAA")),
            ("FILE@x", Handle::Name("FILE@x")),
            ("NACL", Handle::Name("NACL")),
            ("", Handle::Name("")),
        ] {
            assert_eq!(Handle::parse(handle), expected, "{handle}");
        }
    }

    #[test]
    fn a_handle_of_two_tokens_is_what_it_was() {
        assert_eq!(sealed_text("NACL,a]:ENC[NACL,b"), b"ENC[NACL,a]:ENC[NACL,b]");
    }
}
