//! Where results go: standard output, or a file that is replaced as a whole.

use std::fs::{self, File};
use std::io::{self, IoSlice, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use crate::failure::{Failure, shown};
#[cfg(unix)]
use crate::signals::{ENDING, deferred};

/// What the names of temporary files begin with.
const PREFIX: &str = ".secretary-";

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced in one step.
    Replace,
    /// It stays, and writing fails.
    Keep,
}

/// Writes `parts` one behind the other, many with one system call and none copied.
///
/// # Errors
///
/// The first error of `out`.
pub fn write_parts<'a>(
    out: &mut impl Write,
    parts: impl Iterator<Item = &'a [u8]>,
) -> io::Result<()> {
    // What one call takes at the most (IOV_MAX) on Linux and macOS.
    const AT_ONCE: usize = 1024;
    // Nothing but empty parts would look like a file that takes no bytes.
    let mut parts = parts.filter(|part| !part.is_empty()).map(IoSlice::new);
    let mut batch = Vec::with_capacity(AT_ONCE);
    loop {
        batch.extend(parts.by_ref().take(AT_ONCE));
        if batch.is_empty() {
            return Ok(());
        }
        let mut left = batch.as_mut_slice();
        while !left.is_empty() {
            match out.write_vectored(left) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut left, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        batch.clear();
    }
}

/// Writes what `contents` writes to the file at `path`.
///
/// A regular file appears complete or not at all: the bytes go to a temporary file beside it, which
/// is synced, renamed and its folder synced. It has `mode` from the start; on Windows one that leaves others
/// nothing becomes an access list for this user and the system. A pipe or a device is
/// written to directly.
///
/// # Errors
///
/// When `path` is a symbolic link to a regular file or a folder, or anything can't be written. The old
/// file is untouched then.
pub fn write_file(
    path: &Path,
    mode: u32,
    existing: Existing,
    contents: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Failure> {
    let result = match direct(path) {
        Ok(Some(mut file)) => contents(&mut file),
        // A signal in between would leave a file with plaintext behind.
        #[cfg(unix)]
        Ok(None) => deferred(&ENDING, || replace(path, mode, existing, contents)),
        #[cfg(not(unix))]
        Ok(None) => replace(path, mode, existing, contents),
        Err(error) => Err(error),
    };
    result.map_err(|error| Failure::io("write", &shown(path), &error))
}

/// The file at `path` when it is one that can't be replaced: a pipe, a device.
fn direct(path: &Path) -> io::Result<Option<File>> {
    let Ok(itself) = fs::symlink_metadata(path) else { return Ok(None) };
    let target = if itself.is_symlink() { fs::metadata(path) } else { Ok(itself.clone()) };
    match target {
        Ok(target) if target.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(target) if !target.is_file() => {}
        _ if itself.is_symlink() => {
            return Err(io::Error::other(
                "it is a symbolic link; give the name of the file itself",
            ));
        }
        Ok(_) => return Ok(None),
        Err(error) => return Err(error),
    }
    File::options().write(true).open(path).map(Some)
}

fn replace(
    path: &Path,
    mode: u32,
    existing: Existing,
    contents: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = temporary_file(folder, mode)?;
    contents(file.as_file_mut())?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Replace => file.persist(path)?,
        Existing::Keep => file.persist_noclobber(path)?,
    };
    // The file is in its place. A folder that can't be read, or a file system that does not sync
    // folders, must not make that look like a failure.
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(unix)]
fn temporary_file(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    builder.prefix(PREFIX).tempfile_in(folder)
}

/// Where there are no modes, a file is for its owner alone, or for whom its folder says.
#[cfg(windows)]
fn temporary_file(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX);
    if mode & 0o077 != 0 {
        return builder.tempfile_in(folder);
    }
    builder.make_in(folder, secretary_acl::create_owner_only)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a few bytes at a time, and is interrupted in between.
    struct Slow(Vec<u8>, bool);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = bytes.len().min(3);
            self.0.extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writes_all_parts_however_slowly_they_are_taken() {
        let parts: Vec<Vec<u8>> = (0..5000_usize).map(|n| vec![n as u8; n % 7]).collect();
        let mut slow = Slow(Vec::new(), false);
        write_parts(&mut slow, parts.iter().map(Vec::as_slice)).expect("written");
        assert_eq!(slow.0, parts.concat());
    }

    #[test]
    fn keeps_a_file_that_must_not_be_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        write_file(&path, 0o600, Existing::Keep, |file| file.write_all(b"one")).expect("written");
        assert!(write_file(&path, 0o600, Existing::Keep, |file| file.write_all(b"two")).is_err());
        assert_eq!(fs::read(&path).expect("read"), b"one");
        write_file(&path, 0o600, Existing::Replace, |file| file.write_all(b"three"))
            .expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"three");
        assert_eq!(fs::read_dir(&folder).expect("folder").count(), 1);
    }
}
