//! What the process was started with: the one reader of its environment and standard streams.

use std::fs::File;
use std::io::{self, IsTerminal, Write};

use crate::before_main::stdout_was_closed;
use crate::environ::Environ;
use crate::failure::Failure;
use crate::harden::{self, CoreLimit};
use crate::output::write_parts;

/// The process's surroundings, read once.
pub struct World {
    /// The environment variables, in the order they came in.
    pub environ: Environ,
    /// The limit on core dumps that was in force before [`crate::harden`], for a program we become.
    pub core_limit: CoreLimit,
}

impl World {
    /// Hardens the process and reads its environment.
    pub fn real() -> Self {
        Self { core_limit: harden::harden(), environ: Environ::of_process() }
    }

    /// Whether someone sits at standard input.
    pub fn stdin_is_terminal(&self) -> bool {
        io::stdin().is_terminal()
    }

    /// Whether someone reads standard output.
    pub fn stdout_is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Standard input, unbuffered: `std::io::Stdin` keeps what it reads in memory that nobody wipes, as
    /// `Stdout` does with what it writes.
    ///
    /// # Errors
    ///
    /// When no more files can be opened.
    pub fn stdin(&self) -> io::Result<File> {
        duplicate(&io::stdin())
    }

    /// Writes `parts` to standard output, one behind the other.
    ///
    /// # Errors
    ///
    /// When it is closed or full.
    pub fn print<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let stdout = match stdout_was_closed() {
            true => Err(io::Error::other("it is closed")),
            false => duplicate(&io::stdout()),
        };
        let written = stdout.and_then(|mut out| write_parts(&mut out, parts.into_iter()));
        written.map_err(|error| Failure::io("write", "standard output", &error))
    }

    /// Tells the user something that is no error.
    pub fn note(&self, text: &str) {
        self.to_stderr(&format!("note: {text}\n"));
    }

    /// Writes `text` to standard error in one piece. There is nobody to tell when that fails.
    pub(crate) fn to_stderr(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Colour is for a terminal whose user did not refuse it (<https://no-color.org>).
    pub(crate) fn stderr_in_colour(&self) -> bool {
        let refused = self.environ.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = self.environ.get("TERM").is_none_or(|term| term == "dumb");
        !refused && !dumb && io::stderr().is_terminal()
    }
}

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn duplicate(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    Ok(File::from(stream.as_handle().try_clone_to_owned()?))
}
