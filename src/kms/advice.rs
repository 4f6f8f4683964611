//! The code to leave with and what to do, for everything that AWS KMS can fail with.

use secretary_aws_kms::{Cause, Obstacle};

use crate::failure::Code;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    GenerateDataKey,
    #[cfg(feature = "server")]
    Encrypt,
    Decrypt,
}

/// What the advice depends on, beside the cause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) operation: Operation,
    pub(super) has_context: bool,
    /// Whether AWS said which key it is about.
    pub(super) names_a_key: bool,
}

/// The code alone, for opening.
#[cfg(feature = "daemon")]
pub(super) fn code_of(cause: &Cause) -> Code {
    advice(cause, Case { operation: Operation::Decrypt, has_context: false, names_a_key: false }).0
}

pub(super) fn advice(cause: &Cause, case: Case) -> (Code, &'static str) {
    match cause {
        Cause::Late { last: Some(last), .. } => advice(last, case),
        Cause::NoRegion
        | Cause::BadRegion
        | Cause::NoCredentials
        | Cause::Credentials(_)
        | Cause::BadCredentials
        | Cause::CaBundle(_) => (Code::Configuration, on_configuration(cause)),
        Cause::InvalidCiphertext | Cause::IncorrectKey => {
            (Code::Damaged, on_ciphertext(cause, case))
        }
        Cause::AccessDenied => (Code::Denied, on_denial(case)),
        Cause::Disabled
        | Cause::NotFound
        | Cause::InvalidState
        | Cause::InvalidUse
        | Cause::Expired
        | Cause::UnknownAccessKey
        | Cause::BadSignature
        | Cause::ClockSkew(_)
        | Cause::Refused(_) => (Code::Denied, on_refusal(cause, case)),
        Cause::Unreachable(obstacle) => (Code::Remote, on_obstacle(obstacle)),
        Cause::Late { .. } if case.operation == Operation::GenerateDataKey => (
            Code::Remote,
            "--kms-timeout gives it more time; with --lines, --share-data-key needs one request only",
        ),
        _ => (Code::Remote, on_fault(cause)),
    }
}

fn on_configuration(cause: &Cause) -> &'static str {
    match cause {
        Cause::NoRegion => {
            "set AWS_REGION, or name the key by its ARN, which has the region in it, with --kms-key-id"
        }
        Cause::BadRegion => {
            "check the ARN of --kms-key-id, AWS_REGION, or the region of the profile"
        }
        Cause::NoCredentials => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that ~/.aws/config or ~/.aws/credentials has, or run this where a role is attached"
        }
        Cause::BadCredentials => "look for a blank or a line feed at their end, as of a file",
        Cause::CaBundle(_) => "unset, the system's certificates are trusted",
        _ => {
            "`aws sts get-caller-identity` shows whether they work; for SSO, `aws sso login` renews them"
        }
    }
}

fn on_ciphertext(cause: &Cause, case: Case) -> &'static str {
    match cause {
        Cause::IncorrectKey => "leave --kms-key-id out, or give the key it was encrypted with",
        _ if case.has_context => {
            "the encryption context may differ from the one it was encrypted with; if it is the same, the token was changed"
        }
        _ => {
            "give the encryption context it was encrypted with, by --kms-context or $KMS_CONTEXT; if there was none, the token was changed or is from another account"
        }
    }
}

/// AWS does not say which key it is about when that is in another account or region.
fn on_denial(case: Case) -> &'static str {
    match (case.operation, case.names_a_key) {
        (Operation::Decrypt, true) => {
            "allow kms:Decrypt on the key, in its key policy or in the IAM policy of these credentials"
        }
        (Operation::Decrypt, false) => {
            "check that region and account are those of the key, and that its key policy or the IAM policy of these credentials allows kms:Decrypt"
        }
        #[cfg(feature = "server")]
        (Operation::Encrypt, _) => {
            "allow kms:Encrypt on the key, in its key policy or in the IAM policy of these credentials"
        }
        (Operation::GenerateDataKey, _) => {
            "allow kms:GenerateDataKey on the key, in its key policy or in the IAM policy of these credentials"
        }
    }
}

fn on_refusal(cause: &Cause, case: Case) -> &'static str {
    match cause {
        Cause::Disabled => "enable the key; what it encrypted can't be read until then",
        Cause::NotFound if case.operation == Operation::GenerateDataKey => {
            "check the name of the key, and that region and account are those it is in"
        }
        Cause::NotFound => "check that region and account are those the key is in",
        Cause::InvalidState => "`aws kms describe-key` shows its state",
        Cause::InvalidUse => "a symmetric key for encryption and decryption is needed",
        Cause::Expired => "fetch new credentials; for SSO, `aws sso login` does",
        Cause::UnknownAccessKey => {
            "check that the access key is not deleted, and that temporary credentials come with their AWS_SESSION_TOKEN"
        }
        Cause::BadSignature => "check that the secret access key belongs to the access key",
        Cause::ClockSkew(_) => {
            "set this machine's clock: AWS takes no request that is 5 minutes off"
        }
        _ => "the AWS documentation of the KMS API says what this error means",
    }
}

fn on_obstacle(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Untrusted => {
            "the CA of a private endpoint, or of a proxy that opens TLS, has to be in the file that AWS_CA_BUNDLE names; without it the system's certificates are trusted, on most systems the package ca-certificates"
        }
        Obstacle::CertificateExpired | Obstacle::CertificateNotYet => "check this machine's clock",
        Obstacle::OtherName => {
            "check AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL if they are set, and DNS"
        }
        Obstacle::ProxyAuthorization => "HTTPS_PROXY takes http://USER:PASSWORD@HOST:PORT",
        Obstacle::ProxyRefuses | Obstacle::NoProxy(_) => {
            "check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names what is asked without one"
        }
        _ => {
            "check the network, HTTPS_PROXY and HTTP_PROXY, and AWS_ENDPOINT_URL_KMS and AWS_ENDPOINT_URL if they are set"
        }
    }
}

fn on_fault(cause: &Cause) -> &'static str {
    match cause {
        Cause::NoSource | Cause::LateSource(_) => {
            "check the network, and what the profile and the AWS variables that are set point to"
        }
        Cause::Broken(_) => "check the network; --kms-timeout gives slow answers more time",
        Cause::Unreadable(_) => {
            "check AWS_ENDPOINT_URL_KMS, AWS_ENDPOINT_URL and HTTPS_PROXY: something else answers there"
        }
        Cause::NotAsked(_) => {
            "--kms-timeout gives it more time; secrets that share a data key need one request together, see `secretary encrypt --help`"
        }
        Cause::DataKey(_) => "what answers there is no AWS KMS, or a faulty one",
        _ => "try again later; --kms-timeout gives it more time",
    }
}
