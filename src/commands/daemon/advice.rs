//! What is wrong with a daemon's files and addresses, in the words of who runs it.

use std::io::ErrorKind;
use std::net::SocketAddr;

use secretary_access::audit::OpenError;
use secretary_daemon::cluster::{FileError, SourceError};
use secretary_daemon::refusal::Upstream;
use secretary_daemon::tls::TlsError;
use secretary_daemon::upstream::SetupError;

use crate::failure::{Code, Failure, reason, shown};

/// Those who know workloads can't be asked.
pub(super) fn of_source(error: &SourceError) -> Failure {
    match error {
        SourceError::Upstream(SetupError::Url(upstream)) => {
            let place = match upstream {
                Upstream::Marathon => "--marathon-url, or $MARATHON_URL,",
                Upstream::Mesos => "--mesos-leader-url, or $MESOS_LEADER_URL,",
            };
            Failure::new(Code::Configuration, format!("{place} is no URL of {upstream}"))
                .hint("it is http://HOST:PORT or https://HOST:PORT, or several with commas between")
        }
        SourceError::Upstream(SetupError::Tls(error)) => of_tls(error),
        SourceError::Upstream(SetupError::Unreadable { file, error })
        | SourceError::File(FileError::Unreadable { file, error }) => {
            Failure::io("read", &shown(file), error).with_code(Code::Configuration)
        }
        SourceError::File(FileError::Unfit { file, error }) => {
            let message = format!("the workloads in {} can't be used: {error}", shown(file));
            Failure::new(Code::Configuration, message)
                .hint("`secretary help daemon` shows such a file")
        }
        other => Failure::new(Code::Configuration, other.to_string()),
    }
}

/// A certificate, or its key, can't be used.
pub(super) fn of_tls(error: &TlsError) -> Failure {
    Failure::new(Code::Configuration, error.to_string())
}

/// The audit log can't be opened.
pub(super) fn of_log(error: &OpenError) -> Failure {
    let failure = Failure::new(Code::Configuration, error.to_string());
    match error {
        OpenError::Io { doing, path, error } => {
            Failure::io(doing, &format!("the audit log {}", shown(path)), error)
        }
        OpenError::InUse(_) => failure.hint("each daemon has an audit log of its own"),
        OpenError::NotAFile(_) => {
            failure.hint("give the name of a file; one that is not there yet is made")
        }
        OpenError::Foreign { path, wrong } => {
            let path = shown(path);
            let message = format!("the audit log {path} is not as a daemon left it");
            Failure::new(Code::General, message)
                .detail(format!("near its end: {wrong}"))
                .hint(format!("see `secretary audit verify {path}`; when the file is moved away, a new log is begun"))
        }
        _ => failure,
    }
}

/// An address can't be listened on.
pub(super) fn of_listening(address: SocketAddr, error: &std::io::Error) -> Failure {
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
