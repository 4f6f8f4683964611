//! Keeps plaintext out of core files and away from other processes of the same user.
//!
//! Root can still read the memory of a running process. Nothing here fails the command: a system
//! that forbids one of these calls is no less safe for running it.

/// The limit on core dumps as it was, soft and hard, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoreLimit(#[cfg(unix)] Option<(u64, u64)>);

/// Allows no core dump, and on Linux no tracing and no reading of `/proc/PID/mem` by others than root.
#[cfg(unix)]
pub fn harden() -> CoreLimit {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
    let before = getrlimit(Resource::RLIMIT_CORE).ok();
    if let Some((_, hard)) = before {
        let _ = setrlimit(Resource::RLIMIT_CORE, 0, hard);
    }
    CoreLimit(before)
}

/// Nothing to do here: Windows writes no core file unless an administrator asks for one.
#[cfg(not(unix))]
pub fn harden() -> CoreLimit {
    CoreLimit::default()
}

/// Gives the limit back, for the program this process becomes. The rest does not survive `execve`.
#[cfg(unix)]
pub fn restore(limit: CoreLimit) {
    use nix::sys::resource::{Resource, setrlimit};

    if let Some((soft, hard)) = limit.0 {
        let _ = setrlimit(Resource::RLIMIT_CORE, soft, hard);
    }
}

/// Lets the process have as many descriptors as it may, and answers how many that is: each connection of a daemon is one.
#[cfg(all(unix, any(feature = "daemon", feature = "server")))]
pub fn allow_many_descriptors() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return u64::MAX };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

/// Connections are no descriptors here, and their number has no such limit.
#[cfg(all(not(unix), any(feature = "daemon", feature = "server")))]
pub fn allow_many_descriptors() -> u64 {
    u64::MAX
}
