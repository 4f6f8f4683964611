//! The server as a program, for scripts: prints its URL as one line and serves until standard input
//! ends or it is killed.
//!
//! `--port-file FILE` also writes the port to a file, whole or not at all. `--log FILE` writes a
//! line a request. `--forever` does not look at standard input, which a shell without job control
//! takes away from what it starts in the background.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use secretary_test_kms::Server;
use secretary_test_kms::program::{Program, file_of};

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
    program: Program,
    log: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--log" => arguments.log = Some(file_of(&word, &mut words)?),
                _ if arguments.program.take(&word, &mut words)? => {}
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
    arguments.program.announce_and_wait(server.address())
}
