//! The flags of `secretary agent`.

mod test;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};

use super::{OpenKeys, seconds, switch};

pub use test::AgentTest;

// `agent`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Agent {
    /// What is done instead of answering a request.
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
    #[command(flatten)]
    pub provider: AgentProvider,
}

// What is done instead of answering a request.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum AgentCommand {
    /// Do what an agent does with a secret backend, before an agent is restarted
    ///
    /// Judges the executable's rights, runs it once for each section of a configuration that has secrets, with the
    /// agent's request, limits, timeout and environment, and says what the agent would make of it, in its own words.
    /// Works with any executable. Values are not printed unless that is asked for.
    ///
    /// Leaves with 1 when the agent would not start, when it would do without a check, and when it has no
    /// executable for secrets that there are. Hints alone leave with 0.
    #[command(after_long_help = "\
Examples:
  secretary agent test --user stackstate-agent --config /etc/stackstate-agent
  secretary agent test --command ./backend --config conf.d/postgres.d/conf.yaml --configcheck
  secretary agent test --command ./backend --payload '{\"version\": \"1.0\", \"secrets\": [\"a\"]}'")]
    Test(Box<AgentTest>),
    /// Copy this executable to where an agent may run it
    ///
    /// An agent runs an executable only if it belongs to the agent's user and to nobody else. This makes such a copy,
    /// checks it as the agent does, and prints the setting for the agent's main configuration file. The copy is a program
    /// of its own: a newer secretary has to be installed again, with --force.
    #[command(after_long_help = "\
Examples:
  sudo secretary agent install
  sudo secretary agent install --user dd-agent --path /opt/secretary/db-secret-backend
  sudo secretary agent install --group secret-manager    for an agent in a container")]
    Install(AgentInstall),
}

// Where the secrets are that handles ask for. Each flag may be a line of a file, too.
#[derive(Clone, Debug, Args)]
pub struct AgentProvider {
    /// Settings in TOML: each flag here is a key there, with _ for - [default: $SECRETARY_AGENT_CONFIG, then
    /// /etc/secretary/agent.toml if there is one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Answer handles that are tokens
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", value_parser = switch, hide_possible_values = true, value_name = "BOOL")]
    pub tokens: bool,
    /// Answer plain names by what FILE, in TOML or YAML, says they stand for; may be repeated
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub names: Vec<PathBuf>,
    /// Answer file@PATH with files below DIR; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub file_root: Vec<PathBuf>,
    /// The most bytes of such a file
    #[arg(long, value_name = "BYTES", default_value_t = 8192)]
    pub file_max_size: usize,
    /// Answer k8s_secret@NAMESPACE/NAME/KEY as the service account of this pod
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub kubernetes: bool,
    /// Folder with the token and the ca.crt of that account
    #[arg(long, value_name = "DIR", default_value = secretary_agent::files::SERVICE_ACCOUNT, value_hint = ValueHint::DirPath)]
    pub service_account: PathBuf,
    /// Leave out line endings at the end of secrets
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", value_parser = switch, hide_default_value = true, hide_possible_values = true, value_name = "BOOL")]
    pub trim_newline: bool,
    /// Seconds for a request; an agent that sends its own secret_backend_timeout gets that less one [default: 4]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
    /// The most bytes of an answer, as the agent's secret_backend_output_max_size
    #[arg(long, value_name = "BYTES", default_value_t = secretary_agent::answer::MAX_ANSWER)]
    pub max_output: usize,
    // Last, as in `Decrypt`.
    #[command(flatten)]
    pub keys: OpenKeys,
}

// `agent install`
#[derive(Debug, Args)]
pub struct AgentInstall {
    /// The user that the agent runs as [default: stackstate-agent or dd-agent, on Windows stsagentuser or ddagentuser,
    /// whichever there is]
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Where to put the executable; a name that ends in -secret-backend or is secretary-agent needs no arguments
    /// [default: /usr/local/bin/secretary-agent, on Windows %ProgramFiles%\secretary\secretary-agent.exe]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub path: Option<PathBuf>,
    /// Let a group of the agent's user read and execute it, and root own it; the agent has to be set up for that
    #[cfg(unix)]
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}
