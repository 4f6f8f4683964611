//! Why a call is not answered, with the status and the text that setec has for it.

/// Why not, in the order in which a server finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// Another method than `POST`.
    Method,
    /// The body is said to be something else than JSON.
    ContentType,
    /// It may be a browser that calls.
    Browser,
    /// Nobody can say who calls.
    Unidentified,
    /// The server can't open its store yet. setec does not start then.
    Sealed,
    /// The server has too much to hold just now. setec has no limit.
    Overloaded,
    /// The body is larger than it may be. setec has no limit.
    TooLarge,
    /// The body is no request.
    Malformed,
    /// Whoever calls may not do that.
    AccessDenied,
    /// There is no such secret, or no such version of it.
    NotFound,
    /// The active version is the one that the caller has.
    NotChanged,
    /// A version was to be created with the number 0.
    InvalidVersion,
    /// A new secret was to have a name that is not taken. setec takes any.
    InvalidName,
    /// There is, or was, a version of that number.
    VersionClaimed,
    /// Everything else: an empty or a reserved name, version 0, the end of the active version, and what the server
    /// itself failed at.
    Internal,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Method,
        Self::ContentType,
        Self::Browser,
        Self::Unidentified,
        Self::Sealed,
        Self::Overloaded,
        Self::TooLarge,
        Self::Malformed,
        Self::AccessDenied,
        Self::NotFound,
        Self::NotChanged,
        Self::InvalidVersion,
        Self::InvalidName,
        Self::VersionClaimed,
        Self::Internal,
    ];

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::NotChanged => 304,
            Self::Method
            | Self::ContentType
            | Self::Malformed
            | Self::InvalidVersion
            | Self::InvalidName => 400,
            Self::Browser | Self::AccessDenied => 403,
            Self::NotFound => 404,
            Self::VersionClaimed => 412,
            Self::TooLarge => 413,
            Self::Unidentified | Self::Internal => 500,
            Self::Sealed | Self::Overloaded => 503,
        }
    }

    /// The body, which ends with a newline. [`Self::NotChanged`] has none, nor a header that would be about it.
    pub fn body(self) -> &'static str {
        match self {
            Self::Method => "only POST requests allowed\n",
            Self::ContentType => "request body must be json\n",
            Self::Browser | Self::AccessDenied => "access denied\n",
            Self::Unidentified => "unable to identify caller\n",
            Self::Sealed => "the store is sealed\n",
            Self::Overloaded => "too many requests at once\n",
            Self::TooLarge => "request body too large\n",
            Self::Malformed => "bad request\n",
            Self::NotFound => "not found\n",
            Self::NotChanged => "",
            Self::InvalidVersion => "invalid version, please specify a version > 0\n",
            Self::InvalidName => "invalid name\n",
            Self::VersionClaimed => "version already set\n",
            Self::Internal => "internal error\n",
        }
    }

    /// The body without the newline.
    pub fn text(self) -> &'static str {
        self.body().trim_end()
    }

    /// The refusal that an answer with this status and body is. Nothing else that is in a body should be repeated:
    /// somebody else than setec may have written it.
    ///
    /// ```
    /// # use secretary_setec_api::Refusal;
    /// assert_eq!(Refusal::told_by(500, b"internal error\n"), Some(Refusal::Internal));
    /// assert_eq!(Refusal::told_by(500, b"<html>"), None);
    /// ```
    pub fn told_by(status: u16, body: &[u8]) -> Option<Self> {
        let body = body.trim_ascii();
        let told = |refusal: &Self| refusal.status() == status && refusal.text().as_bytes() == body;
        // Who may not call at all hears the same as who may not do this, and nearly always it is the latter.
        Self::ALL.into_iter().filter(|refusal| *refusal != Self::Browser).find(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_status_and_body() {
        for refusal in Refusal::ALL {
            let expected = match refusal {
                Refusal::Browser => Refusal::AccessDenied,
                other => other,
            };
            let (status, body) = (refusal.status(), refusal.body());
            assert_eq!(Refusal::told_by(status, body.as_bytes()), Some(expected));
            assert_eq!(Refusal::told_by(status, body.trim_end().as_bytes()), Some(expected));
            assert_eq!(Refusal::told_by(418, body.as_bytes()), None);
            assert_eq!(Refusal::told_by(status, b"internal"), None);
        }
    }

    #[test]
    fn a_body_is_one_line_or_nothing() {
        for refusal in Refusal::ALL {
            let body = refusal.body();
            let lines = if refusal == Refusal::NotChanged { 0 } else { 1 };
            assert_eq!((body.lines().count(), body.matches('\n').count()), (lines, lines));
            assert_eq!(refusal.text().trim(), refusal.text());
        }
    }
}
