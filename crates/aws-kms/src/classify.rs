//! Puts failures of the AWS SDK into words of ours.

use std::error::Error as StdError;
use std::io;
use std::time::SystemTime;

use aws_config::imds::client::error::ImdsError;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::error::{ConnectorError, ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::{DateTime, DateTimeFormat};

use crate::error::{Cause, Error};
use secretary_transport::Obstacle;
use secretary_transport::obstacle::{find, of_transport};

/// Puts a failed call into words.
pub(crate) fn of_call<E>(error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let Some(cause) = find::<CredentialsError>(error).map(of_credentials) {
        return cause.into();
    }
    let status = |response: &HttpResponse| response.status().as_u16();
    match error {
        SdkError::ServiceError(failed) => of_service(failed.err(), failed.raw()),
        SdkError::ResponseError(failed) if find::<io::Error>(error).is_some() => {
            // The body was cut short; its beginning came with this status.
            match status(failed.raw()) {
                500.. => Cause::ServerFault(status(failed.raw())).into(),
                _ => Cause::Broken("the answer ended too early").into(),
            }
        }
        SdkError::ResponseError(failed) => Cause::Unreadable(status(failed.raw())).into(),
        SdkError::TimeoutError(_) => Cause::Broken("it was silent for too long").into(),
        SdkError::DispatchFailure(failed) if failed.is_timeout() => {
            Cause::Unreachable(Obstacle::Silence).into()
        }
        _ => Cause::from(of_transport(error)).into(),
    }
}

/// Puts a failure of the credentials into words.
pub(crate) fn of_credentials(error: &CredentialsError) -> Cause {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => Cause::NoCredentials,
        CredentialsError::ProviderTimedOut(_) => Cause::Credentials("their source did not answer"),
        CredentialsError::InvalidConfiguration(_) => {
            Cause::Credentials("the AWS configuration for them is wrong or incomplete")
        }
        // The last source of the chain: nothing was set up before it.
        CredentialsError::ProviderError(_) if find::<ImdsError>(error).is_some() => {
            Cause::NoCredentials
        }
        _ if find::<ConnectorError>(error).is_some() => Cause::NoSource,
        CredentialsError::ProviderError(_) => Cause::Credentials("their source failed"),
        _ => Cause::Credentials("their source gave something else"),
    }
}

fn of_service(error: &impl ProvideErrorMetadata, response: &HttpResponse) -> Error {
    let status = response.status().as_u16();
    let message = error.message().unwrap_or_default();
    // A service model that has a namespace puts it before a `#`.
    let code = error.code().unwrap_or_default().rsplit('#').next().unwrap_or_default();
    let cause = match code {
        "AccessDeniedException" | "AccessDenied" => Cause::AccessDenied,
        "DisabledException" => Cause::Disabled,
        "NotFoundException" => Cause::NotFound,
        "KMSInvalidStateException" => Cause::InvalidState,
        "InvalidKeyUsageException" => Cause::InvalidUse,
        "IncorrectKeyException" => Cause::IncorrectKey,
        "InvalidCiphertextException" => Cause::InvalidCiphertext,
        "ExpiredTokenException" | "ExpiredToken" => Cause::Expired,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" => {
            Cause::UnknownAccessKey
        }
        "RequestTimeTooSkewed" | "RequestExpired" => Cause::ClockSkew(minutes_ahead(response)),
        "InvalidSignatureException" | "SignatureDoesNotMatch" => {
            let ahead = minutes_ahead(response);
            let is_about_time = message.contains("expired") || message.contains("not yet current");
            match is_about_time || ahead.is_some() {
                true => Cause::ClockSkew(ahead),
                false => Cause::BadSignature,
            }
        }
        "ThrottlingException"
        | "Throttling"
        | "LimitExceededException"
        | "SlowDown"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => Cause::Throttled,
        _ if status == 429 => Cause::Throttled,
        _ if status >= 500 => Cause::ServerFault(status),
        _ if is_name(code) => Cause::Refused(code.to_string()),
        _ => Cause::Unreadable(status),
    };
    Error { cause, key: key_in(message).map(str::to_string) }
}

/// Whether `code` is the name of an error and nothing else.
fn is_name(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The most bytes of a message that are looked at. Those of AWS have less than 1 KiB.
const MAX_MESSAGE: usize = 4096;

/// The ARN of a KMS key or alias in a message, and no more of it. In the message of a denial that of the
/// caller comes before it.
fn key_in(message: &str) -> Option<&str> {
    let end = message.floor_char_boundary(MAX_MESSAGE);
    let in_arn = |c: char| c.is_ascii_alphanumeric() || "-_/:".contains(c);
    let starts = message[..end].match_indices("arn:aws").map(|(start, _)| &message[start..end]);
    starts.filter_map(|text| text.split(|c| !in_arn(c)).next()).find(|arn| names_a_key(arn))
}

fn names_a_key(arn: &str) -> bool {
    let mut parts = arn.split(':').skip(2);
    let (service, [_region, _account]) = (parts.next(), [parts.next(), parts.next()]);
    let name = parts.next().unwrap_or_default();
    let has_a_name = name.starts_with("key/") || name.starts_with("alias/");
    service == Some("kms") && has_a_name && parts.next().is_none() && arn.len() <= 512
}

/// By how many minutes this machine's clock is ahead of the answer's `Date`, if that is more than the
/// 4 minutes under which AWS takes a signature.
fn minutes_ahead(response: &HttpResponse) -> Option<i64> {
    let date = response.headers().get("date")?;
    let theirs = DateTime::from_str(date, DateTimeFormat::HttpDate).ok()?;
    let ours = DateTime::from(SystemTime::now());
    let seconds = ours.secs() - theirs.secs();
    (seconds.abs() > 4 * 60).then_some(seconds / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_message_the_arn_of_the_key_is_taken_and_nothing_else() {
        let key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        let denied = format!(
            "User: arn:aws:iam::111122223333:user/app is not authorized to perform: kms:Decrypt on resource: {key} because no policy allows it"
        );
        assert_eq!(key_in(&denied), Some(key));
        assert_eq!(key_in(&format!("{key} is disabled.")), Some(key));
        assert_eq!(key_in(&format!("Key '{key}' does not exist")), Some(key));
        let alias = "Alias arn:aws-cn:kms:cn-north-1:111122223333:alias/app is not found.";
        assert_eq!(key_in(alias), Some("arn:aws-cn:kms:cn-north-1:111122223333:alias/app"));
        assert_eq!(key_in(&"arn:aws".repeat(200_000)), None);
        assert_eq!(key_in(&format!("{}{key}", "é".repeat(3000))), None, "it is too far away");
        for other in ["", "arn:aws", "arn:aws:kms:::secret", "arn:aws:s3:::key/x", "arn:aws:kms"] {
            assert_eq!(key_in(other), None, "{other}");
        }
    }

    #[test]
    fn an_error_is_named_by_a_name_alone() {
        assert!(is_name("InvalidArnException"));
        for text in ["", "a b", "<html>", &"x".repeat(65)] {
            assert!(!is_name(text), "{text}");
        }
    }
}
