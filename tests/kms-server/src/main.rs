//! The server as a program, for scripts: prints its URL as one line and serves until standard input
//! ends or it is killed.
//!
//! `--port-file FILE` also writes the port to a file, whole or not at all. `--log FILE` writes a
//! line a request. `--forever` does not look at standard input, which a shell without job control
//! takes away from what it starts in the background.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use secretary_test_kms::Server;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "secretary-test-kms: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Arguments {
    port_file: Option<PathBuf>,
    log: Option<PathBuf>,
    forever: bool,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            let mut file = || words.next().map(PathBuf::from).ok_or_else(|| usage(&word));
            match word.as_str() {
                "--port-file" => arguments.port_file = Some(file()?),
                "--log" => arguments.log = Some(file()?),
                "--forever" => arguments.forever = true,
                _ => return Err(usage(&word)),
            }
        }
        Ok(arguments)
    }
}

fn usage(word: &str) -> io::Error {
    io::Error::other(format!(
        "bad argument {word}; usage: [--port-file FILE] [--log FILE] [--forever]"
    ))
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let server = match &arguments.log {
        Some(path) => Server::start_with_log(File::create(path)?)?,
        None => Server::start(),
    };
    if let Some(path) = &arguments.port_file {
        write_port(path, server.port())?;
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "{}", server.url())?;
    stdout.flush()?;
    if arguments.forever {
        loop {
            thread::park();
        }
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

/// Whoever waits for the file never reads half a number.
fn write_port(path: &Path, port: u16) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    fs::write(&beside, format!("{port}\n"))?;
    fs::rename(&beside, path)
}
