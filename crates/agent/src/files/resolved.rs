//! Opening a file below a folder where paths are all there is: both are resolved to the last link, and compared name by
//! name. Whoever can put links into the folder could change one in between; on Windows that takes a privilege.

use std::ffi::OsStr;
#[cfg(not(unix))]
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::FileError;

/// A folder.
#[derive(Debug)]
pub(super) struct Beneath {
    path: PathBuf,
}

impl Beneath {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.canonicalize()?;
        match path.is_dir() {
            true => Ok(Self { path }),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// Where the file is that `names` lead to. `root` and `path` are for messages.
    pub(super) fn resolve(
        &self,
        names: &[&OsStr],
        root: &Path,
        path: &Path,
    ) -> Result<PathBuf, FileError> {
        let found = self.path.join(names.iter().collect::<PathBuf>()).canonicalize();
        let target = found.map_err(|error| FileError::of("lstat", path, &error))?;
        match target.strip_prefix(&self.path) {
            Ok(_) if target.is_dir() => Err(FileError::Directory(path.to_path_buf())),
            // Before it is opened, because that of a pipe can last.
            Ok(_) if !target.is_file() => Err(FileError::NotRegular),
            Ok(_) => Ok(target),
            Err(_) => Err(FileError::Outside { target, root: root.to_path_buf() }),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file that `names` lead to.
    #[cfg(not(unix))]
    pub(super) fn open_file(
        &self,
        names: &[&OsStr],
        root: &Path,
        path: &Path,
    ) -> Result<File, FileError> {
        let target = self.resolve(names, root, path)?;
        File::open(target).map_err(|error| FileError::of("open", path, &error))
    }
}
