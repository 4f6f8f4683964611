//! What the start of a path asks for: each of its segments is one setting.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secretary_test_kms::http::{CANARY, Request, Response};
use secretary_test_kms::wire::Wire;

use crate::answer::Answer;
use crate::bomb::bomb;

/// All settings of one target.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) latency: Duration,
    fault: Limited<Fault>,
    wire: Limited<Wire>,
    /// The only value of `Authorization` that is heard.
    authorization: Option<String>,
}

/// Something, and how many requests it is for.
type Limited<T> = Option<(T, u64)>;

/// What is answered in the place of an answer.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Status(u16),
    Html500,
    Garbage,
    GzipBomb,
    /// To the same server by this name of its host.
    Redirect(u16, &'static str),
}

impl Settings {
    /// The settings that a target begins with, their text, and the rest of the target.
    pub(crate) fn split(target: &str) -> (Self, &str, &str) {
        let mut settings = Self::default();
        let mut at = 0;
        while let Some(segment) = target[at..].strip_prefix('/') {
            let segment = segment.split(['/', '?']).next().unwrap_or("");
            if settings.set(segment).is_none() {
                break;
            }
            at += 1 + segment.len();
        }
        (settings, &target[..at], &target[at..])
    }

    fn set(&mut self, segment: &str) -> Option<()> {
        if let Some(milliseconds) = segment.strip_prefix("latency-") {
            self.latency = Duration::from_millis(milliseconds.parse().ok()?);
        } else if let Some(pair) = segment.strip_prefix("needs-basic-") {
            let (user, password) = pair.split_once('-')?;
            let pair = BASE64_STANDARD.encode(format!("{user}:{password}"));
            self.authorization = Some(format!("Basic {pair}"));
        } else if let Some(token) = segment.strip_prefix("needs-bearer-") {
            self.authorization = Some(format!("Bearer {token}"));
        } else if !segment.starts_with("run-") {
            self.set_fault(segment)?;
        }
        Some(())
    }

    fn set_fault(&mut self, segment: &str) -> Option<()> {
        let (name, first) = match segment.split_once("-first-") {
            Some((name, count)) => (name, count.parse().ok()?),
            None => (segment, u64::MAX),
        };
        match Wire::find(name) {
            Some(wire) => self.wire = Some((wire, first)),
            None => self.fault = Some((Fault::find(name)?, first)),
        }
        Some(())
    }

    /// The answer to the nth request with these settings, from 0; without any it would be `work`.
    pub(crate) fn apply(
        &self,
        turn: u64,
        request: &Request,
        rest: &str,
        work: impl FnOnce() -> Answer,
    ) -> Answer {
        if self.authorization.as_ref().is_some_and(|only| request.header("authorization") != only) {
            return Answer::status(401).with("WWW-Authenticate", "Basic realm=\"cluster\"");
        }
        let answer = match now(&self.fault, turn) {
            Some(fault) => fault.answer(request, rest),
            None => work(),
        };
        match now(&self.wire, turn) {
            Some(wire) => answer.sent(wire),
            None => answer,
        }
    }
}

/// What is for this request, if it is for it.
fn now<T: Copy>(limited: &Limited<T>, turn: u64) -> Option<T> {
    limited.filter(|(_, first)| turn < *first).map(|(what, _)| what)
}

impl Fault {
    /// The setting called `name`.
    fn find(name: &str) -> Option<Self> {
        if let Some(status) = name.strip_prefix("status-") {
            return Some(Self::Status(status.parse().ok().filter(|n| (200..=599).contains(n))?));
        }
        if let Some(rest) = name.strip_prefix("redirect") {
            let (host, rest) = match rest.strip_prefix("-away") {
                Some(rest) => ("localhost", rest),
                None => ("127.0.0.1", rest),
            };
            let status = match rest {
                "" => 302,
                _ => rest.strip_prefix('-')?.parse().ok().filter(|n| (300..=399).contains(n))?,
            };
            return Some(Self::Redirect(status, host));
        }
        Some(match name {
            "html-500" => Self::Html500,
            "garbage" => Self::Garbage,
            "gzip-bomb" => Self::GzipBomb,
            _ => return None,
        })
    }

    fn answer(self, request: &Request, rest: &str) -> Answer {
        match self {
            Self::Status(status) => Answer::status(status),
            Self::Html500 => Response::proxy_page().into(),
            Self::Garbage => Answer::new(200, "application/json", format!("{CANARY} {{]")),
            Self::GzipBomb => {
                Answer::new(200, "application/json", bomb()).with("Content-Encoding", "gzip")
            }
            Self::Redirect(status, host) => {
                let port = request.header("host").rsplit(':').next().unwrap_or("");
                Answer::redirect(status, format!("http://{host}:{port}{rest}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_end_where_the_target_begins() {
        for (target, text, rest) in [
            ("/v2/apps/close?embed=apps.tasks", "", "/v2/apps/close?embed=apps.tasks"),
            ("/close-first-2/run-a/v2/apps/x", "/close-first-2/run-a", "/v2/apps/x"),
            ("/close//v2", "/close", "//v2"),
            ("//v2", "", "//v2"),
            ("/status-503", "/status-503", ""),
            ("/needs-basic-user-pass-word/api/v1", "/needs-basic-user-pass-word", "/api/v1"),
            ("/hang?a=/close", "/hang", "?a=/close"),
        ] {
            let (_, found, others) = Settings::split(target);
            assert_eq!((found, others), (text, rest));
        }
    }

    #[test]
    fn what_is_no_setting_is_a_part_of_the_target() {
        for target in [
            "/latency-",
            "/status-",
            "/status-99",
            "/redirect-200",
            "/redirecting",
            "/close-first-x",
            "/needs-basic-user",
            "/x",
        ] {
            assert_eq!(Settings::split(target).1, "", "{target}");
        }
    }
}
