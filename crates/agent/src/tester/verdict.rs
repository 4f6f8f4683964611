//! What an agent makes of an answer: it takes the handles in the order it asked for them, and the first bad
//! one fails the whole request.

use std::collections::HashSet;

use secretary_secret::Secret;

use super::{AgentError, json};

/// Judges the answer to a request for `handles`, and hands each value to `keep` before the next is looked at:
/// what comes before a bad handle stays known.
///
/// # Errors
///
/// The agent's text.
pub fn judge(
    answer: &[u8],
    handles: &[String],
    mut keep: impl FnMut(&str, Secret),
) -> Result<(), AgentError> {
    let mut entries = json::read(answer).map_err(|text| {
        AgentError(format!("could not unmarshal 'secret_backend_command' output: {text}"))
    })?;
    let mut good = HashSet::new();
    for handle in handles {
        // What is asked for twice was good the first time, and its value is gone.
        if !good.insert(handle) {
            continue;
        }
        let Some(entry) = entries.remove(handle) else {
            return Err(AgentError(format!(
                "secret handle '{handle}' was not decrypted by the secret_backend_command"
            )));
        };
        if !entry.error.is_empty() {
            let error = entry.error;
            return Err(AgentError(format!(
                "an error occurred while decrypting '{handle}': {error}"
            )));
        }
        if entry.value.is_empty() {
            return Err(AgentError(format!("decrypted secret for '{handle}' is empty")));
        }
        keep(handle, entry.value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(answer: &str, handles: &[&str]) -> (Vec<String>, Option<String>) {
        let handles: Vec<_> = handles.iter().map(|handle| handle.to_string()).collect();
        let mut kept = Vec::new();
        let verdict = judge(answer.as_bytes(), &handles, |handle, _| kept.push(handle.to_string()));
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
}
