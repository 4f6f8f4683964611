//! The keys in reach: in variables of ours, and in the files of one folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use secretary_envelope::{Half, PublicKey, SecretKey};

use super::report::Report;
use crate::environ::Environ;
use crate::failure::{Failure, reason, shown};
use crate::keys::{self, Found};

/// All keys that were found, each with its place.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pub(super) public: Vec<Found<PublicKey>>,
    pub(super) private: Vec<Found<SecretKey>>,
}

impl Ring {
    /// Collects the keys, and says of each place whether it is as it should be.
    pub(super) fn collect(folder: &Path, environ: &Environ, report: &mut Report) -> Self {
        let mut ring = Self::default();
        let variables = environ.iter().filter(|(_, value)| !value.is_empty());
        for (name, half) in variables.filter_map(|(name, _)| Some((name, half_of_variable(name)?)))
        {
            match half {
                Half::Public => add(&mut ring.public, keys::in_variable(name, environ), report),
                Half::Private => add(&mut ring.private, keys::in_variable(name, environ), report),
            }
        }
        for (path, half) in key_files(folder, report) {
            match half {
                Half::Public => add(&mut ring.public, keys::in_file(&path), report),
                Half::Private => add(&mut ring.private, keys::in_file(&path), report),
            }
            check_rights(&path, half, report);
        }
        check_folder(folder, report);
        if ring.public.is_empty() && ring.private.is_empty() {
            report.warning(
                format!("no keys in {} and none in variables", shown(folder)),
                "`secretary genkeys` makes key pairs",
            );
        }
        ring
    }
}

fn add<K>(ring: &mut Vec<Found<K>>, found: Result<Option<Found<K>>, Failure>, report: &mut Report) {
    match found {
        Ok(Some(found)) => {
            report.ok(&found.place);
            ring.push(found);
        }
        Ok(None) => {}
        Err(failure) => report.failure(&failure),
    }
}

fn half_of_variable(name: &OsStr) -> Option<Half> {
    let name = name.to_str().filter(|name| keys::is_variable(name))?;
    Some(if name.to_ascii_uppercase().ends_with("PUBLIC_KEY") {
        Half::Public
    } else {
        Half::Private
    })
}

/// The key files of `folder` by name. No folder is no finding: keys may all be in variables.
fn key_files(folder: &Path, report: &mut Report) -> Vec<(PathBuf, Half)> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            let text = format!("cannot read the folder {}: {}", shown(folder), reason(&error));
            report.problem(text, "--path names the folder with the keys, by default ./keys/");
            return Vec::new();
        }
    };
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?;
            let half = [Half::Public, Half::Private]
                .into_iter()
                .find(|half| name.ends_with(&keys::file_name("", *half)))?;
            Some((path, half))
        })
        .collect();
    files.sort();
    files
}

#[cfg(unix)]
fn check_rights(path: &Path, half: Half, report: &mut Report) {
    use std::os::unix::fs::MetadataExt;

    let Ok(metadata) = fs::metadata(path) else { return };
    let (mode, name) = (metadata.mode() & 0o7777, shown(path));
    let me = nix::unistd::geteuid().as_raw();
    if metadata.uid() != me && metadata.uid() != 0 {
        let text = format!("{name} belongs to user {}, who can replace it", metadata.uid());
        report.problem(text, format!("chown {me} {name}"));
    }
    if half == Half::Private && mode & 0o077 != 0 {
        report.problem(
            format!("{name} has mode {mode:04o}, so others can reach a private key"),
            format!("chmod 600 {name}"),
        );
    } else if mode & 0o022 != 0 {
        report.problem(
            format!("{name} has mode {mode:04o}, so others can put their own key there"),
            format!("chmod go-w {name}"),
        );
    }
}

/// Who may write to a folder may replace the files in it, unless its sticky bit is set.
#[cfg(unix)]
fn check_folder(folder: &Path, report: &mut Report) {
    use std::os::unix::fs::MetadataExt;

    let Ok(metadata) = fs::metadata(folder) else { return };
    let (mode, name) = (metadata.mode() & 0o7777, shown(folder));
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        report.problem(
            format!("the folder {name} has mode {mode:04o}, so others can replace the keys in it"),
            format!("chmod o-w {name}"),
        );
    }
}

/// Who may only read a public key is no finding; which rights an entry is about is not looked at.
#[cfg(windows)]
fn check_rights(path: &Path, half: Half, report: &mut Report) {
    let (Ok(list), Ok(me)) = (secretary_acl::dacl(path), secretary_acl::current_user()) else {
        return;
    };
    if half == Half::Public || list.is_some_and(|list| is_ours_alone(&list, me)) {
        return;
    }
    let name = shown(path);
    report.problem(
        format!("the access list of {name} names others, who may reach a private key"),
        format!("icacls {name} /inheritance:r /grant:r %USERNAME%:F *S-1-5-18:F"),
    );
}

/// Administrators can reach everything anyway.
#[cfg(windows)]
fn is_ours_alone(list: &[secretary_acl::Ace], me: secretary_acl::Sid) -> bool {
    use secretary_acl::{Kind, Sid};

    let ours = [me, Sid::local_system(), Sid::administrators()];
    list.iter().filter(|ace| ace.kind != Kind::Deny).all(|ace| ours.contains(&ace.sid))
}

#[cfg(not(unix))]
fn check_folder(_: &Path, _: &mut Report) {}
