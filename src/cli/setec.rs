//! What was typed for a secrets server: whom to ask, and as whom.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::seconds;

// How a secrets server is asked. The certificate is not here: `decrypt` and `exec` have it for a daemon, too, and it says
// who they are to either.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "To ask a secrets server")]
pub struct SetecFlags {
    /// URL of a secrets server, one of setec's or ours [default: $SECRETARY_SERVER, then $SETEC_SERVER]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub server: Option<String>,
    /// File with the token that says who asks; a node of a tailnet needs none [default:
    /// $SECRETARY_TOKEN_FILE]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub token_file: Option<PathBuf>,
    /// Certificates to trust beside the system's [default: $SECRETARY_SERVER_CA]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub server_ca: Option<PathBuf>,
    /// Seconds for all that is asked of the secrets server, together [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub server_timeout: Option<Duration>,
}

// The certificate that says who asks.
#[derive(Clone, Debug, Default, Args)]
pub struct CertificateFlags {
    /// Certificate that says who asks [default: $SECRETARY_CLIENT_CERT]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_cert: Option<PathBuf>,
    /// Private key of that certificate [default: $SECRETARY_CLIENT_KEY]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub client_key: Option<PathBuf>,
}
