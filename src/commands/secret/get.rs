//! `get`: the value of a secret, to the byte.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::SecretGet;
use crate::failure::Failure;
use crate::output::{Existing, write_file};
use crate::setec::SecretsServer;
use crate::world::World;

pub(super) fn run(server: &SecretsServer, args: &SecretGet, world: &World) -> Result<(), Failure> {
    let SecretGet { name, version, .. } = args;
    let found = server.read("failed to get secret", async |client| match args.if_changed {
        true => client.get_if_changed(name, *version).await,
        false => client.get_version(name, *version).await,
    })?;
    let text = if args.json { &found.encode() } else { &found.value };
    let file = args.output.as_deref().filter(|path| *path != Path::new("-"));
    let ends_line = args.json || (file.is_none() && world.stdout_is_terminal());
    let write = |out: &mut File| -> io::Result<()> {
        out.write_all(text.expose())?;
        if ends_line { out.write_all(b"\n") } else { Ok(()) }
    };
    match file {
        Some(file) => write_file(file, 0o600, Existing::Replace, write),
        None => world.write(write),
    }
}
