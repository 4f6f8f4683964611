//! Handles that name files below the configured folders.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use secretary_agent::files::{FileError, Limits, Root};
use secretary_agent::handle::Handle;
use secretary_secret::Secret;

use super::{Resolved, Resolver, send};

/// How many files are read at once: those on a network may be slow, and one may never come.
const READERS: usize = 16;

impl Resolver<'_> {
    fn root(&self, folder: &Path, limits: Limits) -> Result<Root, FileError> {
        let root = Root::open(folder, limits)?;
        #[cfg(unix)]
        let root = root.withholding(&self.flags.service_account);
        Ok(root)
    }

    /// Each is sent when it is there, so that one that never comes keeps no other back.
    pub(super) fn read<'t>(
        &self,
        handles: &[(&'t str, Handle<'t>)],
        sender: &Sender<Resolved<'t>>,
    ) {
        let limits = Limits { size: self.flags.file_max_size, ..Limits::default() };
        let roots: Vec<_> =
            self.flags.file_root.iter().map(|folder| self.root(folder, limits)).collect();
        let next = AtomicUsize::new(0);
        let read_some = || {
            while let Some((text, handle)) = handles.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = match handle {
                    Handle::File(path) => read(&roots, Path::new(path)),
                    _ => Err(FileError::Missing.to_string()),
                };
                send(sender, (*text, result));
            }
        };
        thread::scope(|scope| {
            for _ in 1..handles.len().min(READERS) {
                scope.spawn(read_some);
            }
            read_some();
        });
    }
}

/// What is in the first file of that name. Where none has it, most is learnt from a folder that can't be opened.
fn read(roots: &[Result<Root, FileError>], path: &Path) -> Result<Secret, String> {
    let closed = roots.iter().find_map(|root| root.as_ref().err());
    let mut missing = closed.cloned();
    for root in roots.iter().flatten() {
        match root.below(path).ok_or(FileError::Absolute).and_then(|path| root.read(path)) {
            Ok(secret) => return Ok(secret),
            Err(error @ (FileError::Missing | FileError::Absolute)) => {
                missing = missing.or(Some(error));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(missing.unwrap_or(FileError::Missing).to_string())
}
