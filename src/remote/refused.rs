//! What a daemon's refusal means to whoever asked. The daemon itself has the sentences of the Go program, which are for
//! who knows its insides.

use secretary_daemon::refusal::{Refusal, Upstream, whole_seconds};

/// How a request was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// With a deploy key alone.
    Deploy,
    /// With a service key, too.
    DeployAndService,
}

/// What is wrong.
pub(super) fn sentence(refusal: Refusal, keys: Keys) -> String {
    match refusal {
        Refusal::Unreachable(upstream) => format!("the daemon gets no answer from {upstream}"),
        Refusal::Busy(upstream) => {
            format!("too many requests of the daemon are waiting for {upstream}")
        }
        Refusal::Status(Upstream::Marathon, 404) => {
            "Marathon knows no such app, or not this version of it".to_string()
        }
        Refusal::Status(upstream, status) => {
            format!("{upstream} answered the daemon with HTTP status {status}")
        }
        Refusal::Redirect(upstream) => {
            format!("{upstream} sent the daemon to a host that it is not set up to ask")
        }
        Refusal::LargeAnswer(upstream) => {
            format!("the answer of {upstream} is larger than the daemon takes")
        }
        Refusal::Unreadable(upstream) => {
            format!("the daemon can't read the answer of {upstream}")
        }
        Refusal::OtherApp(upstream) => {
            format!("{upstream} answered the daemon with another app or version")
        }
        Refusal::Ambiguous(upstream) => {
            format!("the answer of {upstream} contradicts itself about this task")
        }
        Refusal::KeyServiceFailed => "the daemon gets no answer from AWS KMS".to_string(),
        Refusal::Overloaded => "the daemon has too much to do".to_string(),
        Refusal::NoAudit => {
            "the daemon can't write its audit log, and answers nothing without".to_string()
        }
        Refusal::Random => "the daemon's system has no random bytes".to_string(),
        Refusal::Internal => "the daemon failed at this request".to_string(),
        refusal => format!("the daemon refused: {}", reason(refusal, keys)),
    }
}

/// Whether it says no more than that something failed.
pub(super) fn is_a_fault(refusal: Refusal) -> bool {
    refusal.may_pass()
        || matches!(
            refusal,
            Refusal::Status(Upstream::Mesos, _)
                | Refusal::Status(_, 500..)
                | Refusal::Redirect(_)
                | Refusal::LargeAnswer(_)
                | Refusal::Unreadable(_)
                | Refusal::Internal
        )
}

fn reason(refusal: Refusal, keys: Keys) -> String {
    let reason = match refusal {
        Refusal::TooOften(wait) => {
            let seconds = whole_seconds(wait);
            return format!(
                "this app asked for too many secrets, and may ask again in {seconds} s"
            );
        }
        Refusal::Method | Refusal::Form | Refusal::TooLarge => {
            "the request did not arrive as it was sent"
        }
        Refusal::TooSlow => "the request did not arrive in time",
        Refusal::Version => "the version of the app is no time in RFC 3339",
        Refusal::Parameters => "the id of the app or of the task is missing",
        Refusal::AppId => "the id of the app is none that Marathon has",
        Refusal::TaskId => "the id of the task has other characters than printable ASCII",
        Refusal::NotServed => "it knows no such app or task",
        Refusal::NotRunning => "this task does not run, or not in this version of the app",
        Refusal::NoTask => "no such task runs",
        Refusal::NoDeployVariable => "the app has no DEPLOY_PUBLIC_KEY in its env",
        Refusal::NoDeployLabel => "the task has no label DEPLOY_PUBLIC_KEY",
        Refusal::BadDeployKey => "the DEPLOY_PUBLIC_KEY of this app or task is no key",
        Refusal::BadServiceKey => "the SERVICE_PUBLIC_KEY of this app or task is no key",
        Refusal::DeployBox => {
            "the deploy private key is not that of this app or task, or the master public key not that of the daemon"
        }
        Refusal::ServiceBox => match keys {
            Keys::Deploy => "this app or task has a service key, and none was used",
            Keys::DeployAndService => "the service private key is not that of this app or task",
        },
        Refusal::Json if keys == Keys::DeployAndService => {
            "a service private key was used, and this app or task has none"
        }
        Refusal::OtherClaim | Refusal::OtherTask => {
            "the ids of app and task were changed on their way to it"
        }
        Refusal::Stale => {
            "by its clock the request was made more than 5 minutes ago, or is yet to be made"
        }
        Refusal::Replayed => "it had this request before",
        Refusal::NotInApp => "this app may not have this token",
        Refusal::NoVariable => "a task may have variables alone, and this token is in none",
        Refusal::NoVariablesLabel => "the task has no label ALLOWED_SECRETS_VARS",
        Refusal::NotInVariables => "the task's label ALLOWED_SECRETS_VARS lacks this variable",
        Refusal::NotInTokenList => "the task's label ALLOWED_SECRETS_SHA256 lacks this token",
        Refusal::NoTokenList => {
            "the task has no label ALLOWED_SECRETS_SHA256, without which it answers none"
        }
        Refusal::NotOpened => "its keys do not open this token",
        Refusal::Damaged => "the token is damaged",
        Refusal::NoNacl => "it has no config public key, so it opens no NACL token",
        Refusal::NoKms => "it was built without AWS KMS",
        Refusal::KeyServiceRefused => "AWS KMS said no to it",
        other => return other.to_string(),
    };
    reason.to_string()
}

/// What to do about it, or nothing.
pub(super) fn hint(refusal: Refusal, keys: Keys) -> &'static str {
    match refusal {
        Refusal::Method | Refusal::Form | Refusal::TooLarge => {
            "find out what is between this machine and the daemon, and changes requests"
        }
        Refusal::TooSlow => "check the network between this machine and the daemon",
        Refusal::Version => {
            "Marathon sets $MARATHON_APP_VERSION in each container; hand it on as it is"
        }
        Refusal::Parameters | Refusal::AppId | Refusal::TaskId => IDS,
        Refusal::NotServed => {
            "apps are known to a daemon by --marathon-url, tasks by --mesos-leader-url, and either by its file of --workloads"
        }
        Refusal::NotRunning | Refusal::NoTask | Refusal::Status(Upstream::Marathon, 404) => {
            "check the ids of app and task, and the version: only tasks that run are answered"
        }
        Refusal::Status(_, 401 | 403) => {
            "the daemon's --marathon-auth or --mesos-auth names the file with its password"
        }
        Refusal::Unreachable(_)
        | Refusal::Busy(_)
        | Refusal::Status(..)
        | Refusal::KeyServiceFailed
        | Refusal::NoAudit
        | Refusal::Internal => "what the daemon writes to standard error says more",
        Refusal::Redirect(_) => {
            "name all of the cluster's URLs in the daemon's --marathon-url or --mesos-leader-url, with commas between"
        }
        Refusal::LargeAnswer(_) | Refusal::Unreadable(_) | Refusal::OtherApp(_) => {
            "check the daemon's --marathon-url and --mesos-leader-url: something else may answer there"
        }
        Refusal::NoDeployVariable | Refusal::NoDeployLabel | Refusal::BadDeployKey => {
            "`secretary genkeys --print deploy` makes a pair: both keys go into an app's env; of a task, the public one into its labels"
        }
        Refusal::BadServiceKey => {
            "it is the base64 line in the file that `secretary genkeys service` wrote"
        }
        Refusal::DeployBox => {
            "DEPLOY_PRIVATE_KEY belongs to the DEPLOY_PUBLIC_KEY in the app's env or the task's labels, and MASTER_PUBLIC_KEY to the daemon's master key"
        }
        Refusal::ServiceBox => match keys {
            Keys::Deploy => {
                "give the one of the image or the node by --service-key or $SERVICE_PRIVATE_KEY"
            }
            Keys::DeployAndService => {
                "it belongs to the SERVICE_PUBLIC_KEY in the app's env or the task's labels"
            }
        },
        Refusal::Json if keys == Keys::DeployAndService => {
            "put its SERVICE_PUBLIC_KEY into the app's env or the task's labels, or use no service key here"
        }
        Refusal::OtherClaim | Refusal::OtherTask | Refusal::Replayed => {
            "use https://, and find out what is between this machine and the daemon"
        }
        Refusal::Stale => "set the clocks of this machine and of the daemon",
        Refusal::NotInApp => {
            "the token has to be in the app's env, as a whole and in the version that runs, or among the secrets of the daemon's file of --workloads"
        }
        Refusal::NoVariable => "use decrypt -e or exec, with the token in a variable",
        Refusal::NoVariablesLabel | Refusal::NotInVariables => {
            "the label has the names of the task's variables, with commas between"
        }
        Refusal::NotInTokenList | Refusal::NoTokenList => {
            "the label has what `printf %s TOKEN | sha256sum | cut -c1-32` prints for each token, with commas between"
        }
        Refusal::NotOpened => {
            "it was encrypted to another master public key, or with another config private key, than those of the daemon"
        }
        Refusal::Damaged => super::advice::DAMAGED_HINT,
        Refusal::NoNacl => "start the daemon with --config-key or $CONFIG_PUBLIC_KEY",
        Refusal::NoKms => "use the full build for the daemon, which has the feature `aws`",
        Refusal::KeyServiceRefused => {
            "what the daemon writes to standard error says why, and so does CloudTrail"
        }
        Refusal::TooOften(_) => "the daemon's --rate-limit says how many secrets an app may have",
        _ => "",
    }
}

/// How a container is known.
const IDS: &str = "Marathon sets $MARATHON_APP_ID, $MARATHON_APP_VERSION and $MESOS_TASK_ID in each container, Mesos the last; hand them on as they are";
