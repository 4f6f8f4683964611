//! What the process was started with: the one reader of its environment and standard streams.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Write};

use crate::before_main::{stdin_was_closed, stdout_was_closed};
use crate::environ::Environ;
use crate::failure::Failure;
use crate::harden::{self, CoreLimit};

/// The process's surroundings, read once.
pub struct World {
    /// The arguments, the first of which is the program's own name.
    pub args: Vec<OsString>,
    /// The environment variables, in the order they came in.
    pub environ: Environ,
    /// The limit on core dumps that was in force before [`crate::harden`], for a program we become.
    pub core_limit: CoreLimit,
}

impl World {
    /// Hardens the process and reads its environment.
    pub fn real(args: impl Iterator<Item = OsString>) -> Self {
        let args = args.collect();
        #[cfg(feature = "agent")]
        let args = crate::invoked::arguments(args);
        Self { args, core_limit: harden::harden(), environ: Environ::of_process() }
    }

    /// This executable, whatever has become of its name.
    ///
    /// # Errors
    ///
    /// When the system does not say where it is, or it may not be read.
    #[cfg(all(feature = "agent", not(windows)))]
    pub fn executable(&self) -> io::Result<File> {
        match File::open("/proc/self/exe") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                File::open(std::env::current_exe()?)
            }
            opened => opened,
        }
    }

    /// This executable.
    ///
    /// Only by the name that the system says: `/proc/self/exe` would be below the drive's root, where everybody may
    /// make folders and put another program.
    ///
    /// # Errors
    ///
    /// When the system does not say where it is, or it may not be read.
    #[cfg(all(feature = "agent", windows))]
    pub fn executable(&self) -> io::Result<File> {
        File::open(std::env::current_exe()?)
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
    /// When it is closed.
    pub fn stdin(&self) -> io::Result<File> {
        match stdin_was_closed() {
            true => Err(io::Error::other("it is closed")),
            false => duplicate(&io::stdin()),
        }
    }

    /// Writes `text` to standard output.
    ///
    /// # Errors
    ///
    /// When it is closed or full.
    pub fn print(&self, text: &[u8]) -> Result<(), Failure> {
        self.write(|out| out.write_all(text))
    }

    /// Writes what `contents` writes to standard output.
    ///
    /// # Errors
    ///
    /// When it is closed or full.
    pub fn write(&self, contents: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Failure> {
        let written = stdout().and_then(|mut out| contents(&mut out));
        written.map_err(|error| Failure::io("write", "standard output", &error))
    }

    /// Writes `text` to standard output, in the middle of writing something else.
    ///
    /// # Errors
    ///
    /// When it is closed or full.
    pub fn write_all(&self, text: &[u8]) -> io::Result<()> {
        stdout()?.write_all(text)
    }

    /// Tells the user something that is no error.
    pub fn note(&self, text: &str) {
        note(text);
    }

    /// Colour is for a terminal whose user did not refuse it (<https://no-color.org>).
    pub(crate) fn stderr_in_colour(&self) -> bool {
        let refused = self.environ.get("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = self.environ.get("TERM").is_none_or(|term| term == "dumb");
        !refused && !dumb && io::stderr().is_terminal()
    }
}

/// Tells the user something that is no error.
pub(crate) fn note(text: &str) {
    to_stderr(&format!("note: {text}\n"));
}

/// Standard error, for what writes to it by itself and a line at a time.
#[cfg(any(feature = "daemon", feature = "server"))]
pub(crate) fn stderr() -> impl Write + Send + 'static {
    io::stderr()
}

/// Writes `text` to standard error in one piece. There is nobody to tell when that fails.
pub(crate) fn to_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

fn stdout() -> io::Result<File> {
    match stdout_was_closed() {
        true => Err(io::Error::other("it is closed")),
        false => duplicate(&io::stdout()),
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
