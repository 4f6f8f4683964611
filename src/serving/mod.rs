//! What servers have in common: addresses, limits, signals, and the end of their audit logs.

mod advice;
mod signals;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secretary_access::audit::{AuditLog, Reopened};
use secretary_serve::{Clients, Limits, Listener, Tls};
use secretary_transport::tls::Identity;

use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::output::{Existing, write_file};
use crate::world::note;

pub(crate) use advice::{of_log, of_tls};
pub(crate) use signals::{Signals, Wanted};

/// Descriptors for files, and for whoever is asked.
const OTHER_DESCRIPTORS: u64 = 128;

/// How long the audit log may take to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens on `address`.
pub(crate) async fn bind(address: SocketAddr) -> Result<Listener, Failure> {
    let listener = Listener::bind(address).await;
    listener.map_err(|error| advice::of_listening(address, &error))
}

/// As many connections as are wanted, and leave descriptors for everything else.
pub(crate) fn limits(wanted: NonZeroU32, descriptors: u64) -> Limits {
    let most = descriptors.saturating_sub(OTHER_DESCRIPTORS).max(1);
    let wanted = u64::from(wanted.get());
    if wanted > most {
        note(&format!(
            "--max-connections is {most}, because this process may have {descriptors} descriptors"
        ));
    }
    let connections = usize::try_from(wanted.min(most)).unwrap_or(usize::MAX);
    Limits { connections }
}

/// The certificate to show, if one is named.
pub(crate) fn tls(
    certificates: Option<PathBuf>,
    key: Option<PathBuf>,
    clients: Option<Clients>,
) -> Result<Option<Arc<Tls>>, Failure> {
    match (certificates, key) {
        (Some(certificates), Some(key)) => {
            let tls = Tls::new(Identity { certificates, key }, clients);
            let tls = tls.map_err(|error| of_tls(&error))?;
            Ok(Some(Arc::new(tls)))
        }
        (None, None) if clients.is_some() => {
            let message = "callers show certificates over TLS alone, and there is no certificate to be shown to them";
            Err(Failure::new(Code::Configuration, message)
                .hint("give --tls-cert-file and --tls-key-file with --client-ca-file"))
        }
        (None, None) => Ok(None),
        (certificates, _) => {
            let [given, missing] = ["--tls-cert-file", "--tls-key-file"];
            let [given, missing] =
                if certificates.is_some() { [given, missing] } else { [missing, given] };
            let message = format!("{given} is given and {missing} is not");
            Err(Failure::new(Code::Configuration, message)
                .hint("give both, or neither for plain HTTP"))
        }
    }
}

/// A file named by a flag, or else by a variable that is not empty.
pub(crate) fn file(flag: Option<&PathBuf>, variable: &str, environ: &Environ) -> Option<PathBuf> {
    let file = flag.cloned().or_else(|| environ.get(variable).map(PathBuf::from));
    file.filter(|file| !file.as_os_str().is_empty())
}

/// Writes the port to a file, for who let the system choose it.
pub(crate) fn write_port(file: Option<&Path>, address: SocketAddr) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let port = format!("{}\n", address.port());
    write_file(file, 0o644, Existing::Replace, |out| {
        std::io::Write::write_all(out, port.as_bytes())
    })
}

/// Goes on in a new file if the old one was renamed.
pub(crate) fn reopen(log: &AuditLog, meanwhile: &str) {
    match log.reopen() {
        Ok(Reopened::Unchanged) => {}
        Ok(Reopened::NewFile) => note("the audit log goes on in a new file"),
        Ok(Reopened::Recovered) => note("the audit log is written again"),
        Err(error) => note(&format!("{}; {meanwhile}", of_log(&error).message())),
    }
}

/// Ends the log. A disk that hangs must not keep the process for ever.
pub(crate) async fn close(log: Arc<AuditLog>) -> Result<(), Failure> {
    let closed =
        tokio::time::timeout(CLOSE_TIMEOUT, tokio::task::spawn_blocking(move || log.close()));
    let failed =
        |why: &str| Failure::new(Code::General, format!("the audit log was not closed: {why}"));
    match closed.await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err(error))) => Err(failed(&error.to_string())),
        Ok(Err(_)) | Err(_) => Err(failed("its disk does not answer")),
    }
}
