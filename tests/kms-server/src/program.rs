//! What every test server does as a program: it says where it listens and serves until it is told to stop.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;

/// The arguments that all of them have.
#[derive(Debug, Default)]
pub struct Program {
    port_file: Option<PathBuf>,
    forever: bool,
}

impl Program {
    /// Takes `word`, and what belongs to it from `words`; the answer is whether it is one of these
    /// arguments.
    ///
    /// # Errors
    ///
    /// When its file is missing.
    pub fn take(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = String>,
    ) -> io::Result<bool> {
        match word {
            "--port-file" => self.port_file = Some(file_of(word, words)?),
            "--forever" => self.forever = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Says that the server listens, and returns when it may stop: when standard input ends, or never.
    ///
    /// # Errors
    ///
    /// When what is said can't be written.
    pub fn announce_and_wait(&self, address: SocketAddr) -> io::Result<()> {
        if let Some(path) = &self.port_file {
            write_port(path, address.port())?;
        }
        let mut stdout = io::stdout();
        writeln!(stdout, "http://{address}")?;
        stdout.flush()?;
        if self.forever {
            loop {
                thread::park();
            }
        }
        io::copy(&mut io::stdin(), &mut io::sink())?;
        Ok(())
    }
}

/// The file that follows the argument `word`.
///
/// # Errors
///
/// When none does.
pub fn file_of(word: &str, words: &mut impl Iterator<Item = String>) -> io::Result<PathBuf> {
    let missing = || io::Error::other(format!("{word} needs a file"));
    words.next().map(PathBuf::from).ok_or_else(missing)
}

/// Whoever waits for the file never reads half a number.
fn write_port(path: &Path, port: u16) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    fs::write(&beside, format!("{port}\n"))?;
    fs::rename(&beside, path)
}
