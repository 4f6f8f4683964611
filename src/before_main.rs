//! What the process was started with and Rust's runtime changes before `main`.
//!
//! The runtime ignores `SIGPIPE`, and an ignored signal stays ignored over `execve`, which most
//! programs are not written for. It also opens `/dev/null` in the place of a standard stream that is
//! closed, so that output would be lost without a word, and missing input be an empty secret. Both are looked at before that, on Linux.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
static SIGPIPE_IGNORED: AtomicBool = AtomicBool::new(false);
static STDIN_CLOSED: AtomicBool = AtomicBool::new(false);
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether standard input was closed.
pub fn stdin_was_closed() -> bool {
    STDIN_CLOSED.load(Ordering::Relaxed)
}

/// Whether standard output was closed.
pub fn stdout_was_closed() -> bool {
    STDOUT_CLOSED.load(Ordering::Relaxed)
}

/// Makes `SIGPIPE` what it was. systemd, for one, has services ignore it.
#[cfg(unix)]
pub fn restore_sigpipe() {
    use nix::sys::signal::{SigHandler, Signal, signal};

    if !SIGPIPE_IGNORED.load(Ordering::Relaxed) {
        // SAFETY: no handler is installed, so there is none that could be unsafe.
        let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    }
}

/// Ignores `SIGPIPE` again, as Rust's runtime does.
#[cfg(unix)]
pub fn ignore_sigpipe() {
    use nix::sys::signal::{SigHandler, Signal, signal};

    // SAFETY: no handler is installed, so there is none that could be unsafe.
    let _ = unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) };
}

#[cfg(target_os = "linux")]
mod hook {
    use super::*;

    // SAFETY: the loader calls each function in this section once, before `main` and with the C
    // calling convention; this one makes three system calls, which need nothing to be set up.
    #[unsafe(link_section = ".init_array")]
    #[used]
    static REMEMBER: extern "C" fn() = remember;

    extern "C" fn remember() {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: with a null pointer for the new action nothing is changed, and the old one is
        // written to memory of the right type. On failure that stays zero, the default action.
        let handler = unsafe {
            libc::sigaction(libc::SIGPIPE, std::ptr::null(), action.as_mut_ptr());
            action.assume_init().sa_sigaction
        };
        SIGPIPE_IGNORED.store(handler == libc::SIG_IGN, Ordering::Relaxed);
        // SAFETY: it reads a descriptor's flags, or fails because there is no such descriptor.
        let is_closed = |stream| unsafe { libc::fcntl(stream, libc::F_GETFD) } == -1;
        STDIN_CLOSED.store(is_closed(libc::STDIN_FILENO), Ordering::Relaxed);
        STDOUT_CLOSED.store(is_closed(libc::STDOUT_FILENO), Ordering::Relaxed);
    }
}
