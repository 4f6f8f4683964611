//! Handles that name files below the configured folders.

use std::path::Path;

use secretary_agent::files::{FileError, Limits, Root};
use secretary_agent::handle::Handle;
use secretary_secret::Secret;

use super::{Resolved, Resolver};

impl Resolver<'_> {
    pub(super) fn read<'t>(&self, handles: &[(&'t str, Handle<'t>)]) -> Vec<Resolved<'t>> {
        let limits = Limits { size: self.flags.file_max_size, ..Limits::default() };
        let roots: Vec<_> =
            self.flags.file_root.iter().map(|folder| Root::open(folder, limits)).collect();
        let file = |handle: &Handle<'_>| match handle {
            Handle::File(path) => read(&roots, Path::new(path)),
            _ => Err(FileError::Missing.to_string()),
        };
        handles.iter().map(|(text, handle)| (*text, file(handle))).collect()
    }
}

/// What is in the first file of that name. A folder that can't be opened might have it, so it is told of.
fn read(roots: &[Result<Root, FileError>], path: &Path) -> Result<Secret, String> {
    let mut told = None;
    for root in roots {
        let found = match root {
            Ok(root) => {
                root.below(path).ok_or(FileError::Absolute).and_then(|path| root.read(path))
            }
            Err(error) => Err(error.clone()),
        };
        match found {
            Ok(secret) => return Ok(secret),
            // Another folder may have it, and if none has, there is most to be learnt from any other answer.
            Err(error @ (FileError::Missing | FileError::Absolute)) => told = told.or(Some(error)),
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(told.unwrap_or(FileError::Missing).to_string())
}
