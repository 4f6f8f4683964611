//! The shape of a request that is signed with AWS' Signature Version 4.
//!
//! Whether the signature is right is not looked at here: that needs the caller's secret key.

use crate::clock;
use crate::http::Request;
use crate::refusal::Refusal;

/// How far a request's time may be from ours, in seconds.
const TOLERANCE: i64 = 300;

/// What a request must have signed for KMS to take it.
const SIGNED: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];

/// Who signed a request and what for: `AKID/20260131/eu-west-1/kms/aws4_request`.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) access_key_id: String,
    pub(crate) date: String,
    pub(crate) region: String,
    pub(crate) service: String,
}

impl Credential {
    /// The credential of a request for `service`, if all of its signature has the right shape.
    pub(crate) fn of(request: &Request, service: &str, now: i64) -> Result<Self, Refusal> {
        let header = request.header("authorization");
        if header.is_empty() {
            return Err(Refusal::new(
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ));
        }
        let authorization = Authorization::parse(header).ok_or_else(|| incomplete(header))?;
        let credential = Self::parse(authorization.credential).ok_or_else(|| incomplete(header))?;
        let signed: Vec<_> = authorization.signed_headers.split(';').collect();
        if credential.service != service || !SIGNED.iter().all(|name| signed.contains(name)) {
            return Err(incomplete(header));
        }
        check_time(request.header("x-amz-date"), &credential.date, now)?;
        Ok(credential)
    }

    /// The credential that a request claims, whatever else is wrong with it.
    pub(crate) fn claimed(request: &Request) -> Option<Self> {
        Self::parse(Authorization::parse(request.header("authorization"))?.credential)
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('/').collect();
        let [access_key_id, date, region, service, "aws4_request"] = parts[..] else {
            return None;
        };
        if access_key_id.is_empty() || region.is_empty() {
            return None;
        }
        Some(Self {
            access_key_id: access_key_id.to_string(),
            date: date.to_string(),
            region: region.to_string(),
            service: service.to_string(),
        })
    }
}

/// The three parts of the header.
pub(crate) struct Authorization<'a> {
    pub(crate) credential: &'a str,
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: &'a str,
}

impl<'a> Authorization<'a> {
    pub(crate) fn parse(header: &'a str) -> Option<Self> {
        let rest = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let parts: Vec<_> = rest.split(',').map(str::trim).collect();
        let [credential, signed_headers, signature] = parts[..] else {
            return None;
        };
        let signature = signature.strip_prefix("Signature=")?;
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if signature.len() != 64 || !signature.bytes().all(hex) {
            return None;
        }
        Some(Self {
            credential: credential.strip_prefix("Credential=")?,
            signed_headers: signed_headers.strip_prefix("SignedHeaders=")?,
            signature,
        })
    }
}

/// The header up to its signature, which no record has a use for.
pub(crate) fn without_signature(header: &str) -> &str {
    header.split("Signature=").next().unwrap_or("").trim_end_matches([' ', ','])
}

fn check_time(text: &str, date: &str, now: i64) -> Result<(), Refusal> {
    let time = clock::parse_basic(text)
        .filter(|_| text.starts_with(date) && date.len() == 8)
        .ok_or_else(|| {
            Refusal::new(
                "IncompleteSignatureException",
                format!("Date must be in ISO-8601 'basic format'. Got '{text}'."),
            )
        })?;
    let moments = |edge: i64| (clock::basic(edge), clock::basic(now));
    if time < now - TOLERANCE {
        let (edge, now) = moments(now - TOLERANCE);
        let message =
            format!("Signature expired: {text} is now earlier than {edge} ({now} - 5 min.)");
        return Err(Refusal::new("InvalidSignatureException", message));
    }
    if time > now + TOLERANCE {
        let (edge, now) = moments(now + TOLERANCE);
        let message = format!(
            "Signature not yet current: {text} is still later than {edge} ({now} + 5 min.)"
        );
        return Err(Refusal::new("InvalidSignatureException", message));
    }
    Ok(())
}

fn incomplete(header: &str) -> Refusal {
    let header = without_signature(header);
    let message = format!(
        "Authorization header requires 'Credential' parameter for the service, 'SignedHeaders' parameter with \
         {} and 'Signature' parameter. Authorization={header}",
        SIGNED.join(", ")
    );
    Refusal::new("IncompleteSignatureException", message)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const NOW: i64 = 1_767_225_600;

    fn check(authorization: &str, date: &str) -> Result<Credential, Refusal> {
        let headers = BTreeMap::from([
            ("authorization".to_string(), authorization.to_string()),
            ("x-amz-date".to_string(), date.to_string()),
        ]);
        let (method, path) = ("POST".to_string(), "/".to_string());
        let request = Request { method, path, query: String::new(), headers, body: Vec::new() };
        Credential::of(&request, "kms", NOW)
    }

    fn good() -> String {
        let signature = "0f".repeat(32);
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/kms/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={signature}"
        )
    }

    #[test]
    fn takes_a_request_of_the_right_shape() {
        let credential = check(&good(), "20260101T000459Z").unwrap();
        assert_eq!(
            (credential.access_key_id.as_str(), credential.region.as_str()),
            ("AKID", "eu-west-1")
        );
        assert!(without_signature(&good()).ends_with("x-amz-target"));
    }

    #[test]
    fn refuses_every_other_shape() {
        for (from, to) in [
            ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"),
            ("AKID/", "/"),
            ("/kms/", "/s3/"),
            ("aws4_request", "aws5_request"),
            ("host;", ""),
            ("x-amz-date;", ""),
            (";x-amz-target", ""),
            ("0f0f", "0F0F"),
            ("0f0f", ""),
            ("20260101", "20260102"),
        ] {
            assert!(
                check(&good().replacen(from, to, 1), "20260101T000000Z").is_err(),
                "{from} -> {to}"
            );
        }
        for date in ["", "20260101T000501Z", "20251231T235459Z", "2026-01-01T00:00:00Z"] {
            assert!(check(&good(), date).is_err(), "{date}");
        }
    }
}
