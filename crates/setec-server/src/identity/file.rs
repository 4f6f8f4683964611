//! Files of an operator, which are read when the server starts, and again when somebody says so.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// The most bytes of such a file.
pub(super) const LIMIT: u64 = 1 << 20;

/// A file is of no use. A message has words of the file only where they can't be secret.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system does not hand it out.
    #[error("cannot read {}: {error}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Something in it is wrong.
    #[error("{}: {what}", .file.display())]
    Wrong {
        /// The file.
        file: PathBuf,
        /// Where, and what.
        what: String,
    },
}

/// What was read from a file the last time that it was of use.
pub(super) struct Kept<T> {
    path: PathBuf,
    read: fn(&Path) -> Result<T, FileError>,
    last: RwLock<T>,
}

impl<T> Kept<T> {
    pub(super) fn open(
        path: PathBuf,
        read: fn(&Path) -> Result<T, FileError>,
    ) -> Result<Self, FileError> {
        let last = RwLock::new(read(&path)?);
        Ok(Self { path, read, last })
    }

    /// What `look` makes of it. It is not for long: whoever has read the file again waits meanwhile.
    pub(super) fn last<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.last.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn reload(&self) -> Result<(), FileError> {
        let read = (self.read)(&self.path)?;
        let mut last = self.last.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *last, read);
        drop(last);
        // Calls go on while it is freed.
        drop(before);
        Ok(())
    }
}

/// The text of a file. Whoever may change it could give rights to anybody, and a pipe would be waited for.
pub(crate) fn text_of(path: &Path) -> Result<String, FileError> {
    let unreadable = |error| FileError::Unreadable { file: path.to_path_buf(), error };
    let mut bytes = Vec::new();
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(wrong(path, "it is no regular file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0 {
        return Err(wrong(path, "everybody may write to it"));
    }
    let file = File::open(path).map_err(unreadable)?;
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(wrong(path, "it has more than a mebibyte"));
    }
    String::from_utf8(bytes).map_err(|_| wrong(path, "it is no text in UTF-8"))
}

pub(crate) fn wrong(path: &Path, what: impl Into<String>) -> FileError {
    FileError::Wrong { file: path.to_path_buf(), what: what.into() }
}

/// Where the lines of a text end. To count them anew for each of many places would take minutes.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    /// The number of the line that the byte at `offset` is in.
    pub(crate) fn of(&self, offset: usize) -> usize {
        1 + self.0.partition_point(|end| *end < offset)
    }
}
