//! Which keys each command would use without flags, and whether they fit together.

use secretary_envelope::{PublicKey, SecretKey};

use super::report::Report;
use crate::cli::{AskFlags, KmsFlags, SetecFlags};
use crate::environ::Environ;
use crate::failure::Failure;
use crate::keys::{self, Found, Key, Lookup};
use crate::kms::KeyService;
use crate::remote::Remote;
use crate::setec::{self, Getter};

/// The keys that `decrypt` and `exec` would use.
pub(super) struct Decrypt {
    pub(super) private: Option<Found<SecretKey>>,
    pub(super) public: Option<Found<PublicKey>>,
    /// Whether they would have a daemon decrypt, and use neither.
    pub(super) by_daemon: bool,
    /// Whether they would ask a secrets server for secrets by name, or why not.
    pub(super) server: Result<(), Failure>,
}

pub(super) fn check(environ: &Environ, report: &mut Report) -> Decrypt {
    let seal = sealing_keys(environ, report);
    if by_daemon(environ, report) {
        let server = secrets_server(environ, report);
        return Decrypt { private: None, public: None, by_daemon: true, server };
    }
    let private = used("decrypt and exec", keys::OPEN_WITH, environ, report);
    let public = used("decrypt and exec", keys::OPEN_FROM, environ, report);
    let no_flags = KmsFlags::default();
    if let Err(failure) = KeyService::new(None, &no_flags, environ, environ).check_to_open() {
        report.failure(&failure);
    }
    let server = secrets_server(environ, report);
    let decrypt = Decrypt { private, public, by_daemon: false, server };
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

/// Whether a secrets server can be asked. That none is set is no finding, until there is a token for it.
fn secrets_server(environ: &Environ, report: &mut Report) -> Result<(), Failure> {
    let (server, daemon) = (SetecFlags::default(), AskFlags::default());
    let flags = setec::Flags::beside_daemon(&server, &daemon, environ);
    let found = Getter::find(flags, environ);
    match &found {
        Ok(getter) => {
            for line in getter.asked() {
                let server = line.trim_start_matches("asked: ");
                report.ok(format!("decrypt and exec: secrets by name from {server}"));
            }
        }
        Err(failure) if setec::IS_BUILT_IN && !matches!(setec::url(&server, environ), Ok(None)) => {
            report.failure(failure);
        }
        Err(_) => {}
    }
    found.map(drop)
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
