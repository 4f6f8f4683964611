//! Opening a file below a folder on Unix.
//!
//! Linux does it in one call that refuses to leave the folder (`openat2` with `RESOLVE_BENEATH`). Where there is no such
//! call, or it refused, the same way is gone step by step, each folder opened from the one before and no link followed by
//! the system: that opens what the call does not know to be inside, a link with an absolute target, and finds out which
//! link it is that leads outside.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;

use super::{FileError, cleaned};

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// A folder that is only passed through. Linux asks for no right to list it then.
#[cfg(target_os = "linux")]
const PASSED: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASSED: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_CLOEXEC);

/// What is read. A pipe without a writer must not keep us waiting, nor a terminal become ours.
const READ: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_CLOEXEC).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// An open folder.
#[derive(Debug)]
pub(super) struct Beneath {
    folder: File,
    /// The ways to write its path, absolute: links may have one of them as the beginning of their target.
    paths: [PathBuf; 2],
}

impl Beneath {
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        let folder = nix::fcntl::open(dir, PASSED, Mode::empty())?;
        let paths = [cleaned(&std::path::absolute(dir)?), dir.canonicalize()?];
        Ok(Self { folder: folder.into(), paths })
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.folder.metadata()
    }

    /// Opens the file that `names` lead to. `root` and `path` are for messages.
    pub(super) fn open_file(
        &self,
        names: &[&OsStr],
        root: &Path,
        path: &Path,
    ) -> Result<File, FileError> {
        match self.open_at_once(names) {
            // A loop of links, or one that leads outside, or to a target that is absolute; no such call, or a sandbox
            // that does not know it; or somebody changed a folder in the meantime.
            Err(Errno::ELOOP | Errno::EXDEV | Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => {
                self.walk(names, root, path)
            }
            opened => Ok(opened.map_err(|error| in_words(error, path))?.into()),
        }
    }

    #[cfg(target_os = "linux")]
    fn open_at_once(&self, names: &[&OsStr]) -> nix::Result<OwnedFd> {
        use nix::fcntl::{OpenHow, ResolveFlag, openat2};

        let path: PathBuf = names.iter().collect();
        let path = if names.is_empty() { Path::new(".") } else { &path };
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        openat2(&self.folder, path, OpenHow::new().flags(READ).resolve(resolve))
    }

    #[cfg(not(target_os = "linux"))]
    fn open_at_once(&self, _names: &[&OsStr]) -> nix::Result<OwnedFd> {
        Err(Errno::ENOSYS)
    }

    fn walk(&self, names: &[&OsStr], root: &Path, path: &Path) -> Result<File, FileError> {
        let mut walk = Walk { root: self, folders: Vec::new(), todo: Vec::new(), links: 0 };
        walk.todo.extend(names.iter().rev().map(|name| Step::Down(name.to_os_string())));
        match walk.open() {
            Ok(file) => Ok(file.into()),
            Err(Stop::Outside(target)) => {
                Err(FileError::Outside { target, root: root.to_path_buf() })
            }
            Err(Stop::Folder) => Err(FileError::Directory(path.to_path_buf())),
            Err(Stop::System(error)) => Err(in_words(error, path)),
        }
    }

    /// What is left of an absolute target that begins with this folder.
    fn strip<'a>(&self, target: &'a Path) -> Option<&'a Path> {
        self.paths.iter().find_map(|path| target.strip_prefix(path).ok())
    }
}

/// Go says so of the one error that a path's middle, and not its end, is to blame for.
fn in_words(error: Errno, path: &Path) -> FileError {
    match error {
        Errno::ENOTDIR => FileError::of("lstat", path, &error.into()),
        // A socket, or a pipe or device that nothing is behind.
        Errno::ENXIO => FileError::NotRegular,
        error => FileError::of("open", path, &error.into()),
    }
}

/// Why a walk did not come to a file.
enum Stop {
    /// A link leads here.
    Outside(PathBuf),
    /// It ended in a folder.
    Folder,
    System(Errno),
}

impl From<Errno> for Stop {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

enum Step {
    Up,
    Down(OsString),
}

/// On the way to a file.
struct Walk<'a> {
    root: &'a Beneath,
    /// From the root to where it is: each with its name. One step up is the folder it came from, wherever that may
    /// have been moved to.
    folders: Vec<(OsString, OwnedFd)>,
    /// The next step is the last.
    todo: Vec<Step>,
    links: usize,
}

impl Walk<'_> {
    fn open(mut self) -> Result<OwnedFd, Stop> {
        let mut target = PathBuf::new();
        while let Some(step) = self.todo.pop() {
            let Step::Down(name) = step else {
                self.folders.pop().ok_or_else(|| Stop::Outside(target.clone()))?;
                continue;
            };
            match readlinkat(self.at(), name.as_os_str()) {
                Ok(link) => target = self.follow(Path::new(&link))?,
                // It is no link.
                Err(Errno::EINVAL) if self.todo.is_empty() => {
                    let flags = READ | OFlag::O_NOFOLLOW;
                    return Ok(openat(self.at(), name.as_os_str(), flags, Mode::empty())?);
                }
                Err(Errno::EINVAL) => {
                    let flags = PASSED | OFlag::O_NOFOLLOW;
                    let folder = openat(self.at(), name.as_os_str(), flags, Mode::empty())?;
                    self.folders.push((name, folder));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(Stop::Folder)
    }

    fn at(&self) -> BorrowedFd<'_> {
        self.folders.last().map_or(self.root.folder.as_fd(), |(_, folder)| folder.as_fd())
    }

    /// Puts the steps of a link before those that are left, and answers its whole target.
    fn follow(&mut self, link: &Path) -> Result<PathBuf, Stop> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::ELOOP.into());
        }
        let here: PathBuf = self.folders.iter().map(|(name, _)| name).collect();
        let target = cleaned(&self.root.paths[0].join(here).join(link));
        let way = match link.is_absolute() {
            true => self.root.strip(link).ok_or_else(|| Stop::Outside(target.clone()))?,
            false => link,
        };
        if link.is_absolute() {
            self.folders.clear();
        }
        let step = |part| match part {
            Component::Normal(name) => Some(Step::Down(OsStr::to_os_string(name))),
            Component::ParentDir => Some(Step::Up),
            _ => None,
        };
        let steps: Vec<_> = way.components().filter_map(step).collect();
        self.todo.extend(steps.into_iter().rev());
        Ok(target)
    }
}

#[cfg(test)]
impl Beneath {
    /// As where there is no `openat2`.
    pub(super) fn open_step_by_step(
        &self,
        names: &[&OsStr],
        root: &Path,
        path: &Path,
    ) -> Result<File, FileError> {
        self.walk(names, root, path)
    }
}
