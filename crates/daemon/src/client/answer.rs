//! Which answer counts.

use secretary_envelope::Token;
use secretary_secret::Secret;

use super::{Answered as All, Answers, Cause, Wanted};
use crate::channel::Channel;
use crate::protocol::{Answer, Answered, Item, Request};
use crate::refusal::Refusal;

/// Reads the answer to `request`, which was sent as `envelope`. It has as many plaintexts as are `wanted`, or, from an
/// old daemon, one.
pub(super) fn read(
    text: &Secret,
    envelope: &str,
    channel: &Channel,
    request: &Request,
    wanted: &[Wanted],
    answers: Answers,
) -> Result<All, Cause> {
    if text.expose() == envelope.as_bytes() {
        return Err(Cause::Echo);
    }
    // What is no token at all comes from a proxy, or another server, rather than from somebody who forges.
    Token::parse(text.expose()).ok_or(Cause::Unreadable)?;
    let json = channel.open(text.expose()).map_err(Cause::Forged)?;
    let answer = Answer::parse(&json).map_err(|_| Cause::Unreadable)?;
    let is_old = is_old(&answer, request)?;
    if is_old && answers == Answers::Bound {
        return Err(Cause::Unbound);
    }
    let items = match answer.answered {
        Answered::One(item) => vec![item],
        Answered::List(items) if items.len() == wanted.len() => items,
        Answered::List(_) => return Err(Cause::Unreadable),
    };
    let secrets =
        items.into_iter().zip(wanted).map(|(item, wanted)| one(item, wanted)).collect::<Vec<_>>();
    // What was replaced by another is no matter of one secret.
    match secrets
        .iter()
        .find_map(|secret| secret.as_ref().err().filter(|cause| !cause.is_of_one_token()))
    {
        Some(cause) => Err(cause.clone()),
        None => Ok(All { secrets, is_old }),
    }
}

/// Whether the daemon is one that does not say to which request an answer belongs. A new one names the token in each
/// answer, so one that does that and no more was made for an old client's request.
fn is_old(answer: &Answer, request: &Request) -> Result<bool, Cause> {
    let sent = request.proof.as_ref().map(|proof| proof.request_id);
    match (answer.request_id, &answer.answered) {
        (Some(id), _) if Some(id) == sent => Ok(false),
        (None, Answered::One(Item { token: None, .. })) => Ok(true),
        _ => Err(Cause::OtherRequest),
    }
}

/// The plaintext of one token. Sealing keeps the length, so another one is of another token.
fn one(item: Item, wanted: &Wanted) -> Result<Secret, Cause> {
    if item.token.is_some_and(|token| token != wanted.id) {
        return Err(Cause::OtherToken);
    }
    match (item.plaintext, item.error) {
        (Some(plaintext), None) if plaintext.len() == wanted.plaintext_len => Ok(plaintext),
        (Some(_), None) => Err(Cause::OtherToken),
        (None, Some(text)) => {
            Err(Refusal::told_by(&text).map_or(Cause::Unreadable, Cause::Refused))
        }
        _ => Err(Cause::Unreadable),
    }
}
