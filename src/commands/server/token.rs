//! `secretary server token`: a token for a caller, and its hash for the server.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use secretary_setec_server::identity::token::{self, MintError};

use crate::Outcome;
use crate::cli::ServerToken;
use crate::failure::{Code, Failure, shown};
use crate::world::{World, to_stderr};

/// The token is printed last: one whose hash is nowhere would be of no use.
pub(super) fn run(args: &ServerToken, world: &World) -> Outcome {
    let minted =
        token::mint(&args.name, args.expires.as_deref()).map_err(|error| of_mint(&error))?;
    match &args.append {
        Some(path) => append(path, &minted.entry)?,
        None => to_stderr(&minted.entry),
    }
    world.write(|out| {
        out.write_all(minted.token.expose())?;
        out.write_all(b"\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn of_mint(error: &MintError) -> Failure {
    let code = match error {
        MintError::NoRandom => Code::General,
        _ => Code::Usage,
    };
    Failure::new(code, error.to_string())
}

/// Adds an entry to a file of tokens. It is written at the file's end by one call, and not as a new file in its place:
/// so who owns the file and who may read it stays as it is, and two who do this at once both get theirs.
fn append(path: &Path, entry: &str) -> Result<(), Failure> {
    let of_io = |error: io::Error| Failure::io("write", &shown(path), &error);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(of_io)?;
    let mut before = String::new();
    // A device has no end.
    (&file).take(token::LARGEST_FILE).read_to_string(&mut before).map_err(of_io)?;
    token::check(&before).map_err(|what| {
        Failure::new(Code::Configuration, format!("{}: {what}", shown(path)))
            .hint("it was left as it is; the server would not read it")
    })?;
    let gap = match before.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let written = file.write_all(format!("{gap}{entry}").as_bytes()).and_then(|()| file.sync_all());
    // Half an entry would keep the server from reading any.
    written.inspect_err(|_| drop(file.set_len(before.len() as u64))).map_err(of_io)
}
