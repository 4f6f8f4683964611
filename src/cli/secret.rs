//! What was typed for `secretary secret`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{CertificateFlags, SetecFlags, switch};

// `secret`
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    mut_arg("server", |server| server.short('s')),
    // So that they are taken behind the command, too.
    mut_args(|flag| flag.global(true)),
    after_long_help = "\
Examples:
  export SECRETARY_SERVER=https://secrets.example.com
  secretary secret put prod/db             asks for the value
  secretary secret activate prod/db 2
  secretary secret get prod/db
  secretary secret list --token-file /run/secrets/token"
)]
pub struct SecretArgs {
    /// What is done.
    #[command(subcommand)]
    pub command: SecretCommand,
    #[command(flatten)]
    pub server: SetecFlags,
    #[command(flatten)]
    pub certificate: CertificateFlags,
}

// What is done with the secrets of a server.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum SecretCommand {
    /// List the secrets that you may see, and their versions
    List {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Print which versions a secret has, and which one is active
    Info {
        /// Name of the secret
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the value of a secret
    ///
    /// Prints the bytes as they are; on a terminal a newline follows them.
    #[command(after_long_help = "\
Examples:
  export PGPASSWORD=\"$(secretary secret get prod/db)\"
  secretary secret get prod/tls-key -o /run/tls.key       replaced as a whole, mode 0600
  secretary secret get --if-changed --version 3 prod/db   fails while version 3 is the active one")]
    Get(SecretGet),
    /// Save a value as a new version of a secret
    ///
    /// The first version of a secret becomes active, a later one by `activate`. A value that the latest version
    /// has already makes no new one. Without --from-file the value is what is typed at a terminal, unseen and twice, or all of
    /// standard input.
    #[command(after_long_help = "\
Examples:
  secretary secret put prod/db
  openssl rand -base64 32 | secretary secret put --trim-space prod/db
  secretary secret put --from-file tls.key --verbatim prod/tls-key")]
    Put(SecretPut),
    /// Save a value as a version of this number, and make it active
    ///
    /// For who numbers versions by themselves. Numbers are not given twice: one that there is, or was, is refused.
    /// The value is read as `put` reads it.
    #[command(after_long_help = "\
Examples:
  secretary secret create-version --from-file key.pem --verbatim prod/signing-key 20261122")]
    CreateVersion(SecretCreateVersion),
    /// Make a version of a secret the active one
    Activate {
        /// Name of the secret
        name: String,
        /// Number of the version
        #[arg(value_parser = version)]
        version: u32,
    },
    /// Delete a version of a secret for good
    ///
    /// The active version is not deleted. Without TOKEN nothing is deleted: the token to confirm it with is printed, and
    /// is good for up to a minute.
    DeleteVersion {
        /// Name of the secret
        name: String,
        /// Number of the version
        #[arg(value_parser = version)]
        version: u32,
        /// The token that confirms it
        token: Option<String>,
    },
    /// Delete a secret with all its versions for good
    ///
    /// Without TOKEN nothing is deleted: the token to confirm it with is printed, and is good for up to a minute.
    Delete {
        /// Name of the secret
        name: String,
        /// The token that confirms it
        token: Option<String>,
    },
}

// `secret get`
#[derive(Debug, Args)]
pub struct SecretGet {
    /// Name of the secret
    pub name: String,
    /// Number of the version to get; 0 is the active one
    #[arg(long, value_name = "VERSION", value_parser = version_or_none, default_value = "0", hide_default_value = true)]
    pub version: u32,
    /// Get the active version, unless it is that of --version
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub if_changed: bool,
    /// Write to FILE instead, replaced as a whole and with mode 0600
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Print one JSON object, with the value as base64
    #[arg(long)]
    pub json: bool,
}

// `secret put`
#[derive(Debug, Args)]
pub struct SecretPut {
    /// Name of the secret
    pub name: String,
    #[command(flatten)]
    pub value: ValueFlags,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

// `secret create-version`
#[derive(Debug, Args)]
pub struct SecretCreateVersion {
    /// Name of the secret
    pub name: String,
    /// Number of the version
    #[arg(value_parser = version)]
    pub version: u32,
    #[command(flatten)]
    pub value: ValueFlags,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

// Where a value comes from, and what is kept of it.
#[derive(Debug, Default, Args)]
pub struct ValueFlags {
    /// Read the value from FILE
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub from_file: Option<PathBuf>,
    /// Take an empty value, too
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub empty_ok: bool,
    /// Keep white space around a text; wins over --trim-space
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub verbatim: bool,
    /// Leave out white space around a text
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub trim_space: bool,
}

/// A version that there may be.
fn version(text: &str) -> Result<u32, String> {
    let found = version_or_none(text).ok().filter(|version| *version > 0);
    found.ok_or(format!("it takes a number, 1 to {}", u32::MAX))
}

/// The same, or 0 for none. setec takes larger numbers, and asks for the version that their lower half is.
fn version_or_none(text: &str) -> Result<u32, String> {
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let found = digits.and_then(|text| text.parse().ok());
    found.ok_or(format!("it takes a number, 0 to {}", u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_that_a_version_can_have() {
        assert_eq!(version("1"), Ok(1));
        assert_eq!(version("4294967295"), Ok(u32::MAX));
        assert_eq!(version_or_none("0"), Ok(0));
        for text in ["", "x", "0", "-1", "+1", "1.0", "4294967296", "18446744073709551617"] {
            assert!(version(text).is_err(), "{text}");
            assert!(text == "0" || version_or_none(text).is_err(), "{text}");
        }
    }
}
