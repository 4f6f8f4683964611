//! The flags of `secretary server`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use secretary_setec_server::Action;

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
pub enum ServerCommand {
    /// Look into a policy
    Policy(ServerPolicy),
    /// Make a token for a caller
    ///
    /// Prints the token once, for who is to use it, and what the file of --tokens needs of it: a hash. With --append the
    /// file gets that at once, and the server knows it after SIGHUP.
    #[command(after_long_help = "\
Examples:
  secretary server token ci --append /etc/secretary/tokens.toml > ci.token
  secretary server token ci --expires 2027-01-01T00:00:00Z 2>> tokens.toml

Two entries may have one name: hand the new token out before you remove the old one's entry.")]
    Token(ServerToken),
}

// `server policy`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct ServerPolicy {
    /// What is done.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

// What is done with a policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Say whether somebody may do something, and why
    ///
    /// Leaves with 0 if they may and with 1 if not. Nobody is asked: who is in a tailnet may do more by that one's own
    /// policy.
    #[command(
        // clap would put it into one line, which is too long.
        override_usage = "\
secretary server policy test [OPTIONS] --policy <FILE> --principal <KIND:NAME> \\
           --action <ACTION> --secret <NAME>",
        after_long_help = "\
Examples:
  secretary server policy test --policy policy.toml --principal token:ci \\
      --action get --secret prod/db
  secretary server policy test --policy policy.toml --principal tag:web --principal tag:prod \\
      --action put --secret prod/db --json

Principals: tag:NAME, user:LOGIN, token:NAME, uri:URI, dns:NAME, email:ADDRESS"
    )]
    Test(PolicyTest),
}

// `server policy test`
#[derive(Debug, Args)]
pub struct PolicyTest {
    /// The policy: grants in TOML or JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub policy: PathBuf,
    /// Who calls; more than once for who has several names
    #[arg(long, value_name = "KIND:NAME", required = true)]
    pub principal: Vec<String>,
    /// What they do
    #[arg(long, value_name = "ACTION", value_parser = action_names())]
    pub action: String,
    /// Name of the secret
    #[arg(long, value_name = "NAME")]
    pub secret: String,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

// `server token`
#[derive(Debug, Args)]
pub struct ServerToken {
    /// Its name, which a policy has as token:NAME
    pub name: String,
    /// Until when it is good [default: for ever]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// File of tokens that gets its entry; made if it is not there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub append: Option<PathBuf>,
}

fn action_names() -> PossibleValuesParser {
    PossibleValuesParser::new(Action::ALL.map(Action::as_str))
}

// How a server serves. Each flag may be a variable, or a line of a file, too.
#[derive(Clone, Debug, Args)]
pub struct ServerFlags {
    /// Try it out: everybody on this machine may do everything, and nothing outlasts the process; calls are written
    /// down on standard error
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
