//! `put` and `create-version`: a value becomes a version.

use serde_json::json;

use super::quoted::quoted;
use super::value;
use crate::cli::{SecretCreateVersion, SecretPut};
use crate::failure::Failure;
use crate::setec::SecretsServer;
use crate::world::World;

/// What a failure of either is called.
const FAILING: &str = "failed to write secret";

/// The first version of a secret is active without more ado.
const FIRST: u32 = 1;

pub(super) fn put(server: &SecretsServer, args: &SecretPut, world: &World) -> Result<(), Failure> {
    // A setting that is of no use is told before anybody types a secret.
    server.client()?;
    let value = value::read(&args.value, world)?;
    let name = &args.name;
    let version = server.write(FAILING, async |client| client.put(name, value).await)?;
    let text = match args.json {
        true => as_json(name, version),
        false if version == FIRST => saved(name, version),
        false => format!(
            "{}  To activate this version, run 'secretary secret activate {} {version}'\n",
            saved(name, version),
            quoted(name)
        ),
    };
    world.print(text.as_bytes())
}

pub(super) fn create_version(
    server: &SecretsServer,
    args: &SecretCreateVersion,
    world: &World,
) -> Result<(), Failure> {
    server.client()?;
    let value = value::read(&args.value, world)?;
    let SecretCreateVersion { name, version, .. } = args;
    server.write(FAILING, async |client| client.create_version(name, *version, value).await)?;
    let text = if args.json { as_json(name, *version) } else { saved(name, *version) };
    world.print(text.as_bytes())
}

fn saved(name: &str, version: u32) -> String {
    format!("Secret saved as {}, version {version}\n", quoted(name))
}

fn as_json(name: &str, version: u32) -> String {
    format!("{}\n", json!({"Name": name, "Version": version}))
}
