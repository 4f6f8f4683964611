//! `list` and `info`: names and versions, without values.

use secretary_setec_client::SecretInfo;

use crate::failure::{Failure, printable};
use crate::setec::SecretsServer;
use crate::world::World;

/// Where the values begin beside the labels of `info`: a space behind the longest, `Active version:`.
const LABEL_WIDTH: usize = 16;

pub(super) fn list(server: &SecretsServer, json: bool, world: &World) -> Result<(), Failure> {
    let secrets = server.read("failed to list secrets", async |client| client.list().await)?;
    let text = match json {
        true => {
            let secrets: Vec<_> = secrets.iter().map(SecretInfo::encode).collect();
            format!("[{}]\n", secrets.join(","))
        }
        false => table(&secrets, world.stdout_is_terminal()),
    };
    world.print(text.as_bytes())
}

pub(super) fn info(
    server: &SecretsServer,
    name: &str,
    json: bool,
    world: &World,
) -> Result<(), Failure> {
    let info = server.read("failed to get secret info", async |client| client.info(name).await)?;
    let text = match json {
        true => format!("{}\n", info.encode()),
        false => described(&info, world.stdout_is_terminal()),
    };
    world.print(text.as_bytes())
}

/// A line for each secret, below a line with what the columns are. A column is as wide as its widest cell and a space.
fn table(secrets: &[SecretInfo], on_terminal: bool) -> String {
    let heading = ["NAME", "ACTIVE", "VERSIONS"].map(String::from);
    let rows = secrets.iter().map(|info| {
        let versions = joined(&info.versions, ",");
        [name(&info.name, on_terminal), info.active_version.to_string(), versions]
    });
    let rows: Vec<_> = [heading].into_iter().chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let [first, second] = [0, 1].map(|column| width(column).unwrap_or(0) + 1);
    rows.iter()
        .map(|[name, active, versions]| format!("{name:first$}{active:second$}{versions}\n"))
        .collect()
}

fn described(info: &SecretInfo, on_terminal: bool) -> String {
    let lines = [
        ("Name:", name(&info.name, on_terminal)),
        ("Active version:", info.active_version.to_string()),
        ("Versions:", joined(&info.versions, ", ")),
    ];
    lines.iter().map(|(label, value)| format!("{label:LABEL_WIDTH$}{value}\n")).collect()
}

/// Whoever may save secrets chooses their names, and a terminal would do what is in them.
fn name(name: &str, on_terminal: bool) -> String {
    if on_terminal { printable(name) } else { name.to_string() }
}

fn joined(versions: &[u32], between: &str) -> String {
    versions.iter().map(u32::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, versions: &[u32]) -> SecretInfo {
        let active_version = versions[0];
        SecretInfo { name: name.to_string(), versions: versions.to_vec(), active_version }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_in_characters() {
        assert_eq!(table(&[], false), "NAME ACTIVE VERSIONS\n");
        let secrets = [info("a", &[1]), info("prod/äöü", &[4294967295, 7, 10])];
        let expected = "\
NAME     ACTIVE     VERSIONS
a        1          1
prod/äöü 4294967295 4294967295,7,10
";
        assert_eq!(table(&secrets, true), expected);
    }

    #[test]
    fn values_stand_below_each_other() {
        let expected = "\
Name:           prod/db
Active version: 1
Versions:       1, 2, 5
";
        assert_eq!(described(&info("prod/db", &[1, 2, 5]), false), expected);
    }

    #[test]
    fn a_name_does_nothing_to_a_terminal() {
        let secret = info("a\x1b[2J\nb", &[1]);
        assert!(described(&secret, true).starts_with("Name:           a\\u{1b}[2J\\nb\n"));
        assert!(described(&secret, false).starts_with("Name:           a\x1b[2J\nb\n"));
        assert!(table(&[secret], true).contains("\na\\u{1b}[2J\\nb 1      1\n"));
    }
}
