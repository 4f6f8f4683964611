//! Files below one folder, and no way out of it.
//!
//! Whoever chooses a handle chooses a path, and in a cluster that can be whoever labels a container. So a path has no
//! `..`, a symbolic link is followed only as long as it stays inside, and what is not a regular file is not read. The
//! links of a Kubernetes volume (`password` to `..data/password`, `..data` to `..2024_05_01`) stay inside.
//!
//! A file that somebody else than its owner may change is refused: its contents would be theirs. One that others may
//! only read is not, because that is how Kubernetes mounts secrets (mode 0644, in a folder of the pod's own).
//!
//! Sentences that the image helper of the agents has for the same thing are the ones used here.

mod error;
#[cfg(any(not(unix), test))]
mod resolved;
mod service_account;
#[cfg(unix)]
mod walk;

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use secretary_secret::Secret;

pub use error::FileError;
pub use service_account::FOLDER as SERVICE_ACCOUNT;

#[cfg(not(unix))]
use resolved::Beneath;
#[cfg(unix)]
use walk::Beneath;

/// What a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes it may have. Nothing is ever cut.
    pub size: usize,
    /// Whether its group may change it. Others never may.
    pub group_may_write: bool,
}

impl Default for Limits {
    /// 8192 bytes, as in the image helper, and changed by its owner alone.
    fn default() -> Self {
        Self { size: 8192, group_may_write: false }
    }
}

/// A folder, opened once, and the files below it.
#[derive(Debug)]
pub struct Root {
    /// As it was given, for messages.
    shown: PathBuf,
    beneath: Beneath,
    limits: Limits,
    /// The folders of the pod's own tokens, unless somebody chose just that one for the root.
    withheld: Vec<PathBuf>,
}

impl Root {
    /// The folder at `dir`, which may itself be reached by any path.
    ///
    /// # Errors
    ///
    /// When there is no folder, or it can't be opened.
    pub fn open(dir: &Path, limits: Limits) -> Result<Self, FileError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => FileError::NoFolder(dir.to_path_buf()),
            _ => FileError::of("open", dir, &error),
        };
        let beneath = Beneath::open(dir).map_err(failed)?;
        let root = Self { shown: cleaned(dir), beneath, limits, withheld: Vec::new() };
        Ok(root.withholding(Path::new(SERVICE_ACCOUNT)))
    }

    /// The same without what is in `dir`, the folder of a service account, unless that is the root itself.
    #[must_use]
    pub fn withholding(mut self, dir: &Path) -> Self {
        if !service_account::is_root(dir, &self.beneath) {
            self.withheld.push(dir.to_path_buf());
        }
        self
    }

    /// What is in the file at `relative`, to its last byte.
    ///
    /// # Errors
    ///
    /// When there is no such file, it may not be read, or it is not what the limits say.
    pub fn read(&self, relative: &Path) -> Result<Secret, FileError> {
        let path = self.shown(relative);
        let names = checked(relative)?;
        let mut file = self.beneath.open_file(&names, &self.shown, &path)?;
        #[cfg(target_os = "linux")]
        if is_of_the_kernel(&file) {
            return Err(FileError::NotRegular);
        }
        let metadata = file.metadata().map_err(|error| FileError::of("stat", &path, &error))?;
        self.check(&metadata, &path)?;
        // What it is compared with where files have no identity: the path, followed once more.
        #[cfg(not(unix))]
        let metadata = self.beneath.resolve(&names, &self.shown, &path)?;
        if self.withheld.iter().any(|folder| service_account::holds(folder, &metadata)) {
            return Err(FileError::ServiceAccount);
        }
        self.contents(&mut file, &path)
    }

    /// What is left of an absolute `path` that begins with this folder's as it was given, or of a relative one.
    pub fn below<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        if path.is_absolute() { path.strip_prefix(&self.shown).ok() } else { Some(path) }
    }

    /// The folder and `relative` as a message shows them.
    pub fn shown(&self, relative: &Path) -> PathBuf {
        let relative: PathBuf =
            relative.components().filter(|part| !matches!(part, Component::RootDir)).collect();
        cleaned(&self.shown.join(relative))
    }

    fn check(&self, metadata: &Metadata, path: &Path) -> Result<(), FileError> {
        if metadata.is_dir() {
            return Err(FileError::Directory(path.to_path_buf()));
        }
        if !metadata.is_file() {
            return Err(FileError::NotRegular);
        }
        self.check_writers(metadata)?;
        match metadata.len() > self.limits.size as u64 {
            true => Err(FileError::TooLarge),
            false => Ok(()),
        }
    }

    #[cfg(unix)]
    fn check_writers(&self, metadata: &Metadata) -> Result<(), FileError> {
        use std::os::unix::fs::PermissionsExt;

        let mode = metadata.permissions().mode() & 0o7777;
        let refused = if self.limits.group_may_write { 0o002 } else { 0o022 };
        if mode & refused == 0 { Ok(()) } else { Err(FileError::Writable(mode)) }
    }

    /// There are no modes here, and who may change a file depends on more than the file.
    #[cfg(not(unix))]
    fn check_writers(&self, _metadata: &Metadata) -> Result<(), FileError> {
        Ok(())
    }

    /// The file may have grown since its size was looked at.
    fn contents(&self, file: &mut File, path: &Path) -> Result<Secret, FileError> {
        Secret::read_from(file, self.limits.size).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => FileError::TooLarge,
            _ => FileError::of("read", path, &error),
        })
    }
}

/// What is in the file at any `path`, as the image helper reads one without a root: its own folder is the one that links
/// may not leave.
///
/// # Errors
///
/// As [`Root::read`] says.
pub fn read_anywhere(path: &Path, limits: Limits) -> Result<Secret, FileError> {
    read_but(Path::new(SERVICE_ACCOUNT), path, limits)
}

/// The same, withholding what is in another folder.
fn read_but(withheld: &Path, path: &Path, limits: Limits) -> Result<Secret, FileError> {
    let Some(name) = path.file_name() else {
        return Err(match path.as_os_str().is_empty() {
            true => FileError::Missing,
            false => FileError::Directory(path.to_path_buf()),
        });
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let root = Root::open(folder.unwrap_or(Path::new(".")), limits);
    let root = root.map_err(FileError::of_a_file)?;
    // Nobody chose this root but whoever chose the path.
    Root { withheld: vec![withheld.into()], ..root }.read(Path::new(name))
}

/// Whether it is one of the files in `/proc`, which look like any other. Nobody keeps secrets there, and with
/// `/proc/self/environ` an agent would tell those of its own that it was started with.
#[cfg(target_os = "linux")]
fn is_of_the_kernel(file: &File) -> bool {
    use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

    fstatfs(file).is_ok_and(|system| system.filesystem_type() == PROC_SUPER_MAGIC)
}

/// The names that lead from the folder to a file.
fn checked(relative: &Path) -> Result<Vec<&OsStr>, FileError> {
    let mut names = Vec::new();
    for part in relative.components() {
        match part {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err(FileError::Parent),
            Component::RootDir | Component::Prefix(_) => return Err(FileError::Absolute),
        }
    }
    Ok(names)
}

/// `path` without `.` and without each `..` that follows a name; no link is looked at.
pub(crate) fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        let follows_a_name = matches!(clean.components().next_back(), Some(Component::Normal(_)));
        match part {
            Component::CurDir => {}
            Component::ParentDir if follows_a_name => drop(clean.pop()),
            Component::ParentDir if clean.has_root() => {}
            part => clean.push(part),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

#[cfg(all(test, unix))]
mod tests;
