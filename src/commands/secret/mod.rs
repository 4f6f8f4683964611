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
use crate::failure::{Code, Failure};
use crate::setec::{Flags, SecretsServer};
use crate::world::World;

pub(super) fn run(args: &SecretArgs, world: &World) -> Outcome {
    check_caller(args)?;
    let server = SecretsServer::find(Flags::new(&args.server, &args.certificate), &world.environ)?;
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

/// There is no daemon here that a certificate could be for beside a token, so one of two that were typed would be left
/// out without a word.
fn check_caller(args: &SecretArgs) -> Result<(), Failure> {
    if args.server.token_file.is_some() && args.certificate.client_cert.is_some() {
        let message =
            "--token-file and --client-cert are both given, and one of them says who asks";
        return Err(Failure::new(Code::Usage, message).hint("leave one of them out"));
    }
    Ok(())
}
