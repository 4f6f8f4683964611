//! What a `KeyId` may be: a key's id or ARN, an alias's name or ARN.

use crate::refusal::Refusal;

/// Whose keys they are, unless an ARN says otherwise.
const ACCOUNT: &str = "111122223333";

/// A key as a request names it, and the ARN that answers name it by.
#[derive(Debug)]
pub(crate) struct KeyName {
    /// `arn:aws:kms:REGION:ACCOUNT:key/ID`.
    pub(crate) key: String,
    /// `arn:aws:kms:REGION:ACCOUNT:alias/NAME`, if that is how the request names it.
    pub(crate) alias: Option<String>,
}

impl KeyName {
    /// Every well-formed name is a key that exists: the server keeps no list.
    pub(crate) fn parse(text: &str, region: &str) -> Result<Self, Refusal> {
        if let Some(rest) = text.strip_prefix("arn:") {
            return Self::of_arn(rest, region);
        }
        let prefix = format!("arn:aws:kms:{region}:{ACCOUNT}");
        if text.starts_with("alias/") {
            return Self::of_resource(&prefix, text);
        }
        Self::of_resource(&prefix, &format!("key/{text}"))
    }

    fn of_arn(rest: &str, region: &str) -> Result<Self, Refusal> {
        let parts: Vec<_> = rest.splitn(5, ':').collect();
        let [partition, "kms", of_region, account, resource] = parts[..] else {
            return Err(Refusal::new("NotFoundException", format!("Invalid arn arn:{rest}")));
        };
        if of_region != region {
            return Err(Refusal::new("NotFoundException", format!("Invalid arn {of_region}")));
        }
        Self::of_resource(&format!("arn:{partition}:kms:{of_region}:{account}"), resource)
    }

    fn of_resource(prefix: &str, resource: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::new("NotFoundException", format!("Invalid keyId '{resource}'"));
        let (kind, name) = resource.split_once('/').ok_or_else(invalid)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
        if name.is_empty() || !name.bytes().all(allowed) {
            return Err(invalid());
        }
        match kind {
            "key" => Ok(Self { key: format!("{prefix}:{resource}"), alias: None }),
            "alias" => Ok(Self {
                key: format!("{prefix}:key/{}", id_of_alias(name)),
                alias: Some(format!("{prefix}:{resource}")),
            }),
            _ => Err(invalid()),
        }
    }
}

/// The region an ARN is of.
pub(crate) fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or("")
}

/// The id of the key behind an alias: the same in every server, so that each opens what others
/// sealed.
fn id_of_alias(name: &str) -> String {
    let high = checksum(name.as_bytes());
    let low = checksum(&high.to_le_bytes());
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// FNV-1a, which notices damage and keeps nobody out.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_key_ends_at_an_arn() {
        let key = |text| KeyName::parse(text, "eu-west-1").unwrap().key;
        assert_eq!(key("a-b"), "arn:aws:kms:eu-west-1:111122223333:key/a-b");
        assert_eq!(key("arn:aws-cn:kms:eu-west-1:1:key/c"), "arn:aws-cn:kms:eu-west-1:1:key/c");
        assert_eq!(key("alias/app"), key("arn:aws:kms:eu-west-1:111122223333:alias/app"));
        assert_ne!(key("alias/app"), key("alias/other"));
    }

    #[test]
    fn refuses_other_regions_and_what_names_no_key() {
        for text in [
            "",
            "a b",
            "alias/",
            "arn:aws:kms:us-east-1:1:key/c",
            "arn:aws:s3:::b",
            "arn:aws:kms:eu-west-1:1:x/c",
        ] {
            assert!(KeyName::parse(text, "eu-west-1").is_err(), "{text}");
        }
    }
}
