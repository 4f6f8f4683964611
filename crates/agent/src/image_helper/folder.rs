//! Handles that are files below a folder, each helper's way to take one and to say what is wrong.

use std::path::{Path, PathBuf};

use secretary_secret::Secret;

use super::Helper;
use crate::files::{FileError, Limits, Root, cleaned};

/// A folder that a helper was given.
#[derive(Debug)]
pub struct Folder {
    helper: Helper,
    path: PathBuf,
    /// Without it there are no files.
    root: Result<Root, FileError>,
}

impl Folder {
    /// The folder at `path`, which may be missing.
    pub fn open(helper: Helper, path: &Path, limits: Limits) -> Self {
        let root = Root::open(path, limits).map_err(FileError::of_a_file);
        Self { helper, path: path.to_path_buf(), root }
    }

    /// Whether there is such a folder.
    pub fn is_there(&self) -> bool {
        self.root.is_ok()
    }

    /// What is in the file that `handle` names, or the helper's sentence.
    ///
    /// # Errors
    ///
    /// When there is no such file, or it may not be read.
    pub fn read(&self, handle: &str) -> Result<Secret, String> {
        let read = |path: &Path| self.root.as_ref().map_err(Clone::clone)?.read(path);
        match self.helper {
            // It joins the two, so that a handle with a slash before it is below the folder all the same.
            Helper::Go => {
                let below = handle.trim_start_matches('/');
                read(Path::new(below)).map_err(|error| error.to_string())
            }
            // It joins the two as paths, so that an absolute one stays what it is.
            Helper::Python => {
                let absolute = Path::new(handle);
                let below = self.root.as_ref().ok().and_then(|root| root.below(absolute));
                read(below.unwrap_or(absolute)).map_err(|error| self.in_python(handle, &error))
            }
        }
    }

    fn in_python(&self, handle: &str, error: &FileError) -> String {
        let path = cleaned(&self.path.join(handle));
        let outside = |path: &Path| {
            let root = self.path.display();
            format!("file {} is outside of the specified folder {root}", path.display())
        };
        match error {
            FileError::Outside { target, .. } => outside(target),
            FileError::Parent | FileError::Absolute => outside(&path),
            FileError::Missing => {
                format!("[Errno 2] No such file or directory: '{}'", path.display())
            }
            FileError::Directory(_) => format!("[Errno 21] Is a directory: '{}'", path.display()),
            other => other.to_string(),
        }
    }
}
