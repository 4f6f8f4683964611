//! The flags of what makes keys, encrypts and decrypts.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};

use super::{AskFlags, SetecFlags, seconds, switch};
use crate::format::Format;

// `genkeys`
#[derive(Debug, Args)]
pub struct Genkeys {
    /// Names of the pairs
    #[arg(default_values = ["master", "config"])]
    pub name: Vec<String>,
    /// Folder to write to; made if it is not there
    #[arg(long, value_name = "DIR", default_value = crate::keys::FOLDER, value_hint = ValueHint::DirPath)]
    pub path: PathBuf,
    /// Replace existing key files: tokens sealed with them can't be opened any more
    #[arg(long)]
    pub force: bool,
    /// Print NAME_PUBLIC_KEY= and NAME_PRIVATE_KEY= lines instead of writing files
    #[arg(long, conflicts_with_all = ["path", "force"])]
    pub print: bool,
}

// `encrypt`
#[derive(Debug, Args)]
pub struct Encrypt {
    #[command(flatten)]
    pub keys: SealKeys,
    /// Fold the token into lines of 64 characters
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub wrap: bool,
    /// Leave out one line ending at the end of the secret
    #[arg(long)]
    pub trim: bool,
    /// Encrypt each line by itself, without its line ending, into a token on a line
    #[arg(long, conflicts_with_all = ["wrap", "trim"])]
    pub lines: bool,
    /// Ask AWS KMS for one data key for all lines, instead of one for each
    #[arg(long, requires = "lines")]
    pub share_data_key: bool,
    /// Catches a secret given as an argument, so that it is refused without being repeated
    #[arg(hide = true)]
    pub refused: Vec<OsString>,
}

// The keys that seal.
#[derive(Debug, Default, Args)]
pub struct SealKeys {
    /// Variable or file with the public key to encrypt to [default: $PUBLIC_KEY, then
    /// ./keys/master-public-key.pem]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub public_key: Option<OsString>,
    /// Variable or file with the private key to encrypt with [default: $PRIVATE_KEY, then
    /// ./keys/config-private-key.pem]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub private_key: Option<OsString>,
    /// Encrypt with this AWS KMS key instead, an id, ARN or alias/NAME [default: $KMS_KEY_ID]
    #[arg(long, value_name = "KEY")]
    pub kms_key_id: Option<String>,
    #[command(flatten)]
    pub kms: KmsFlags,
}

// How AWS KMS is asked.
#[derive(Clone, Debug, Default, Args)]
pub struct KmsFlags {
    /// Pair that AWS KMS tokens are bound to, the same when they are encrypted and decrypted and no
    /// secret; may be repeated [default: $KMS_CONTEXT, as A=1,B=2]
    #[arg(long, value_name = "KEY=VALUE")]
    pub kms_context: Vec<String>,
    /// Seconds for everything that is asked of AWS, together [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub kms_timeout: Option<Duration>,
}

// `decrypt`
#[derive(Debug, Args)]
pub struct Decrypt {
    /// File to decrypt, or - for standard input [default: -]
    #[arg(conflicts_with = "env_file", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Write to FILE instead, replaced as a whole and with mode 0600
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Decrypt environment variables and print those that held tokens
    #[arg(short = 'e', long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub decrypt_env: bool,
    /// Read variables from FILE, a dotenv or systemd EnvironmentFile, instead of the environment;
    /// implies -e
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,
    /// How to print the variables
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Sh)]
    pub format: Format,
    /// With --format json: print every value as base64, so that any bytes can be expressed
    #[arg(long)]
    pub base64: bool,
    // Last, because the heading of what is asked of a daemon would go on above whatever follows.
    #[command(flatten)]
    pub keys: OpenKeys,
}

impl Decrypt {
    /// The file to write to, if it is not standard output.
    pub fn output_file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| path.as_os_str() != "-")
    }

    /// Whether variables are decrypted, and not a file.
    pub fn is_of_variables(&self) -> bool {
        self.decrypt_env || self.env_file.is_some()
    }
}

// `exec`
#[derive(Debug, Args)]
pub struct Exec {
    /// Add the variables in FILE, a dotenv or systemd EnvironmentFile, to the environment
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub env_file: Option<PathBuf>,
    /// Pass on the variables that hold keys
    #[arg(long)]
    pub keep_keys: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
    // Last, as in `Decrypt`.
    #[command(flatten)]
    pub keys: OpenKeys,
}

// The keys that open, here or at a daemon.
#[derive(Clone, Debug, Default, Args)]
pub struct OpenKeys {
    /// Variable or file with the private key to decrypt with, or to ask a daemon with [default:
    /// $DEPLOY_PRIVATE_KEY, then ./keys/master-private-key.pem]
    #[arg(long, visible_alias = "deploy-key", overrides_with = "private_key", value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub private_key: Option<OsString>,
    /// Variable or file with the public key of who encrypted [default: $CONFIG_PUBLIC_KEY, then
    /// ./keys/config-public-key.pem]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub config_key: Option<OsString>,
    /// The AWS KMS key that has to have encrypted, an id, ARN or alias/NAME [default: any]
    #[arg(long, value_name = "KEY")]
    pub kms_key_id: Option<String>,
    #[command(flatten)]
    pub kms: KmsFlags,
    #[command(flatten)]
    pub daemon: AskFlags,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub setec: SetecFlags,
}

impl OpenKeys {
    /// What the flags for keys name: variables, or files.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        let Self { private_key, config_key, daemon, .. } = self;
        let flags = [private_key, config_key, &daemon.master_key, &daemon.service_key];
        flags.into_iter().filter_map(|flag| flag.as_deref())
    }
}
