//! Which keys each command would use without flags, and whether they fit together.

use secretary_envelope::{PublicKey, SecretKey};

use super::report::Report;
use crate::cli::{AskFlags, KmsFlags};
use crate::environ::Environ;
use crate::keys::{self, Found, Key, Lookup};
use crate::kms::KeyService;
use crate::remote::Remote;

/// The keys that `decrypt` and `exec` would use.
pub(super) struct Decrypt {
    pub(super) private: Option<Found<SecretKey>>,
    pub(super) public: Option<Found<PublicKey>>,
    /// Whether they would have a daemon decrypt, and use neither.
    pub(super) by_daemon: bool,
}

pub(super) fn check(environ: &Environ, report: &mut Report) -> Decrypt {
    let seal = sealing_keys(environ, report);
    if by_daemon(environ, report) {
        return Decrypt { private: None, public: None, by_daemon: true };
    }
    let private = used("decrypt and exec", keys::OPEN_WITH, environ, report);
    let public = used("decrypt and exec", keys::OPEN_FROM, environ, report);
    let no_flags = KmsFlags::default();
    if let Err(failure) = KeyService::new(None, &no_flags, environ, environ).check_to_open() {
        report.failure(&failure);
    }
    let decrypt = Decrypt { private, public, by_daemon: false };
    if let Some((to, with)) = &seal {
        check_both_ways(to, with, &decrypt, report);
    }
    decrypt
}

/// Whether a daemon is set up to decrypt, be it with something missing.
fn by_daemon(environ: &Environ, report: &mut Report) -> bool {
    match Remote::find(&AskFlags::default(), None, environ, environ) {
        Ok(None) => return false,
        Ok(Some(remote)) => match remote.check() {
            Ok(()) => {
                let described = remote.described().into_iter();
                described.for_each(|line| report.ok(format!("decrypt and exec: {line}")));
            }
            Err(failure) => report.failure(&failure),
        },
        Err(failure) => report.failure(&failure),
    }
    true
}

/// The NaCl keys that `encrypt` would use, if it would use some.
fn sealing_keys(
    environ: &Environ,
    report: &mut Report,
) -> Option<(Found<PublicKey>, Found<SecretKey>)> {
    let no_flags = KmsFlags::default();
    let service = KeyService::new(None, &no_flags, environ, environ);
    if service.is_chosen() {
        match service.check() {
            Ok(()) => report.ok("encrypt: AWS KMS with the key in $KMS_KEY_ID"),
            Err(failure) => report.failure(&failure),
        }
        return None;
    }
    let to = used("encrypt", keys::SEAL_TO, environ, report);
    to.zip(used("encrypt", keys::SEAL_WITH, environ, report))
}

/// Both ends agree on one key if each has the other's public half, or if both use the same two keys.
fn check_both_ways(
    to: &Found<PublicKey>,
    with: &Found<SecretKey>,
    decrypt: &Decrypt,
    report: &mut Report,
) {
    let (Some(private), Some(public)) = (&decrypt.private, &decrypt.public) else { return };
    let as_pairs = private.key.public_key() == to.key && with.key.public_key() == public.key;
    let as_one = private.key.is(&with.key) && to.key == public.key;
    if as_pairs || as_one {
        report.ok("decrypt opens what encrypt makes");
    } else {
        report.problem(
            "decrypt can't open what encrypt makes: their keys do not belong together",
            "decrypt needs the private half of the key encrypted to, and the public half of the key encrypted with",
        );
    }
}

/// The key that `command` would use, reported.
fn used<K: Key>(
    command: &str,
    lookup: Lookup,
    environ: &Environ,
    report: &mut Report,
) -> Option<Found<K>> {
    let found = lookup.find::<K>(None, environ);
    let name = lookup.what;
    match &found {
        Ok(Some(found)) => report.ok(format!("{command}: {name} from {}", found.place)),
        Ok(None) => {
            report.note(format!("{command}: no {name}; looked for: {}", lookup.places()));
        }
        // The place itself is a problem already, where the keys in reach are listed.
        Err(failure) => report.note(format!("{command}: {}", failure.message())),
    }
    found.ok().flatten()
}
