//! The flags of `secretary agent`.

use clap::{Args, Subcommand};

/// `agent`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Agent {
    /// What is done instead of answering a request.
    #[command(subcommand)]
    pub command: Option<AgentCommand>,
}

/// What is done instead of answering a request.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Do what an agent does with a secret backend, before an agent is restarted
    Test(Box<AgentTest>),
    /// Copy this executable to where an agent may run it
    Install(AgentInstall),
}

/// `agent test`
#[derive(Debug, Args)]
pub struct AgentTest {}

/// `agent install`
#[derive(Debug, Args)]
pub struct AgentInstall {}
