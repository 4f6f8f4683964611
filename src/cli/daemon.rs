//! What was typed for a daemon: to ask one, and to be one.

use std::ffi::OsString;
#[cfg(feature = "daemon")]
use std::net::{IpAddr, SocketAddr};
#[cfg(feature = "daemon")]
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

#[cfg(feature = "daemon")]
use super::{KmsFlags, count};
use super::{seconds, switch};

// How a daemon is asked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "To have a daemon decrypt")]
pub struct AskFlags {
    /// URL of a daemon that decrypts, instead of this program [default: $SECRETARY_URL]
    #[arg(short, long, value_name = "URL", value_hint = ValueHint::Url)]
    pub secretary_url: Option<String>,
    /// Variable or file with the public key of the daemon [default: $MASTER_PUBLIC_KEY, then
    /// ./keys/master-public-key.pem]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub master_key: Option<OsString>,
    /// Variable or file with a second private key, of the image or the node [default:
    /// $SERVICE_PRIVATE_KEY]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub service_key: Option<OsString>,
    /// Marathon app that this is a task of [default: $MARATHON_APP_ID]
    #[arg(long, value_name = "ID")]
    pub app_id: Option<String>,
    /// Version of the app, a time [default: $MARATHON_APP_VERSION]
    #[arg(long, value_name = "TIME")]
    pub app_version: Option<String>,
    /// Mesos task that this is [default: $MESOS_TASK_ID]
    #[arg(long, value_name = "ID")]
    pub task_id: Option<String>,
    /// Certificates to trust beside the system's [default: $SECRETARY_CA_FILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ca_file: Option<PathBuf>,
    /// Certificate to show to a daemon, or what is before it, that asks for one [default:
    /// $SECRETARY_CLIENT_CERT]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_cert: Option<PathBuf>,
    /// Private key of that certificate [default: $SECRETARY_CLIENT_KEY]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_key: Option<PathBuf>,
    /// Refuse to ask over plain http:// other than on this machine [default: $SECRETARY_REQUIRE_TLS]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch, hide_possible_values = true, value_name = "BOOL")]
    pub require_tls: Option<bool>,
    /// Refuse answers that are not bound to their request, as those of older daemons are not [default:
    /// $SECRETARY_REQUIRE_BOUND_ANSWERS]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = switch, hide_possible_values = true, value_name = "BOOL")]
    pub require_bound_answers: Option<bool>,
    /// Seconds until there is a connection [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub connect_timeout: Option<Duration>,
    /// Seconds for all that is asked of the daemon, together [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
}

// `daemon`
#[cfg(feature = "daemon")]
#[derive(Debug, Args)]
pub struct Daemon {
    /// Address to listen on
    #[arg(short, long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub ip: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, value_name = "PORT", default_value_t = 5070)]
    pub port: u16,
    /// Write the port to FILE when it is listened on
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub port_file: Option<PathBuf>,
    /// Certificates to show, the daemon's own first; plain HTTP without [default: $TLS_CERT_FILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_cert_file: Option<PathBuf>,
    /// Private key of the certificate [default: $TLS_KEY_FILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub tls_key_file: Option<PathBuf>,
    /// Variable or file with a master private key; the first is the current one, and each further one opens
    /// tokens and requests from before it was replaced [default: $MASTER_PRIVATE_KEY, then
    /// ./keys/master-private-key.pem]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub master_key: Vec<OsString>,
    /// Variable or file with the public key of who encrypted; only AWS KMS decrypts without [default:
    /// $CONFIG_PUBLIC_KEY, then ./keys/config-public-key.pem]
    #[arg(long, value_name = "NAME|FILE", allow_hyphen_values = true, value_hint = ValueHint::FilePath)]
    pub config_key: Option<OsString>,
    /// The AWS KMS key that has to have encrypted, an id, ARN or alias/NAME [default: any]
    #[arg(long, value_name = "KEY")]
    pub kms_key_id: Option<String>,
    #[command(flatten)]
    pub kms: KmsFlags,
    /// File that each decision is written to before it is answered; standard error, without a sync, if it is
    /// not given [default: $SECRETARY_AUDIT_LOG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub audit_log: Option<PathBuf>,
    /// Address and port for /metrics and /healthz [default: none]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub admin_listen: Option<SocketAddr>,
    // Last, because their headings would go on above whatever follows.
    #[command(flatten)]
    pub cluster: ClusterFlags,
    #[command(flatten)]
    pub limits: LimitFlags,
}

// Who is asked about workloads.
#[cfg(feature = "daemon")]
#[derive(Debug, Args)]
#[allow(rustdoc::bare_urls, reason = "it is the text of the help")]
#[command(next_help_heading = "Who knows workloads")]
pub struct ClusterFlags {
    /// File with workloads, TOML or .json; the cluster is asked about others only if it is set up, too [default:
    /// $SECRETARY_WORKLOADS]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub workloads: Option<PathBuf>,
    /// URL of Marathon, or several of one cluster with commas between them; empty for none [default:
    /// $MARATHON_URL, then http://marathon.mesos:8080]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub marathon_url: Option<String>,
    /// URL of the leading Mesos master, or of all masters; empty for none [default: $MESOS_LEADER_URL,
    /// then http://leader.mesos:5050]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub mesos_leader_url: Option<String>,
    /// File with `basic USER:PASSWORD` or `bearer TOKEN` for Marathon
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub marathon_auth: Option<PathBuf>,
    /// The same for Mesos
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub mesos_auth: Option<PathBuf>,
    /// Certificates to trust beside the system's, for both
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub upstream_ca: Option<PathBuf>,
    /// Seconds for one question to either [default: 5]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub upstream_timeout: Option<Duration>,
    /// Refuse Mesos tasks without the label ALLOWED_SECRETS_SHA256
    #[arg(long)]
    pub mesos_require_token_list: bool,
}

// How much is served.
#[cfg(feature = "daemon")]
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitFlags {
    /// Refuse requests that do not say when they were made, as those of older clients do not
    #[arg(long)]
    pub require_fresh: bool,
    /// Secrets a second that one app may ask for; it may ask for twenty seconds' worth at once
    #[arg(long, value_name = "N", default_value = "200", value_parser = count)]
    pub rate_limit: NonZeroU32,
    /// Connections at once; one more takes the place of the oldest on which there is no whole request yet
    #[arg(long, value_name = "N", default_value = "16384", value_parser = count)]
    pub max_connections: NonZeroU32,
}
