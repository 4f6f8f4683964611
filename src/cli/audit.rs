//! The flags of what reads audit logs.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

// `audit`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Audit {
    /// What is done with it.
    #[command(subcommand)]
    pub command: AuditCommand,
}

// What is done with an audit log.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum AuditCommand {
    /// Find changed, removed, added and moved lines
    ///
    /// Every line has the hash of the line before it, from one file to the next. Two things can't be
    /// seen in the files alone: lines missing at the end, and a whole log written anew. Keep the last
    /// line's hash elsewhere from time to time, and give it by --head.
    #[command(after_long_help = "\
Examples:
  secretary audit verify audit.log.1 audit.log    oldest first
  zcat audit.log-2026*.gz | secretary audit verify - audit.log
  secretary audit verify --head \"$(cat last-month)\" audit.log")]
    Verify(AuditVerify),
}

// `audit verify`
#[derive(Debug, Args)]
pub struct AuditVerify {
    /// Files of one log, the oldest first, or - for standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Vec<PathBuf>,
    /// Hash of a line that has to be there, as an earlier run printed it
    #[arg(long, value_name = "HASH")]
    pub head: Option<secretary_access::audit::LineHash>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
