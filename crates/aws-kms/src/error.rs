//! What can go wrong, in words of ours: nothing that another system wrote is repeated, but the ARN of
//! a key, the name of an error, and numbers.

use std::fmt;
use std::time::Duration;

use secretary_envelope::kms::WrongLength;

use secretary_transport::{Cut, Obstacle};

/// A failure, and the key it is about if AWS named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong.
    pub cause: Cause,
    /// The ARN of the key.
    pub key: Option<String>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// Nothing says which region to ask.
    #[error("no AWS region is set")]
    NoRegion,
    /// What is set as the region is none.
    #[error("the AWS region has other characters than letters, digits and -")]
    BadRegion,
    /// The standard chain has no credentials.
    #[error("there are no AWS credentials")]
    NoCredentials,
    /// There are credentials, and they could not be fetched.
    #[error("the AWS credentials could not be fetched: {0}")]
    Credentials(&'static str),
    /// There are credentials, and they can't stand in a request.
    #[error("the AWS credentials have characters that can't be sent")]
    BadCredentials,
    /// Their source can't be reached.
    #[error("the AWS credentials could not be fetched: their source can't be reached")]
    NoSource,
    /// Nothing said in time which region or which credentials.
    #[error("AWS region and credentials could not be fetched within {} s", .0.as_secs_f64())]
    LateSource(Duration),
    /// The file with trusted certificates is no good.
    #[error("the trusted certificates can't be used: {0}")]
    CaBundle(String),
    /// The credentials may not use the key.
    #[error("AWS denies access to the key")]
    AccessDenied,
    /// The key is there and disabled.
    #[error("the key is disabled")]
    Disabled,
    /// There is no such key, in this account and region.
    #[error("there is no such key")]
    NotFound,
    /// The key is being deleted, imported or replicated.
    #[error("the key is in a state in which it can't be used, such as pending deletion")]
    InvalidState,
    /// The key is not for encryption.
    #[error("the key is not made for this")]
    InvalidUse,
    /// Another key than the one that was named wrapped the data key.
    #[error("it was encrypted with another key than the one that is asked for")]
    IncorrectKey,
    /// AWS does not know the wrapped data key.
    #[error("AWS KMS does not accept its encrypted data key")]
    InvalidCiphertext,
    /// Temporary credentials that are over.
    #[error("the AWS credentials have expired")]
    Expired,
    /// An access key that AWS does not know.
    #[error("AWS does not know the access key")]
    UnknownAccessKey,
    /// The secret half of the access key is wrong.
    #[error("AWS does not accept the signature")]
    BadSignature,
    /// This machine's clock is wrong.
    #[error("{}", skewed(*.0))]
    ClockSkew(Option<i64>),
    /// No answer came, because there was no connection.
    #[error("AWS KMS can't be reached: {0}")]
    Unreachable(Obstacle),
    /// The connection ended, or was silent for too long, in the middle.
    #[error("the connection to AWS KMS broke: {0}")]
    Broken(&'static str),
    /// Too many requests, in this account and region.
    #[error("AWS KMS is throttling requests")]
    Throttled,
    /// A fault of AWS, or of something before it.
    #[error("AWS KMS failed with HTTP status {0}")]
    ServerFault(u16),
    /// Something answered that is no AWS KMS.
    #[error("the answer is not one of AWS KMS (HTTP status {0})")]
    Unreadable(u16),
    /// AWS KMS gave a data key that is none of ours.
    #[error("AWS KMS answered with a data key that can't be used: {0}")]
    DataKey(#[from] WrongLength),
    /// Another error of AWS, by its name.
    #[error("AWS KMS refused with {0}")]
    Refused(String),
    /// The time was over before it was asked at all.
    #[error("within {} s there was no time to ask AWS KMS", .0.as_secs_f64())]
    NotAsked(Duration),
    /// The time was over.
    #[error("{}", late(*.timeout, .last.as_deref()))]
    Late {
        /// How long it was, all in all.
        timeout: Duration,
        /// What went wrong before.
        last: Option<Box<Cause>>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        self.key.iter().try_for_each(|key| write!(f, " ({key})"))
    }
}

impl std::error::Error for Error {}

impl From<Cut> for Cause {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Unreachable(obstacle) => Self::Unreachable(obstacle),
            Cut::Broken => Self::Broken("it was closed"),
        }
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self { cause, key: None }
    }
}

fn skewed(minutes: Option<i64>) -> String {
    match minutes {
        Some(ahead) if ahead > 0 => {
            format!("this machine's clock is {ahead} minutes ahead of that of AWS")
        }
        Some(behind) => {
            format!("this machine's clock is {} minutes behind that of AWS", behind.abs())
        }
        None => "this machine's clock and that of AWS differ by more than 5 minutes".to_string(),
    }
}

fn late(timeout: Duration, last: Option<&Cause>) -> String {
    let seconds = timeout.as_secs_f64();
    match last {
        Some(last) => format!("{last}; gave up after {seconds} s"),
        None => format!("AWS KMS did not answer within {seconds} s"),
    }
}
