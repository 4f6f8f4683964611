//! The command line of the helpers in the agents' images.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

// `secret-helper`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct SecretHelper {
    /// Which of them.
    #[command(subcommand)]
    pub command: SecretHelperCommand,
}

// Which helper it is.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum SecretHelperCommand {
    /// Answer with files below a folder, and with Kubernetes secrets
    Read(SecretHelperRead),
    /// Answer as readsecret.py does
    #[command(hide = true)]
    Python {
        /// The folder
        root_folder: PathBuf,
    },
}

// `secret-helper read`
#[derive(Debug, Args)]
pub struct SecretHelperRead {
    /// Take file@PATH, by any path, and k8s_secret@NAMESPACE/NAME/KEY, besides names of files in DIR
    #[arg(long)]
    pub with_provider_prefixes: bool,
    /// Folder with the token and the ca.crt of the pod's service account
    #[arg(long, value_name = "DIR", default_value = secretary_agent::files::SERVICE_ACCOUNT, value_hint = ValueHint::DirPath)]
    pub service_account: PathBuf,
    /// The folder with the secrets [default: the working directory]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}
