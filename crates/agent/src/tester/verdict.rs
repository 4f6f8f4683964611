//! What an agent makes of an answer: it takes the handles in the order it asked for them, and the first bad
//! one fails the whole request.

use std::collections::HashMap;

use secretary_secret::Secret;

use super::cache::Cache;
use super::json::{self, Entry};
use super::{AgentError, MASK};

/// A value that is shorter may stand in a text by chance.
const SHORTEST_VALUE: usize = 4;

/// What an agent takes of an answer.
#[derive(Debug)]
pub struct Judged {
    /// By handle, what comes before the first bad one: it stays known.
    pub values: Vec<(String, Secret)>,
    /// The agent's text about the bad one.
    pub verdict: Result<(), AgentError>,
}

/// Judges the answer to a request for `handles`. In the texts of errors there is a mask in the place of every
/// value of the answer, and of those in `known`.
pub fn judge(answer: &[u8], handles: &[String], known: &Cache) -> Judged {
    let mut entries = match json::read(answer) {
        Ok(entries) => entries,
        Err(text) => {
            let text = format!("could not unmarshal 'secret_backend_command' output: {text}");
            return Judged { values: Vec::new(), verdict: Err(AgentError(text)) };
        }
    };
    let bad = handles
        .iter()
        .enumerate()
        .find_map(|(place, handle)| Some((place, fault(handle, &entries, known)?)));
    let good = &handles[..bad.as_ref().map_or(handles.len(), |(place, _)| *place)];
    // What is asked for twice is taken once.
    let values =
        good.iter().filter_map(|handle| Some((handle.clone(), entries.remove(handle)?.value)));
    Judged { values: values.collect(), verdict: bad.map_or(Ok(()), |(_, error)| Err(error)) }
}

/// What is wrong with a handle's entry, if it is.
fn fault(handle: &str, entries: &HashMap<String, Entry>, known: &Cache) -> Option<AgentError> {
    let text = match entries.get(handle) {
        None => {
            format!("secret handle '{handle}' was not decrypted by the secret_backend_command")
        }
        Some(entry) if !entry.error.is_empty() => {
            let values = entries.values().map(|entry| &entry.value).chain(known.values());
            let error = masked(&entry.error, values);
            format!("an error occurred while decrypting '{handle}': {error}")
        }
        Some(entry) if entry.value.is_empty() => {
            format!("decrypted secret for '{handle}' is empty")
        }
        Some(_) => return None,
    };
    Some(AgentError(text))
}

/// `error` without the values in it, which an agent would write to its log.
fn masked<'a>(error: &str, values: impl Iterator<Item = &'a Secret>) -> String {
    let values = values.filter_map(|value| std::str::from_utf8(value.expose()).ok());
    let mut values: Vec<&str> =
        values.map(str::trim).filter(|value| value.len() >= SHORTEST_VALUE).collect();
    // One value may be a part of another.
    values.sort_unstable_by_key(|value| std::cmp::Reverse(value.len()));
    values.iter().fold(error.to_string(), |error, value| match error.contains(value) {
        true => error.replace(value, MASK),
        false => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(answer: &str, handles: &[&str]) -> (Vec<String>, Option<String>) {
        let handles: Vec<_> = handles.iter().map(|handle| handle.to_string()).collect();
        let mut known = Cache::default();
        known.keep("old", Secret::from(b"swordfish\n".as_slice()), "x");
        let Judged { values, verdict } = judge(answer.as_bytes(), &handles, &known);
        let kept = values.into_iter().map(|(handle, _)| handle).collect();
        (kept, verdict.err().map(|error| error.to_string()))
    }

    #[test]
    fn what_comes_before_a_bad_handle_is_kept() {
        let answer = r#"{"a":{"value":"1"},"b":{"value":"2","error":"no"},"c":{"value":"3"}}"#;
        let error = "an error occurred while decrypting 'b': no".to_string();
        assert_eq!(kept(answer, &["a", "b", "c"]), (vec!["a".to_string()], Some(error)));
    }

    #[test]
    fn a_handle_may_be_asked_for_twice() {
        let answer = r#"{"a":{"value":"1","error":""},"x":{}}"#;
        assert_eq!(kept(answer, &["a", "a"]), (vec!["a".to_string()], None));
    }

    #[test]
    fn an_error_does_not_tell_values() {
        let answer = r#"{"a":{"value":"hunter2"},"b":{"value":"hunter2 and 3","error":"not hunter2 and 3, hunter2, swordfish"}}"#;
        let error = "an error occurred while decrypting 'b': not ********, ********, ********";
        assert_eq!(kept(answer, &["a", "b"]), (vec!["a".to_string()], Some(error.to_string())));
    }
}
