//! Asking who sits at the terminal for a secret, and not showing what is typed.

use std::io;

use secretary_secret::Secret;

use crate::failure::Failure;

/// A line that is typed behind `text`. It is read from the terminal, wherever standard input and output lead.
///
/// # Errors
///
/// When there is no terminal, or it is gone.
pub fn prompt(text: &str) -> Result<Secret, Failure> {
    ask(text)
        .map(|line| Secret::from(line.into_bytes()))
        .map_err(|error| Failure::io("read", "the terminal", &error))
}

/// Ctrl-C takes effect when the terminal is as it was: it shows nothing that is typed while it is asked.
#[cfg(unix)]
fn ask(text: &str) -> io::Result<String> {
    use crate::signals::deferred;
    deferred(&[nix::sys::signal::Signal::SIGINT], || rpassword::prompt_password(text))
}

#[cfg(not(unix))]
fn ask(text: &str) -> io::Result<String> {
    rpassword::prompt_password(text)
}
