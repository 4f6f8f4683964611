//! `secretary secret`: what a person or a script does with the secrets of a server.
//!
//! Texts, the rules about white space and the tokens that confirm a deletion are those of setec's program, so that scripts
//! and habits go on working.

mod changes;
mod confirmation;
mod get;
mod listing;
mod put;
mod quoted;
mod value;

use std::process::ExitCode;

use crate::Outcome;
use crate::cli::{SecretArgs, SecretCommand};
use crate::setec::{Flags, SecretsServer};
use crate::world::World;

pub(super) fn run(args: &SecretArgs, world: &World) -> Outcome {
    let flags = Flags::new(&args.server, &args.certificate, &world.environ)?;
    let server = SecretsServer::find(flags, &world.environ)?;
    match &args.command {
        SecretCommand::List { json } => listing::list(&server, *json, world),
        SecretCommand::Info { name, json } => listing::info(&server, name, *json, world),
        SecretCommand::Get(args) => get::run(&server, args, world),
        SecretCommand::Put(args) => put::put(&server, args, world),
        SecretCommand::CreateVersion(args) => put::create_version(&server, args, world),
        SecretCommand::Activate { name, version } => changes::activate(&server, name, *version),
        SecretCommand::DeleteVersion { name, version, token } => {
            changes::delete_version(&server, name, *version, token.as_deref())
        }
        SecretCommand::Delete { name, token } => changes::delete(&server, name, token.as_deref()),
    }?;
    Ok(ExitCode::SUCCESS)
}
