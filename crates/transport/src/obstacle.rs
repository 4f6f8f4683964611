//! Why no request got through, or no answer came back.

use std::error::Error as StdError;
use std::io;

/// How a request ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// There was no connection.
    Unreachable(Obstacle),
    /// The connection ended in the middle.
    Broken,
}

/// What stood between this machine and the other one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The name of its host is not known.
    #[error("its name has no address")]
    NoAddress,
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// The network does not lead there.
    #[error("there is no route to it")]
    NoRoute,
    /// Nothing came back in time.
    #[error("no connection within the time")]
    Silence,
    /// This machine, or its network, does not allow it.
    #[error("no connection could be made")]
    NoConnection,
    /// Its certificate is of somebody else's making.
    #[error("its certificate is not signed by a trusted one")]
    Untrusted,
    /// Its certificate is over, or this machine's clock is ahead.
    #[error("its certificate has expired")]
    CertificateExpired,
    /// Its certificate is to come, or this machine's clock is behind.
    #[error("its certificate is not valid yet")]
    CertificateNotYet,
    /// Its certificate is that of another host.
    #[error("its certificate is for another name")]
    OtherName,
    /// Its certificate is one that signs others.
    #[error("its certificate is that of an authority, and not of a server")]
    AuthorityCertificate,
    /// Its certificate is no good in another way.
    #[error("its certificate is not valid")]
    BadCertificate,
    /// Something answers that does not speak TLS.
    #[error("what answers there does not speak TLS")]
    NoTls,
    /// Something answers that speaks TLS before 1.2.
    #[error("what answers there has no version of TLS that is safe")]
    OldTls,
    /// TLS failed in another way.
    #[error("TLS failed")]
    Tls,
    /// Something answers that does not speak HTTP, or speaks it inside TLS.
    #[error("what answers there does not speak HTTP")]
    NoHttp,
    /// The proxy is not open to everybody.
    #[error("the proxy wants a user and a password, or others")]
    ProxyAuthorization,
    /// The proxy does not let it through.
    #[error("the proxy makes no connection to it")]
    ProxyRefuses,
    /// The proxy itself can't be reached.
    #[error("the proxy can't be reached: {0}")]
    NoProxy(Box<Obstacle>),
    /// The request was not even begun.
    #[error("the request could not be sent")]
    Unsendable,
}

impl Obstacle {
    /// Whether the same may be gone in a moment: what is wrong with a certificate or a setting is not.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoAddress
            | Self::Refused
            | Self::NoRoute
            | Self::Silence
            | Self::NoConnection => true,
            Self::NoProxy(obstacle) => obstacle.may_pass(),
            _ => false,
        }
    }
}

/// Puts an error of an HTTP client, which may be of hyper, rustls or the system at its root, into words.
pub fn of_transport(error: &(dyn StdError + 'static)) -> Cut {
    if let Some(tls) = find::<rustls::Error>(error) {
        return Cut::Unreachable(of_tls(tls));
    }
    if let Some(obstacle) = of_proxy(error) {
        return Cut::Unreachable(obstacle);
    }
    if says(error, "invalid HTTP") {
        return Cut::Unreachable(Obstacle::NoHttp);
    }
    if says(error, "failed to lookup address") || says(error, "dns error") {
        return Cut::Unreachable(Obstacle::NoAddress);
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => Cut::Unreachable(Obstacle::Refused),
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            Cut::Unreachable(Obstacle::NoRoute)
        }
        Some(io::ErrorKind::TimedOut) => Cut::Unreachable(Obstacle::Silence),
        Some(_) if says(error, "connect error") => Cut::Unreachable(Obstacle::NoConnection),
        Some(_) => Cut::Broken,
        // So the HTTP client says of a connection that came about and on which TLS got no answer.
        None if says(error, "operation timed out") => Cut::Unreachable(Obstacle::Silence),
        // hyper has errors of its own for this, without a system's error below them.
        None if says(error, "closed") => Cut::Broken,
        // Something came back, and was no HTTP.
        None if says(error, "parsed") || says(error, "too large") => Cut::Broken,
        None => Cut::Unreachable(Obstacle::Unsendable),
    }
}

/// Whether one of the errors behind `error` has these words, where there is no type to know it by.
fn says(error: &(dyn StdError + 'static), words: &str) -> bool {
    chain(error).any(|part| part.to_string().contains(words))
}

/// What a proxy said to the wish for a tunnel. The HTTP library has no public type for it.
fn of_proxy(error: &(dyn StdError + 'static)) -> Option<Obstacle> {
    let tunnel = |part: &(dyn StdError + 'static)| {
        part.to_string().strip_prefix("tunnel error: ").map(str::to_string)
    };
    let mut parts = chain(error);
    let said = parts.find_map(tunnel)?;
    Some(match said.as_str() {
        "proxy authorization required" => Obstacle::ProxyAuthorization,
        "failed to create underlying connection" => match parts.next().map(of_transport) {
            Some(Cut::Unreachable(obstacle)) => Obstacle::NoProxy(Box::new(obstacle)),
            _ => Obstacle::NoProxy(Box::new(Obstacle::Silence)),
        },
        _ => Obstacle::ProxyRefuses,
    })
}

fn of_tls(error: &rustls::Error) -> Obstacle {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(
            Certificate::UnknownIssuer
            | Certificate::UnhandledCriticalExtension
            // Signed by one that has the name of a trusted one, such as its predecessor.
            | Certificate::BadSignature,
        ) => Obstacle::Untrusted,
        rustls::Error::InvalidCertificate(
            Certificate::Expired | Certificate::ExpiredContext { .. },
        ) => Obstacle::CertificateExpired,
        rustls::Error::InvalidCertificate(
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. },
        ) => Obstacle::CertificateNotYet,
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => Obstacle::OtherName,
        rustls::Error::InvalidCertificate(Certificate::Other(other))
            if says(other, "CaUsedAsEndEntity") =>
        {
            Obstacle::AuthorityCertificate
        }
        rustls::Error::InvalidCertificate(_) => Obstacle::BadCertificate,
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            rustls::AlertDescription::ProtocolVersion | rustls::AlertDescription::HandshakeFailure,
        ) => Obstacle::OldTls,
        rustls::Error::InvalidMessage(_) => Obstacle::NoTls,
        _ => Obstacle::Tls,
    }
}

/// The first error of that type which caused `error`.
pub fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    chain(error).find_map(|part| part.downcast_ref().or_else(|| within(part)))
}

/// What I/O errors are made of is not among their sources, and they are made of each other, too.
fn within<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let inner = error.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref().or_else(|| within(inner))
}

fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let part = next?;
        next = part.source();
        Some(part)
    })
}
