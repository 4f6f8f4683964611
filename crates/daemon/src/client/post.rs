//! One exchange with a daemon, and whether another one may end in a better way.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{RequestBuilder, Response, StatusCode};
use secretary_secret::Secret;
use secretary_transport::http::{self, BodyError};
use secretary_transport::obstacle::of_transport;

use super::Cause;
use crate::protocol::MAX_BODY;
use crate::refusal::Refusal;

/// The most bytes that an answer may have: as many as a request, whose plaintexts are shorter than their tokens.
const MAX_ANSWER: usize = 2 * MAX_BODY;

/// The most that a daemon can ask for with `Retry-After`. A wait that is random comes on top, or all
/// would come back at once.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why an attempt brought nothing.
pub(super) enum Failure {
    /// Another one would bring no more.
    Lasting(Cause),
    /// The same may go well in a moment, and nothing has been done yet. The daemon may have said when.
    Passing(Cause, Duration),
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Lasting(cause)
    }
}

/// Sends `form` with `request`, and reads the answer.
pub(super) async fn post(request: RequestBuilder, form: String) -> Result<Secret, Failure> {
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.map_err(|error| match Cause::from(of_transport(&error)) {
        Cause::Unreachable(obstacle) if obstacle.may_pass() => {
            Failure::Passing(Cause::Unreachable(obstacle), Duration::ZERO)
        }
        cause => Failure::Lasting(cause),
    })?;
    let (status, wait) = (answer.status(), retry_after(&answer));
    match (status, http::body(answer, MAX_ANSWER).await) {
        (StatusCode::OK, Ok(body)) => Ok(body),
        (StatusCode::OK, Err(BodyError::TooLarge)) => Err(Cause::LargeAnswer.into()),
        (StatusCode::OK, Err(BodyError::Broken(_))) => Err(Cause::Broken.into()),
        (status, _) if status.is_redirection() => Err(Cause::Redirect(status.as_u16()).into()),
        (status, body) => {
            let cause = refused(status, body.as_ref().ok());
            Err(match status {
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    Failure::Passing(cause, wait)
                }
                _ => Failure::Lasting(cause),
            })
        }
    }
}

/// What an answer says that has another status than 200.
fn refused(status: StatusCode, body: Option<&Secret>) -> Cause {
    let text = body.and_then(|body| str::from_utf8(body.expose()).ok());
    let known = text.and_then(Refusal::told_by);
    known.map_or(Cause::Status(status.as_u16()), Cause::Refused)
}

/// The whole seconds that the daemon wants to be left alone. As a date it is not read: clocks differ.
fn retry_after(answer: &Response) -> Duration {
    let seconds = answer.headers().get(RETRY_AFTER).and_then(|seconds| seconds.to_str().ok());
    let seconds = seconds.and_then(|seconds| seconds.trim().parse().ok()).unwrap_or(0);
    LONGEST_RETRY_AFTER.min(Duration::from_secs(seconds))
}
