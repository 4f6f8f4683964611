//! Who may call, as it is set up.

use secretary_setec_server::identity::{Identities, SetupError, Source, TAILSCALED};

use crate::cli::{CallerFlags, IdentityKind};
use crate::failure::{Code, Failure};

/// Those who know callers, and the policy.
///
/// # Errors
///
/// When a file is of no use, or nobody could ever do anything.
pub(super) fn find(flags: &CallerFlags) -> Result<Identities, Failure> {
    let kinds = if flags.identity.is_empty() { set_up(flags) } else { flags.identity.clone() };
    let sources = kinds.iter().map(|kind| source(*kind, flags)).collect::<Result<Vec<_>, _>>()?;
    Identities::open(&sources, flags.policy.clone()).map_err(|error| of_setup(&error))
}

/// What there is something for. Of two the one that costs less is tried first.
fn set_up(flags: &CallerFlags) -> Vec<IdentityKind> {
    let kinds = [
        (IdentityKind::Token, flags.tokens.is_some()),
        (IdentityKind::Certificate, flags.client_ca_file.is_some()),
        (IdentityKind::Tailscale, flags.tailscale_socket.is_some()),
    ];
    kinds.into_iter().filter(|(_, is_set_up)| *is_set_up).map(|(kind, _)| kind).collect()
}

fn source(kind: IdentityKind, flags: &CallerFlags) -> Result<Source, Failure> {
    let missing = |flag: &str| {
        let message = format!("--identity has what needs {flag}, which is not given");
        Failure::new(Code::Configuration, message)
    };
    match kind {
        IdentityKind::Token => {
            flags.tokens.clone().map(Source::Tokens).ok_or_else(|| missing("--tokens"))
        }
        IdentityKind::Certificate if flags.client_ca_file.is_none() => {
            Err(missing("--client-ca-file"))
        }
        IdentityKind::Certificate => Ok(Source::Certificates),
        IdentityKind::Tailscale => {
            let socket = flags.tailscale_socket.clone();
            Ok(Source::Tailscale(socket.unwrap_or_else(|| TAILSCALED.into())))
        }
    }
}

fn of_setup(error: &SetupError) -> Failure {
    let failure = Failure::new(Code::Configuration, error.to_string());
    match error {
        SetupError::NoSource => failure.hint(
            "give --tokens, --client-ca-file, or --identity tailscale; `secretary server --dev` needs none",
        ),
        SetupError::NoPolicy => failure.hint("give --policy; `secretary help server` shows one"),
        _ => failure,
    }
}
