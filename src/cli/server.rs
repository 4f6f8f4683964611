//! The flags of `secretary server`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::{KmsFlags, count, switch};

// `server`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Server {
    /// What is done instead of serving.
    #[command(subcommand)]
    pub command: Option<ServerCommand>,
    #[command(flatten)]
    pub flags: ServerFlags,
}

// What is done instead of serving.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum ServerCommand {}

// How a server serves. Each flag may be a variable, or a line of a file, too.
#[derive(Clone, Debug, Args)]
pub struct ServerFlags {
    /// Try it out: everybody on this machine may do everything, and nothing outlasts the process
    #[arg(long, conflicts_with_all = ["config", "state_dir", "master_key", "key_file", "kms_key_id", "identity", "policy", "tokens", "client_ca_file"])]
    pub dev: bool,
    /// Settings in TOML: each flag here is a key there, with _ for - [default: $SECRETARY_SERVER_CONFIG, then
    /// /etc/secretary/server.toml if there is one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Folder with the store and the audit log; made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
    /// Address and port to listen on [default: 0.0.0.0:8443, with --dev 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address and port for /metrics and /healthz, plain HTTP; not for everybody
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin_listen: Option<SocketAddr>,
    /// Write the port to FILE, for --listen with port 0
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub port_file: Option<PathBuf>,
    /// Certificate, and those that lead from it to a trusted one, in PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_cert_file: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_key_file: Option<PathBuf>,
    /// Where calls are written down [default: audit.log in --state-dir]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub audit_log: Option<PathBuf>,
    /// Connections at once; one more takes the place of the oldest on which there is no whole request yet
    #[arg(long, value_name = "N", default_value = "16384", value_parser = count)]
    pub max_connections: NonZeroU32,
    /// Take any name for new secrets, also with control characters or more than 1024 bytes
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub any_name: bool,
    #[command(flatten)]
    pub callers: CallerFlags,
    #[command(flatten)]
    pub key: KekFlags,
}

// Who may call, and what they may do.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Callers")]
pub struct CallerFlags {
    /// How callers are known, in the order in which that is tried, with commas between [default: all that are set up]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub identity: Vec<IdentityKind>,
    /// What they may do: grants in TOML or JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: Option<PathBuf>,
    /// Tokens' hashes, as `secretary server token` prints them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tokens: Option<PathBuf>,
    /// Who signs callers' certificates, in PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_ca_file: Option<PathBuf>,
    /// Socket of this machine's tailscaled [default: /var/run/tailscale/tailscaled.sock]
    #[arg(long, value_name = "SOCKET", value_hint = ValueHint::FilePath)]
    pub tailscale_socket: Option<PathBuf>,
}

/// How callers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum IdentityKind {
    /// By their address in a tailnet, whose tailscaled is asked at each call
    Tailscale,
    /// By a certificate of one of --client-ca-file
    Certificate,
    /// By a token of --tokens
    Token,
}

// The key-encryption key: what the store's own keys are wrapped by.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Key-encryption key, one of")]
pub struct KekFlags {
    /// File with 32 random bytes as base64, as `openssl rand -base64 32` prints them
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["master_key", "kms_key_id"])]
    pub key_file: Option<PathBuf>,
    /// Variable or file with the private key of a NaCl pair
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath, conflicts_with = "kms_key_id")]
    pub master_key: Option<OsString>,
    /// AWS KMS key, an id, ARN or alias/NAME
    #[arg(long, value_name = "KEY")]
    pub kms_key_id: Option<String>,
    #[command(flatten)]
    pub kms: KmsFlags,
}
