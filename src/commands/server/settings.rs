//! Flags, variables and a file give the same settings: what is typed counts, then `SECRETARY_SERVER_*`, then setec's own
//! variables, then the file.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, Command, Parser};

use crate::cli::{self, Cli, ServerFlags};
use crate::environ::Environ;
use crate::failure::{Code, Failure, shown};
use crate::settings::{Known, text_of};
use crate::world::{World, note};

const PREFIX: &str = "SECRETARY_SERVER_";
const CONFIG: &str = "SECRETARY_SERVER_CONFIG";
const DEFAULT_FILE: &str = "/etc/secretary/server.toml";

/// The most bytes of such a file.
const MAX_FILE: usize = 1024 * 1024;

/// Flags of which only one can be.
const KEKS: [&str; 3] = ["key-file", "master-key", "kms-key-id"];

/// setec's variables with a meaning here, and their flags.
const OF_SETEC: [(&str, &str); 3] = [
    ("SETEC_DIR", "state-dir"),
    ("SETEC_STATE_DIR", "state-dir"),
    ("SETEC_KMS_KEY_NAME", "kms-key-id"),
];

/// Those without one, and what is so instead.
const NOT_OF_SETEC: [(&str, &str); 5] = [
    ("SETEC_HOSTNAME", "this machine's tailscaled has the name"),
    ("SETEC_LOGIN_SERVER", "this machine's tailscaled has logged in"),
    ("SETEC_BACKUP_BUCKET", "this server makes NO backups to S3"),
    ("SETEC_BACKUP_BUCKET_REGION", "this server makes NO backups to S3"),
    ("SETEC_BACKUP_ROLE", "this server makes NO backups to S3"),
];

/// The flags as all of them together say.
///
/// # Errors
///
/// When a file is named that is not there, or a place has something in it that is no setting.
pub(super) fn find(typed: &ServerFlags, world: &World) -> Result<ServerFlags, Failure> {
    if typed.dev {
        return Ok(typed.clone());
    }
    let known = ServerFlags::augment_args(Command::new("server"));
    let known = Known::new(known, &["config", "dev"], "secretary server");
    let (program, rest) = world.args.split_at(world.args.len().min(2));
    let [own, of_setec] = of_variables(&known, &world.environ)?;
    let lower = [own, of_setec, of_file(typed, &known, &world.environ)?];
    let mut said: BTreeSet<String> = known.typed(rest).iter().map(|long| what(long)).collect();
    let mut flags = Vec::new();
    for layer in lower {
        let here: Vec<_> =
            layer.into_iter().filter(|flag| !said.contains(&what(&long_of(flag)))).collect();
        of_one_kind(&here)?;
        said.extend(here.iter().map(|flag| what(&long_of(flag))));
        flags.extend(here);
    }
    if flags.is_empty() {
        return Ok(typed.clone());
    }
    let args = program.iter().cloned().chain(flags).chain(rest.iter().cloned());
    match Cli::try_parse_from(args) {
        Ok(Cli { command: cli::Command::Server(server) }) => Ok(server.flags),
        _ => Err(known.do_not_go_together("settings")),
    }
}

/// The name of a flag with its value.
fn long_of(flag: &OsStr) -> String {
    let flag = flag.to_string_lossy();
    let name = flag.split_once('=').map_or(&*flag, |(name, _)| name);
    name.trim_start_matches('-').to_string()
}

/// What a flag settles. There is one key-encryption key, whatever its kind.
fn what(long: &str) -> String {
    if KEKS.contains(&long) { "key-encryption key".to_string() } else { long.to_string() }
}

/// Whether a place names one key-encryption key, and not two.
fn of_one_kind(flags: &[OsString]) -> Result<(), Failure> {
    let longs: BTreeSet<_> = flags.iter().map(|flag| long_of(flag)).collect();
    let keks: Vec<_> = longs.iter().filter(|long| KEKS.contains(&long.as_str())).collect();
    match keks[..] {
        [first, second, ..] => {
            let message = format!("{first} and {second} are both set, and exclude each other");
            Err(Failure::new(Code::Configuration, message).hint(
                "there is one key-encryption key; they stand in the same place, variables or file",
            ))
        }
        _ => Ok(()),
    }
}

fn of_file(
    typed: &ServerFlags,
    known: &Known,
    environ: &Environ,
) -> Result<Vec<OsString>, Failure> {
    let variable = || environ.get(CONFIG).filter(|name| !name.is_empty()).map(PathBuf::from);
    let named = typed.config.clone().or_else(variable);
    let path = named.clone().unwrap_or_else(|| Path::new(DEFAULT_FILE).to_path_buf());
    match text_of(&path, MAX_FILE) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            Ok(Vec::new())
        }
        Err(error) => Err(Failure::io("read", &shown(&path), &error)),
        Ok(text) => known.of_file(&text, &path),
    }
}

/// Our own variables, and setec's.
fn of_variables(known: &Known, environ: &Environ) -> Result<[Vec<OsString>; 2], Failure> {
    let set = |name: &str| environ.get(name).filter(|value| !value.is_empty());
    let (mut own, mut of_setec) = (Vec::new(), Vec::new());
    for (variable, long) in OF_SETEC {
        if let Some(value) = set(variable) {
            of_setec.extend(known.of_variable(long, variable, value)?);
        }
    }
    for (variable, instead) in NOT_OF_SETEC {
        if set(variable).is_some() {
            note(&format!("${variable} has no meaning here: {instead}"));
        }
    }
    for long in known.names() {
        let variable = format!("{PREFIX}{}", long.replace('-', "_").to_uppercase());
        if let Some(value) = set(&variable) {
            own.extend(known.of_variable(long, &variable, value)?);
        }
    }
    Ok([own, of_setec])
}
