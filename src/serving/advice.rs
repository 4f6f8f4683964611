//! What is wrong with a server's files and addresses, in the words of who runs it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use secretary_access::audit::OpenError;
use secretary_transport::tls::TlsError;

use crate::failure::{Code, Failure, reason, shown};

/// A certificate, or its key, can't be used.
pub(crate) fn of_tls(error: &TlsError) -> Failure {
    Failure::new(Code::Configuration, error.to_string())
}

/// The audit log can't be opened.
pub(crate) fn of_log(error: &OpenError) -> Failure {
    let failure = Failure::new(Code::Configuration, error.to_string());
    match error {
        OpenError::Io { doing, path, error } => {
            Failure::io(doing, &format!("the audit log {}", shown(path)), error)
        }
        OpenError::InUse(_) => failure.hint("each process has an audit log of its own"),
        OpenError::NotAFile(_) => {
            failure.hint("give the name of a file; one that is not there yet is made")
        }
        OpenError::Foreign { path, wrong } => {
            let path = shown(path);
            let message = format!("the audit log {path} is not as this program left it");
            Failure::new(Code::General, message)
                .detail(format!("near its end: {wrong}"))
                .hint(format!("see `secretary audit verify {path}`; when the file is moved away, a new log is begun"))
        }
        _ => failure,
    }
}

/// An address can't be listened on.
pub(crate) fn of_listening(address: SocketAddr, error: &std::io::Error) -> Failure {
    let message = format!("cannot listen on {address}: {}", reason(error));
    let failure = Failure::new(Code::Configuration, message);
    match error.kind() {
        ErrorKind::AddrInUse => failure.hint("something listens there already; take another port"),
        ErrorKind::AddrNotAvailable => failure.hint("it takes an address of this machine"),
        ErrorKind::PermissionDenied => {
            failure.hint("a port below 1024 takes the capability CAP_NET_BIND_SERVICE")
        }
        _ => failure,
    }
}
