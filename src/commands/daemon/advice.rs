//! What is wrong with those who know workloads, in the words of who runs a daemon.

use secretary_daemon::cluster::{FileError, SourceError};
use secretary_daemon::refusal::Upstream;
use secretary_daemon::upstream::SetupError;

use crate::failure::{Code, Failure, shown};
use crate::serving::of_tls;

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
