//! The errors that KMS and the gateway in front of it answer, with their texts.
//!
//! Real ones, where one was published, so that tests see how the client's messages will read.

use serde_json::json;

use crate::http::Response;

/// One error answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    kind: &'static str,
    message: Option<String>,
}

impl Refusal {
    /// An error that the caller caused. AWS's JSON services answer 400 even where others say 403.
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, kind, message: Some(message.into()) }
    }

    /// An error that the service caused.
    fn server(status: u16, kind: &'static str, message: &str) -> Self {
        Self { status, kind, message: Some(message.to_string()) }
    }

    /// KMS says nothing about why: there is no message at all.
    pub(crate) fn invalid_ciphertext() -> Self {
        Self { status: 400, kind: "InvalidCiphertextException", message: None }
    }

    pub(crate) fn validation(message: &str) -> Self {
        Self::new("ValidationException", message)
    }

    pub(crate) fn throttling() -> Self {
        Self::new(
            "ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
        )
    }

    /// One of the three faults a client meets at an overloaded service, in turns.
    pub(crate) fn fault(turn: u64) -> Self {
        match turn % 3 {
            0 => Self::server(500, "KMSInternalException", "An internal error occurred."),
            1 => Self::server(503, "ServiceUnavailableException", "Service is unavailable."),
            _ => Self { status: 500, kind: "InternalFailure", message: None },
        }
    }

    /// The answer with AWS's framing of it.
    pub(crate) fn response(&self) -> Response {
        let body = match &self.message {
            Some(message) => json!({"__type": self.kind, "message": message}),
            None => json!({"__type": self.kind}),
        };
        Response::new(self.status, "application/x-amz-json-1.1", body.to_string())
    }
}

/// What an error setting needs to know to say what AWS would.
#[derive(Debug)]
pub(crate) struct Occasion<'a> {
    /// `Decrypt`, `Encrypt` or `GenerateDataKey`.
    pub(crate) operation: &'a str,
    /// The key's ARN, if the request or its ciphertext names one.
    pub(crate) key: Option<&'a str>,
    /// The alias's ARN, if the request names the key so.
    pub(crate) alias: Option<&'a str>,
}

/// A setting that makes every answer the same error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Always(fn(&Occasion) -> Refusal);

impl Always {
    /// The setting called `name`.
    pub(crate) fn find(name: &str) -> Option<Self> {
        ALWAYS.iter().find(|(known, _)| *known == name).map(|(_, refuse)| Self(*refuse))
    }

    pub(crate) fn refuse(self, occasion: &Occasion) -> Refusal {
        self.0(occasion)
    }
}

/// A setting's name and the error it stands for.
type Entry = (&'static str, fn(&Occasion) -> Refusal);

const ALWAYS: [Entry; 12] = [
    ("denied", denied),
    ("disabled", |occasion| {
        Refusal::new("DisabledException", format!("{} is disabled.", key(occasion)))
    }),
    ("unknown", unknown),
    ("pending-deletion", |occasion| {
        Refusal::new("KMSInvalidStateException", format!("{} is pending deletion.", key(occasion)))
    }),
    ("incorrect-key", |_| incorrect_key()),
    ("expired", |_| {
        Refusal::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        )
    }),
    ("unrecognized", |_| {
        Refusal::new(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    }),
    ("bad-signature", |_| bad_signature()),
    ("skew", |_| {
        Refusal::new(
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T001500Z - 5 min.)",
        )
    }),
    ("invalid-ciphertext", |_| Refusal::invalid_ciphertext()),
    ("key-unavailable", |occasion| {
        Refusal::server(
            500,
            "KeyUnavailableException",
            &format!("{} is unavailable.", key(occasion)),
        )
    }),
    ("dependency-timeout", |_| {
        Refusal::server(
            503,
            "DependencyTimeoutException",
            "The system timed out while trying to fulfill the request.",
        )
    }),
];

/// The key that `Decrypt` names is not the one that the ciphertext is of.
pub(crate) fn incorrect_key() -> Refusal {
    Refusal::new(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )
}

/// The signature is not of this request with the secret key that the server knows.
pub(crate) fn bad_signature() -> Refusal {
    Refusal::new(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details.",
    )
}

/// The key of a ciphertext is in another region, or not there: KMS does not tell which.
pub(crate) fn out_of_reach() -> Refusal {
    Refusal::new(
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you \
         are not allowed to access.",
    )
}

fn denied(occasion: &Occasion) -> Refusal {
    let operation = occasion.operation;
    let what = match occasion.key {
        Some(key) => format!("resource: {key}"),
        None => "the resource associated with this ciphertext".to_string(),
    };
    Refusal::new(
        "AccessDeniedException",
        format!(
            "User: arn:aws:iam::111122223333:user/app is not authorized to perform: kms:{operation} on {what} \
             because no identity-based policy allows the kms:{operation} action"
        ),
    )
}

fn unknown(occasion: &Occasion) -> Refusal {
    let message = match occasion.alias {
        Some(alias) => format!("Alias {alias} is not found."),
        None => format!("Key '{}' does not exist", key(occasion)),
    };
    Refusal::new("NotFoundException", message)
}

fn key<'a>(occasion: &Occasion<'a>) -> &'a str {
    occasion
        .key
        .unwrap_or("arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000")
}
