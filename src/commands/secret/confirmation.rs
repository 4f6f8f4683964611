//! Tokens that confirm what can't be undone. They guard against slips of the hand, and against nobody who means it.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::quoted::quoted;
use crate::failure::{Code, Failure};

/// A token is good until the minute is over in which it was printed.
const MINUTE: u64 = 60;

/// How much of a request's hash is in its token.
const HASH_LEN: usize = 8;

/// What is to be confirmed at a time.
pub(super) struct Confirmation<'a> {
    request: &'a str,
    now: SystemTime,
}

impl<'a> Confirmation<'a> {
    /// `request` is `delete-secret:NAME` or `delete-version:NAME:VERSION`.
    pub(super) fn new(request: &'a str, now: SystemTime) -> Self {
        Self { request, now }
    }

    /// # Errors
    ///
    /// When `token` is not the one for this request and this minute. The failure says which one is.
    pub(super) fn check(&self, token: Option<&str>) -> Result<(), Failure> {
        let expected = self.token();
        let wrong = match token {
            Some(token) if token == expected => return Ok(()),
            Some(_) => "incorrect confirmation",
            None => "confirmation required",
        };
        let (request, token) = (quoted(self.request), quoted(&expected));
        Err(Failure::new(Code::General, format!("{wrong} for {request}, use token {token}")).hint(
            "nothing was deleted yet; the same command with the token behind it does it, for good",
        ))
    }

    /// `1ac3e0d.0123456789abcdef`: in which minute this one ends, rounded as setec does, and a part of the request's hash.
    fn token(&self) -> String {
        let since_epoch = self.now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let minute = (since_epoch.as_secs() + 2 * MINUTE - 1) / MINUTE;
        let mut token = format!("{minute:x}.");
        for byte in &Sha256::digest(self.request)[..HASH_LEN] {
            let _ = write!(token, "{byte:02x}");
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn token(request: &str, seconds: u64) -> String {
        Confirmation::new(request, at(seconds)).token()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_the_minute_and_the_start_of_the_requests_hash() {
        // printf %s delete-secret:prod/db | sha256sum | cut -c1-16
        assert_eq!(token("delete-secret:prod/db", 1_800_000_000), "1c9c381.31c79bc91d2dc77f");
        assert_eq!(token("delete-version:prod/db:2", 1_800_000_001), "1c9c382.f557d21e2f08eb71");
    }

    #[test]
    fn a_token_changes_with_the_minute_and_not_before() {
        let of = |seconds| token("x", seconds);
        assert_eq!(of(0), format!("1.{}", &of(0)[2..]));
        assert_eq!(of(1), of(60));
        assert_ne!(of(0), of(1));
        assert_ne!(of(60), of(61));
    }

    #[test]
    fn another_token_confirms_nothing() {
        let confirmation = Confirmation::new("delete-secret:a", at(1000));
        let right = confirmation.token();
        assert!(confirmation.check(Some(&right)).is_ok());
        let message = |token| confirmation.check(token).expect_err("no").message().to_string();
        let required = format!("for \"delete-secret:a\", use token \"{right}\"");
        assert_eq!(message(None), format!("confirmation required {required}"));
        let upper = right.to_uppercase();
        let stale = Confirmation::new("delete-secret:a", at(900)).token();
        let others = Confirmation::new("delete-secret:b", at(1000)).token();
        for wrong in ["", "yes", &upper, &stale, &others] {
            assert_eq!(message(Some(wrong)), format!("incorrect confirmation {required}"));
        }
    }
}
