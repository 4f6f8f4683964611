//! What a request has to say before anything of it is read, and what an answer says of its body.

use crate::refusal::Refusal;

/// The one method of a call.
pub const METHOD: &str = "POST";

/// The header with the type of a body.
pub const CONTENT_TYPE: &str = "Content-Type";

/// The type of a request, byte for byte and without parameters, and of an answer.
pub const JSON: &str = "application/json";

/// The type of a refusal.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// A header that no script in a browser can set, so that no page that somebody looks at can make a call.
pub const NO_BROWSERS: &str = "Sec-X-Tailscale-No-Browsers";

/// The value of [`NO_BROWSERS`].
pub const NO_BROWSERS_VALUE: &str = "setec";

/// A header of refusals, for browsers all the same.
pub const CONTENT_TYPE_OPTIONS: (&str, &str) = ("X-Content-Type-Options", "nosniff");

/// Looks at a request's method and the first of each of its two headers, in setec's order. Who calls is asked after
/// that, and the body read after that.
///
/// # Errors
///
/// [`Refusal::Method`], [`Refusal::ContentType`] or [`Refusal::Browser`].
pub fn check(
    method: &str,
    content_type: Option<&[u8]>,
    no_browsers: Option<&[u8]>,
) -> Result<(), Refusal> {
    if method != METHOD {
        return Err(Refusal::Method);
    }
    if content_type != Some(JSON.as_bytes()) {
        return Err(Refusal::ContentType);
    }
    match no_browsers == Some(NO_BROWSERS_VALUE.as_bytes()) {
        true => Ok(()),
        false => Err(Refusal::Browser),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_wrong_is_told() {
        let (json, setec) = (Some(b"application/json".as_slice()), Some(b"setec".as_slice()));
        assert_eq!(check("POST", json, setec), Ok(()));
        for method in ["GET", "HEAD", "PUT", "post", ""] {
            assert_eq!(check(method, None, None), Err(Refusal::Method), "{method}");
        }
        for other in [None, Some("application/json; charset=utf-8"), Some("Application/JSON")] {
            let other = other.map(str::as_bytes);
            assert_eq!(check("POST", other, None), Err(Refusal::ContentType));
        }
        for other in [None, Some("Setec"), Some("")] {
            let other = other.map(str::as_bytes);
            assert_eq!(check("POST", json, other), Err(Refusal::Browser));
        }
    }
}
