//! The files with which a pod proves to Kubernetes who it is. Told as a secret, they would make whoever reads it the pod.

use std::fs;
#[cfg(unix)]
use std::fs::Metadata;
use std::path::Path;

use super::Beneath;

/// Where Kubernetes puts them.
pub const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Whether `root` is `folder`.
#[cfg(unix)]
pub(super) fn is_root(folder: &Path, root: &Beneath) -> bool {
    let folder = fs::metadata(folder);
    folder.is_ok_and(|folder| root.metadata().is_ok_and(|root| same(&folder, &root)))
}

/// Whether the open file with `metadata` is one of the files in `folder`.
///
/// Files are compared and not paths: `/var/run` is a link nearly everywhere, and there are hard links and bind mounts.
#[cfg(unix)]
pub(super) fn holds(folder: &Path, metadata: &Metadata) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut files = entries.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
    files.any(|file| same(&file, metadata))
}

#[cfg(unix)]
fn same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Whether `root` is `folder`. The standard library tells no identity of a file here.
#[cfg(not(unix))]
pub(super) fn is_root(folder: &Path, root: &Beneath) -> bool {
    fs::canonicalize(folder).is_ok_and(|folder| root.path() == folder)
}

/// Whether `target`, which has no link in it, is in `folder`.
#[cfg(not(unix))]
pub(super) fn holds(folder: &Path, target: &Path) -> bool {
    fs::canonicalize(folder).is_ok_and(|folder| target.starts_with(folder))
}
