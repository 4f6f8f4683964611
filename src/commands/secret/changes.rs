//! `activate`, `delete-version` and `delete`: silent when they are done.

use std::time::SystemTime;

use super::confirmation::Confirmation;
use super::quoted::quoted;
use crate::failure::Failure;
use crate::setec::SecretsServer;

pub(super) fn activate(server: &SecretsServer, name: &str, version: u32) -> Result<(), Failure> {
    server
        .write("failed to set active version", async |client| client.activate(name, version).await)
}

pub(super) fn delete_version(
    server: &SecretsServer,
    name: &str,
    version: u32,
    token: Option<&str>,
) -> Result<(), Failure> {
    confirm(&format!("delete-version:{name}:{version}"), token)?;
    let failing = format!("failed to delete secret {} version {version}", quoted(name));
    server.write(&failing, async |client| client.delete_version(name, version).await)
}

pub(super) fn delete(
    server: &SecretsServer,
    name: &str,
    token: Option<&str>,
) -> Result<(), Failure> {
    confirm(&format!("delete-secret:{name}"), token)?;
    let failing = format!("failed to delete secret {}", quoted(name));
    server.write(&failing, async |client| client.delete(name).await)
}

/// setec takes an empty token for none.
fn confirm(request: &str, token: Option<&str>) -> Result<(), Failure> {
    let token = token.filter(|token| !token.is_empty());
    Confirmation::new(request, SystemTime::now()).check(token)
}
