//! Peak memory of another program.
//!
//! A child's peak starts from that of the process it was started by (execve(2) keeps it), so a large
//! one, such as a script's interpreter, would measure itself. This one has two or three megabytes.

use std::io;
use std::mem::MaybeUninit;
use std::process::{Command, Stdio};

/// Runs `command`, whose output is dropped, and answers its largest resident set in bytes.
///
/// # Errors
///
/// When it can't be run, or fails.
pub fn of(command: &[&str]) -> io::Result<u64> {
    let [program, args @ ..] = command else { return Err(io::ErrorKind::InvalidInput.into()) };
    let status = Command::new(program).args(args).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{program}: {status}")));
    }
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call fills the whole structure, for which all zeroes are valid too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    // Linux counts in KiB.
    Ok(u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024)
}
