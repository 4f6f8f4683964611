//! Why a file's contents are not told.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no secret. The path in it is what was asked for, never what is in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The root itself is missing.
    #[error("the folder {} does not exist", .0.display())]
    NoFolder(PathBuf),
    /// There is no such file, or a link leads nowhere.
    #[error("secret does not exist")]
    Missing,
    /// It has more bytes than allowed.
    #[error("secret exceeds max allowed size")]
    TooLarge,
    /// A link leads out of the root.
    #[error("not following symlink \"{}\" outside of \"{}\"", .target.display(), .root.display())]
    Outside {
        /// Where it leads.
        target: PathBuf,
        /// The root, as it was given.
        root: PathBuf,
    },
    /// A folder has no contents to tell.
    #[error("read {}: is a directory", .0.display())]
    Directory(PathBuf),
    /// The path has a part `..`.
    #[error("a path with \"..\" in it is not followed")]
    Parent,
    /// The path does not begin at the root.
    #[error("an absolute path is not followed")]
    Absolute,
    /// A device, a pipe, or a socket.
    #[error("it is not a regular file")]
    NotRegular,
    /// Others than the owner may change it.
    #[error("others than its owner may write to it (mode {0:04o})")]
    Writable(u32),
    /// It is the token with which this pod asks Kubernetes, or lies beside it.
    #[error("the service account's own files are not read")]
    ServiceAccount,
    /// The system said no.
    #[error("{what} {}: {why}", .path.display())]
    System {
        /// What it was asked for.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Its reason, in its words.
        why: String,
    },
}

impl FileError {
    /// What the system answered about `path`.
    pub(super) fn of(what: &'static str, path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::IsADirectory => Self::Directory(path.to_path_buf()),
            _ => Self::System { what, path: path.to_path_buf(), why: in_words(error) },
        }
    }

    /// The same where a folder is asked for only because of a file: without it there is no file.
    pub fn of_a_file(self) -> Self {
        match self {
            Self::NoFolder(_) => Self::Missing,
            other => other,
        }
    }
}

/// The reason alone, without Rust's ` (os error 2)`.
fn in_words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
