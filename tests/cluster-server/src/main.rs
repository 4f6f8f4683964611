//! The cluster as a program, for scripts: prints its URL as one line and serves until standard input
//! ends or it is killed.
//!
//! `--apps FILE` names what runs, as the crate's `cluster` describes it. `--port-file FILE` also writes the
//! port to a file, whole or not at all. `--forever` does not look at standard input.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use secretary_test_cluster::{Cluster, Server};
use secretary_test_kms::program::{Program, file_of};

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "secretary-test-cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Arguments {
    program: Program,
    apps: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> io::Result<Self> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--apps" => arguments.apps = Some(file_of(&word, &mut words)?),
                _ if arguments.program.take(&word, &mut words)? => {}
                _ => return Err(usage(&word)),
            }
        }
        Ok(arguments)
    }
}

fn usage(word: &str) -> io::Error {
    io::Error::other(format!(
        "bad argument {word}; usage: [--apps FILE] [--port-file FILE] [--forever]"
    ))
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let server = Server::start();
    if let Some(path) = &arguments.apps {
        server.replace(&Cluster::parse(&fs::read(path)?).map_err(io::Error::other)?);
    }
    arguments.program.announce_and_wait(server.address())
}
