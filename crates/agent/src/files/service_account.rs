//! The files with which a pod proves to Kubernetes who it is. Told as a secret, they would make whoever reads it the pod.

use std::fs;
#[cfg(unix)]
use std::fs::Metadata;
use std::path::Path;

use super::Beneath;

/// Where Kubernetes puts them.
pub const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Whether the file with `metadata`, which was opened below `root`, is one of the files in `folder`. It is not when
/// `folder` is the root, because then somebody chose just that.
///
/// Files are compared and not paths: `/var/run` is a link nearly everywhere, and there are hard links and bind mounts.
#[cfg(unix)]
pub(super) fn holds(folder: &Path, root: &Beneath, metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    let same = |a: &Metadata, b: &Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let is_root = fs::metadata(folder)
        .is_ok_and(|folder| root.metadata().is_ok_and(|root| same(&folder, &root)));
    let mut files = entries.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
    !is_root && files.any(|file| same(&file, metadata))
}

/// Whether `target` is in `folder`, which is not the root. The standard library tells no identity of a file here.
#[cfg(not(unix))]
pub(super) fn holds(folder: &Path, root: &Beneath, target: &Path) -> bool {
    fs::canonicalize(folder).is_ok_and(|folder| root.path() != folder && target.starts_with(folder))
}
