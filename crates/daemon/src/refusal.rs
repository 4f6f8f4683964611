//! Why a request is not answered, in words that may be told to whoever called.
//!
//! Where the Go program has a sentence for it, it is that one, without the inner error in brackets at its end: what an
//! upstream answered was in there. Only the server chooses a status.

use std::time::Duration;

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another method than `POST`.
    #[error("Expected POST method")]
    Method,
    /// The body is no form.
    #[error("Expected application/x-www-form-urlencoded request body")]
    Form,
    /// The body is larger than it may be.
    #[error("Request body too large")]
    TooLarge,
    /// The body did not come in time.
    #[error("Request body not sent in time")]
    TooSlow,
    /// A version that is no time.
    #[error("Expected appVersion in valid RFC 3339. Wrong format given")]
    Version,
    /// A field is missing.
    #[error("Expected parameters, one of {{appid, appversion, taskid, envelope}} missing")]
    Parameters,
    /// An app id that Marathon would not take.
    #[error("Expected appid as Marathon has it, such as /group/app")]
    AppId,
    /// A task id with characters that no task has.
    #[error("Expected taskid in printable ASCII")]
    TaskId,

    /// This daemon does not ask this orchestrator.
    #[error("This daemon knows no such app or task")]
    NotServed,
    /// The orchestrator did not answer, or not in time.
    #[error("Failed to ask {0}, it can't be reached or does not answer")]
    Unreachable(Upstream),
    /// Too many questions to the orchestrator are waiting already.
    #[error("Failed to ask {0}, too many requests are waiting for it")]
    Busy(Upstream),
    /// The orchestrator answered with an error, for instance that it knows no such app.
    #[error("{0} answered with HTTP status {1}")]
    Status(Upstream, u16),
    /// The orchestrator wants this request to be made elsewhere.
    #[error("{0} redirects to a host that is not configured")]
    Redirect(Upstream),
    /// The answer is too large.
    #[error("The answer of {0} is too large")]
    LargeAnswer(Upstream),
    /// The answer makes no sense.
    #[error("Failed to parse {0} JSON response")]
    Unreadable(Upstream),
    /// The answer is about another app or another version.
    #[error("The answer of {0} is about another app or version")]
    OtherApp(Upstream),
    /// The answer says several things of one task, and no choice between them is safe.
    #[error("The answer of {0} contradicts itself about the task")]
    Ambiguous(Upstream),
    /// The app has no such task, or it runs another version, or does not run.
    #[error("Given taskId is not running (bug or hacking attempt?)")]
    NotRunning,
    /// There is no such task.
    #[error("Failed to get the task from the list of tasks")]
    NoTask,
    /// The workload has no deploy key.
    #[error("App is missing $DEPLOY_PUBLIC_KEY in the Marathon config \"env\" section")]
    NoDeployVariable,
    /// The workload has no deploy key.
    #[error("Task missing the DEPLOY_PUBLIC_KEY label in its mesos response")]
    NoDeployLabel,
    /// The workload's deploy key is none.
    #[error("Failed to decode $DEPLOY_PUBLIC_KEY")]
    BadDeployKey,
    /// The workload's service key is none.
    #[error("Failed to decode $SERVICE_PUBLIC_KEY")]
    BadServiceKey,

    /// The request was not sealed with the workload's deploy key.
    #[error(
        "Failed to authenticate/decrypt request using deploy and master key (incorrect master key or hacking attempt?)"
    )]
    DeployBox,
    /// What is in it was not sealed with the workload's service key.
    #[error(
        "Failed to authenticate/decrypt request using service and master key (incorrect master key or hacking attempt?)"
    )]
    ServiceBox,
    /// What is in that is no request.
    #[error("Failed to parse JSON request")]
    Json,
    /// It is about another workload than the form.
    #[error(
        "Given appid, appversion or taskid doesn't correspond to HTTP request params (bug or hacking attempt?)"
    )]
    OtherClaim,
    /// It is about another task than the form.
    #[error("Given taskid doesn't correspond to HTTP request params (bug or hacking attempt?)")]
    OtherTask,
    /// It says neither who it is for nor when it was made, and that is required.
    #[error("Expected a request with RequestID and IssuedAt, as newer clients send it")]
    NotFresh,
    /// It was made too long ago, or is to be made yet.
    #[error("The request was made more than 5 minutes ago or ahead, check both clocks")]
    Stale,
    /// It was here before.
    #[error("The request was sent before (hacking attempt?)")]
    Replayed,
    /// More secrets than a request may ask for.
    #[error("More secrets are requested than fit in one request")]
    TooMany,

    /// The token is not in the app's environment.
    #[error("Given secret isn't part of app config (bug or hacking attempt?)")]
    NotInApp,
    /// What is asked for is no token.
    #[error("Given secret is not one whole token (bug or hacking attempt?)")]
    NoToken,
    /// A Mesos task has to say which variable it is about.
    #[error("We cannot verify the requested secret (bug or hacking attempt?)")]
    NoVariable,
    /// The task has no list of variables.
    #[error(
        "Given mesos task secret requires the label ALLOWED_SECRETS_VARS set (bug or hacking attempt?)"
    )]
    NoVariablesLabel,
    /// The variable is not in the list.
    #[error(
        "Given secret is not in an env var allowed in ALLOWED_SECRETS_VARS (bug or hacking attempt?)"
    )]
    NotInVariables,
    /// The token is not in the list.
    #[error("Given secret is not listed in ALLOWED_SECRETS_SHA256 (bug or hacking attempt?)")]
    NotInTokenList,
    /// The task has no list of tokens, and that is required.
    #[error("Given mesos task secret requires the label ALLOWED_SECRETS_SHA256 set")]
    NoTokenList,

    /// The token does not open with any master key.
    #[error("Failed to decrypt plaintext secret, incorrect config or master key?")]
    NotOpened,
    /// Nothing could open the token.
    #[error("Failed to decrypt plaintext secret, the token is damaged")]
    Damaged,
    /// The daemon has no config key.
    #[error(
        "Failed to decrypt plaintext secret, the daemon is not configured for ENC[NACL,..] values"
    )]
    NoNacl,
    /// The daemon is built without AWS KMS.
    #[error(
        "Failed to decrypt plaintext secret, the daemon is not configured for ENC[KMS,..] values"
    )]
    NoKms,
    /// AWS KMS said no.
    #[error("Failed to decrypt plaintext secret, the key service refused")]
    KeyServiceRefused,
    /// AWS KMS did not answer, or failed.
    #[error("Failed to decrypt plaintext secret, the key service failed")]
    KeyServiceFailed,

    /// The app asks too often.
    #[error("Too many requests of this app, try again in {} s", whole_seconds(*.0))]
    TooOften(Duration),
    /// The daemon has more to do than it can.
    #[error("Too many requests, try again")]
    Overloaded,
    /// The system has no random bytes to give.
    #[error("The daemon's system has no random bytes")]
    Random,
    /// The decision could not be written down.
    #[error("The decision could not be written to the audit log")]
    NoAudit,
    /// The daemon has a defect, and this request ran into it.
    #[error("The daemon failed at this request")]
    Internal,
}

impl Refusal {
    /// A short name for metrics and the audit log. What is counted under it stays countable: no name is of more
    /// than a kind, and none has in it what a caller or an upstream chose.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Form => "form",
            Self::TooLarge => "too_large",
            Self::TooSlow => "too_slow",
            Self::Version => "version",
            Self::Parameters => "parameters",
            Self::AppId => "app_id",
            Self::TaskId => "task_id",
            Self::NotServed => "not_served",
            Self::Unreachable(..) => "upstream_unreachable",
            Self::Busy(..) => "upstream_busy",
            Self::Status(..) => "upstream_status",
            Self::Redirect(..) => "upstream_redirect",
            Self::LargeAnswer(..) => "upstream_answer_too_large",
            Self::Unreadable(..) => "upstream_unreadable",
            Self::OtherApp(..) => "upstream_other_app",
            Self::Ambiguous(..) => "ambiguous",
            Self::NotRunning => "not_running",
            Self::NoTask => "no_task",
            Self::NoDeployVariable => "no_deploy_variable",
            Self::NoDeployLabel => "no_deploy_label",
            Self::BadDeployKey => "bad_deploy_key",
            Self::BadServiceKey => "bad_service_key",
            Self::DeployBox => "deploy_box",
            Self::ServiceBox => "service_box",
            Self::Json => "json",
            Self::OtherClaim => "other_claim",
            Self::OtherTask => "other_task",
            Self::NotFresh => "not_fresh",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
            Self::TooMany => "too_many",
            Self::NotInApp => "not_in_app",
            Self::NoToken => "no_token",
            Self::NoVariable => "no_variable",
            Self::NoVariablesLabel => "no_variables_label",
            Self::NotInVariables => "not_in_variables",
            Self::NotInTokenList => "not_in_token_list",
            Self::NoTokenList => "no_token_list",
            Self::NotOpened => "not_opened",
            Self::Damaged => "damaged",
            Self::NoNacl => "no_nacl",
            Self::NoKms => "no_kms",
            Self::KeyServiceRefused => "key_service_refused",
            Self::KeyServiceFailed => "key_service_failed",
            Self::TooOften(..) => "too_often",
            Self::Overloaded => "overloaded",
            Self::Random => "no_random_bytes",
            Self::NoAudit => "no_audit",
            Self::Internal => "internal",
        }
    }
}

/// `wait` in seconds, and never less than it, or whoever waits as told would be refused again.
pub fn whole_seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}

impl Refusal {
    /// Whether the same request may be granted in a moment.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Busy(_)
                | Self::Status(_, 429 | 502..=504)
                | Self::KeyServiceFailed
                | Self::TooOften(_)
                | Self::Overloaded
                | Self::NoAudit
                | Self::Random
        )
    }

    /// Whether it is about the one secret that is asked for, and says nothing of others.
    pub fn is_of_one_secret(&self) -> bool {
        matches!(
            self,
            Self::NotInApp
                | Self::NoToken
                | Self::NoVariable
                | Self::NoVariablesLabel
                | Self::NotInVariables
                | Self::NotInTokenList
                | Self::NoTokenList
                | Self::NotOpened
                | Self::Damaged
                | Self::NoNacl
                | Self::NoKms
                | Self::KeyServiceRefused
                | Self::KeyServiceFailed
        )
    }

    /// The refusal that `text`, a daemon's answer, has the sentence of. The Go program has an inner error behind some.
    pub fn told_by(text: &str) -> Option<Self> {
        let text = text.trim_end();
        let number = text.split_ascii_whitespace().rev().find_map(|word| word.parse::<u16>().ok());
        let numbered = number.map(|number| {
            let upstreams = Upstream::ALL.map(|upstream| Self::Status(upstream, number));
            let wait = Self::TooOften(Duration::from_secs(number.into()));
            upstreams.into_iter().chain([wait])
        });
        let told = |refusal: &Self| text == refusal.to_string();
        let begins = |refusal: &Self| text.starts_with(refusal.to_string().trim_end_matches(')'));
        numbered.into_iter().flatten().find(told).or_else(|| TOLD.into_iter().find(begins))
    }
}

/// Those that have no number in them.
const TOLD: [Refusal; 55] = {
    use Refusal::*;
    use Upstream::{Marathon, Mesos};
    [
        Method,
        Form,
        TooLarge,
        TooSlow,
        Version,
        Parameters,
        AppId,
        TaskId,
        NotServed,
        Unreachable(Marathon),
        Unreachable(Mesos),
        Busy(Marathon),
        Busy(Mesos),
        Redirect(Marathon),
        Redirect(Mesos),
        LargeAnswer(Marathon),
        LargeAnswer(Mesos),
        Unreadable(Marathon),
        Unreadable(Mesos),
        OtherApp(Marathon),
        OtherApp(Mesos),
        Ambiguous(Marathon),
        Ambiguous(Mesos),
        NotRunning,
        NoTask,
        NoDeployVariable,
        NoDeployLabel,
        BadDeployKey,
        BadServiceKey,
        DeployBox,
        ServiceBox,
        Json,
        OtherClaim,
        OtherTask,
        NotFresh,
        Stale,
        Replayed,
        TooMany,
        NotInApp,
        NoToken,
        NoVariable,
        NoVariablesLabel,
        NotInVariables,
        NotInTokenList,
        NoTokenList,
        Damaged,
        NoNacl,
        NoKms,
        KeyServiceRefused,
        KeyServiceFailed,
        NotOpened,
        Overloaded,
        NoAudit,
        Random,
        Internal,
    ]
};

/// Who is asked about workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// Marathon.
    Marathon,
    /// The leading Mesos master.
    Mesos,
}

impl Upstream {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Marathon, Self::Mesos];

    /// A short name for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Marathon => "marathon",
            Self::Mesos => "mesos",
        }
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Marathon => "Marathon",
            Self::Mesos => "Mesos",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_daemon_tells_is_understood() {
        let numbers =
            [Refusal::Status(Upstream::Mesos, 503), Refusal::TooOften(Duration::from_secs(7))];
        for refusal in TOLD.into_iter().chain(numbers) {
            assert_eq!(Refusal::told_by(&format!("{refusal}\n")), Some(refusal), "{refusal}");
        }
        for text in ["", "no", "Marathon answered with HTTP status OK", "Given secret"] {
            assert_eq!(Refusal::told_by(text), None, "{text}");
        }
    }

    #[test]
    fn who_waits_the_seconds_in_the_sentence_has_waited_enough() {
        let told = |wait| Refusal::TooOften(Duration::from_millis(wait)).to_string();
        for (wait, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (1999, 2), (60_000, 60)] {
            let sentence = format!("Too many requests of this app, try again in {seconds} s");
            assert_eq!(told(wait), sentence, "{wait} ms");
        }
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
