//! The file around the database: whose it is, that it is nobody else's to read, and that its name is durable.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::StoreError;

/// That no other process has the store. It is on a file of its own, `<store>.lock`: closing a second descriptor of
/// the database itself would take SQLite's locks away.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn take(path: &Path) -> Result<Self, StoreError> {
        let beside = beside(path);
        let file = options().create(true).open(&beside).map_err(io_error("lock", &beside))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(path.to_path_buf()),
            TryLockError::Error(error) => io_error("lock", &beside)(error),
        })?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a process that this one is just starting has it open, too, for a moment.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

/// SQLite would make it with the rights that the process gives away. Its other files get the rights of this one.
pub(super) fn create_if_absent(path: &Path) -> Result<(), StoreError> {
    match options().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path).map_err(io_error("open", path))?;
            let is_file = metadata.is_file().then_some(());
            is_file.ok_or_else(|| StoreError::NotAFile(path.to_path_buf()))
        }
        Err(error) => Err(io_error("create", path)(error)),
    }
}

/// A name that is not synced can be gone after a power failure, and everything with it.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
    match synced {
        // File systems that have no such thing, and Windows, where a folder is no file.
        Err(error) if is_not_supported(&error) => Ok(()),
        other => other.map_err(io_error("sync the folder of", path)),
    }
}

fn is_not_supported(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput) || cfg!(windows)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |error| StoreError::Io { doing, path: path.to_path_buf(), error: Arc::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_gone_though_a_process_that_is_starting_has_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let lock = Lock::take(&path).unwrap();
        let inherited = lock.0.try_clone().unwrap();
        assert!(matches!(Lock::take(&path), Err(StoreError::InUse(_))));
        drop(lock);
        Lock::take(&path).unwrap();
        drop(inherited);
    }
}
