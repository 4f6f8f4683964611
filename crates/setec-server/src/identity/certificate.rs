//! Who has proven to have a certificate.
//!
//! That it is signed by one who may, and is for clients, was verified when the connection was made. Here its names are
//! read, and whether it has expired since then: a connection that is always in use can live longer than a certificate.

use std::time::{SystemTime, UNIX_EPOCH};

use x509_cert::Certificate;
use x509_cert::der::{Decode, Error};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::{Evidence, Known, Unidentified};
use crate::caller::Principal;
use crate::rule::Rules;

/// The kinds of names, in the order in which they stand for a caller.
const KINDS: [&str; 3] = ["uri:", "dns:", "email:"];

/// Whose certificate it is. There is nothing to go by without one.
pub(super) fn identify(evidence: Evidence<'_>) -> Result<Option<Known>, Unidentified> {
    let shown = evidence.peer.certificates.as_ref().and_then(|chain| chain.first());
    let Some(certificate) = shown else { return Ok(None) };
    let names =
        names(certificate, SystemTime::now()).map_err(|why| Unidentified(why.to_string()))?;
    let host = names.iter().find_map(|name| name.strip_prefix("dns:")).unwrap_or_default();
    let principal = Principal {
        hostname: host.to_string(),
        ip: Some(evidence.peer.address.ip()),
        user: names.first().cloned().unwrap_or_default(),
        tags: Vec::new(),
    };
    Ok(Some(Known { principal, names: names.into(), rules: Rules::default() }))
}

/// Why a certificate says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    #[error("the caller's certificate has expired since the connection was made")]
    Expired,
    #[error(
        "the caller's certificate has no name: no URI, DNS name or email address among its alternative names"
    )]
    Nameless,
    #[error("the caller's certificate can't be read")]
    Unreadable,
}

impl From<Error> for Unfit {
    fn from(_: Error) -> Self {
        Self::Unreadable
    }
}

/// The names in a certificate, as a policy has them: `uri:spiffe://example.org/web`, `dns:web.example.com`,
/// `email:ci@example.com`. There is at least one.
fn names(der: &[u8], now: SystemTime) -> Result<Vec<String>, Unfit> {
    let certificate = Certificate::from_der(der)?;
    let certificate = certificate.tbs_certificate();
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if certificate.validity().not_after.to_unix_duration() < now {
        return Err(Unfit::Expired);
    }
    let (_, alternatives) =
        certificate.get_extension::<SubjectAltName>()?.ok_or(Unfit::Nameless)?;
    let mut names: Vec<_> = alternatives.0.iter().filter_map(name).collect();
    let rank = |name: &String| KINDS.iter().position(|kind| name.starts_with(kind));
    names.sort_by_key(rank);
    if names.is_empty() { Err(Unfit::Nameless) } else { Ok(names) }
}

/// A name by which somebody can be known. Of DNS names the case does not count.
fn name(name: &GeneralName) -> Option<String> {
    let [uri, dns, email] = KINDS;
    let (kind, text) = match name {
        GeneralName::UniformResourceIdentifier(text) => (uri, text.to_string()),
        GeneralName::DnsName(text) => (dns, text.as_str().to_ascii_lowercase()),
        GeneralName::Rfc822Name(text) => (email, text.to_string()),
        _ => return None,
    };
    (!text.is_empty()).then(|| format!("{kind}{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, KeyPair, SanType, date_time_ymd};

    fn text(text: &str) -> Ia5String {
        text.try_into().expect("ASCII")
    }

    fn made(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.not_after = date_time_ymd(2030, 1, 1);
        let key = KeyPair::generate().expect("random bytes");
        params.self_signed(&key).expect("a key that signs").der().to_vec()
    }

    fn on_2029_12_31() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_893_456_000 - 86_400)
    }

    #[test]
    fn names_are_in_the_order_in_which_they_stand_for_a_caller() {
        let certificate = made(vec![
            SanType::Rfc822Name(text("CI@example.com")),
            SanType::DnsName(text("Web.Example.com")),
            SanType::IpAddress([10, 0, 0, 1].into()),
            SanType::DnsName(text("a.example.com")),
            SanType::URI(text("spiffe://example.org/Web")),
            SanType::URI(text("")),
        ]);
        let expected = [
            "uri:spiffe://example.org/Web",
            "dns:web.example.com",
            "dns:a.example.com",
            "email:CI@example.com",
        ];
        assert_eq!(names(&certificate, on_2029_12_31()).expect("names"), expected);
    }

    #[test]
    fn a_certificate_without_a_name_or_time_is_nobodys() {
        let good = made(vec![SanType::DnsName(text("a"))]);
        assert!(names(&good, on_2029_12_31()).is_ok());
        let later = on_2029_12_31() + Duration::from_secs(86_401);
        assert_eq!(names(&good, later), Err(Unfit::Expired));
        for nameless in [vec![], vec![SanType::IpAddress([10, 0, 0, 1].into())]] {
            assert_eq!(names(&made(nameless), on_2029_12_31()), Err(Unfit::Nameless));
        }
        assert_eq!(names(&good[..good.len() - 1], on_2029_12_31()), Err(Unfit::Unreadable));
    }
}
