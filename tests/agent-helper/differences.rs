//! Where the program answers otherwise than the helpers, and why.

/// The answer of a case that is not the recorded one.
pub(crate) struct Difference {
    pub(crate) case: &'static str,
    /// The whole answer, as JSON.
    pub(crate) answers: &'static str,
    pub(crate) why: &'static str,
}

pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        case: "HLP-28",
        answers: r#"{"evil": {"error": "not following symlink \"{FIX}/secrets-evil/e\" outside of \"secrets\""}}"#,
        why: "a folder whose name begins with that of the root is not the root; agents have closed this, too",
    },
    Difference {
        case: "HLP-34",
        answers: r#"{"chain": {"error": "not following symlink \"{FIX}/other/t\" outside of \"secrets\""}}"#,
        why: "a link to a link that leaves the root leaves it all the same",
    },
    Difference {
        case: "HLP-35",
        answers: r#"{"bin": {"error": "secret is not valid UTF-8"}}"#,
        why: "with U+FFFD in it it would be another password, and nobody would be told",
    },
    Difference {
        case: "PYS-05",
        answers: r#"{"evil": {"error": "file {FIX}/secrets-evil/e is outside of the specified folder {FIX}/secrets"}}"#,
        why: "as HLP-28",
    },
    Difference {
        case: "PYS-08",
        answers: r#"{"max": {"value": "<8192 bytes>"}}"#,
        why: "a secret without its end is another one; what is too long is an error, and the limit is 8192 bytes",
    },
    Difference {
        case: "PYS-11",
        answers: r#"{"bin": {"error": "secret is not valid UTF-8"}}"#,
        why: "an error all the same, but without a byte of the secret in it: errors are logged",
    },
];
