//! The flags of `secretary agent test`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};
use secretary_agent::tester::{payload, rights};

// `agent test`
#[derive(Debug, Args)]
pub struct AgentTest {
    /// The executable [default: secret_backend_command of the configuration]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub command: Option<OsString>,
    /// An argument of the executable; may be repeated [default: secret_backend_arguments]
    #[arg(long = "arg", value_name = "ARG", allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
    /// The user an agent runs as. Everything is judged and done as that user, which takes root unless
    /// it is the one that calls
    #[cfg_attr(
        windows,
        arg(
            help = "The user an agent runs as. Rights are judged as that user's; the rest is done as who calls"
        )
    )]
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Username)]
    pub user: Option<String>,
    /// An agent's folder, a folder like its conf.d, or a file; may be repeated
    #[arg(long, num_args = 1.., value_name = "DIR|FILE", value_hint = ValueHint::AnyPath)]
    pub config: Vec<PathBuf>,
    /// Seconds for each process [default: secret_backend_timeout, or 30]
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Bytes that each process may write to each stream [default: secret_backend_output_max_size, or
    /// 1048576]
    #[arg(long, value_name = "BYTES")]
    pub max_size: Option<usize>,
    /// Let a group of the user read and execute it [default:
    /// secret_backend_command_allow_group_exec_perm, or false]
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = crate::cli::switch, hide_possible_values = true, value_name = "BOOL")]
    pub allow_group_exec: Option<bool>,
    /// Whose rules the executable's rights are judged by: of the StackState agent, or of the Datadog agent
    /// of today. All else is judged as the StackState agent does, for whom one bad secret drops its section's
    /// whole configuration
    #[arg(long, value_enum, value_name = "AGENT", default_value_t = Rules::Fork)]
    pub rules: Rules,
    /// The request's version
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = PayloadVersion::V1_0)]
    pub payload_version: PayloadVersion,
    /// Seconds to wait for what the executable has started and left behind; an agent waits for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub patience: u64,
    /// Send this one request as it is, and print what comes back, secrets and all
    #[arg(long, value_name = "JSON", conflicts_with_all = ["config", "configcheck", "json"], requires = "command")]
    pub payload: Option<String>,
    /// Print each configuration with its secrets resolved and masked
    #[arg(long)]
    pub configcheck: bool,
    /// Print them as they are
    #[arg(long, requires = "configcheck")]
    pub show_secrets: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Whose rules the executable's rights are judged by.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Rules {
    /// The StackState agent, and the Datadog agent of 2021
    Fork,
    /// The Datadog agent of today
    Today,
}

impl From<Rules> for rights::Rules {
    fn from(rules: Rules) -> Self {
        match rules {
            Rules::Fork => Self::Fork,
            Rules::Today => Self::Today,
        }
    }
}

/// The version of a request.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PayloadVersion {
    /// What the StackState agent sends
    #[value(name = "1.0")]
    V1_0,
    /// What the Datadog agent of today sends
    #[value(name = "1.1")]
    V1_1,
}

impl From<PayloadVersion> for payload::Version {
    fn from(version: PayloadVersion) -> Self {
        match version {
            PayloadVersion::V1_0 => Self::V1_0,
            PayloadVersion::V1_1 => Self::V1_1,
        }
    }
}
