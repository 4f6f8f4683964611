//! What an agent reads from standard output.
//!
//! ```json
//! {"db_password":{"value":null,"error":"there is no such name"},"db_user":{"value":"app","error":null}}
//! ```
//!
//! A handle is answered exactly as it was received, in the order of their bytes. An agent drops all of an answer that
//! is longer than it takes, so such a one is not made.

use std::collections::BTreeMap;
use std::io::{self, Write};

use secretary_secret::Secret;

/// The most bytes that an agent takes, unless it is told otherwise (`secret_backend_output_max_size`).
pub const MAX_ANSWER: usize = 1024 * 1024;

/// The most bytes of what is said about one handle. It goes into an agent's log, after the handle.
pub const MAX_ERROR: usize = 256;

/// The answers for some handles.
#[derive(Debug, Default)]
pub struct Answers(BTreeMap<String, Result<Secret, String>>);

/// An answer that is longer than an agent takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer has {len} bytes, and the agent takes {limit}")]
pub struct TooLong {
    /// How many bytes it has.
    pub len: usize,
    /// How many are taken.
    pub limit: usize,
}

impl Answers {
    /// Takes what became of a handle. An agent takes text alone, and no empty one, so such a secret is an error here;
    /// of an error as much as a line holds is kept.
    pub fn insert(&mut self, handle: String, result: Result<Secret, String>) {
        let result = result.and_then(fit).map_err(one_line);
        self.0.insert(handle, result);
    }

    /// Whether there is one for `handle`.
    pub fn has(&self, handle: &str) -> bool {
        self.0.contains_key(handle)
    }

    /// What was said about handles that have no value.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(|result| result.as_ref().err()).map(String::as_str)
    }

    /// The document for an agent, in memory that is wiped.
    ///
    /// # Errors
    ///
    /// When it has more than `limit` bytes.
    pub fn to_json(&self, limit: usize) -> Result<Secret, TooLong> {
        let mut len = Count(0);
        self.write(&mut len).expect("counting does not fail");
        if len.0 > limit {
            return Err(TooLong { len: len.0, limit });
        }
        let mut out = Out(Secret::with_capacity(len.0));
        self.write(&mut out).expect("memory takes what is written");
        Ok(out.0)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut before = "{";
        for (handle, result) in &self.0 {
            out.write_all(before.as_bytes())?;
            string(out, handle)?;
            match result {
                Ok(secret) => {
                    out.write_all(b":{\"value\":")?;
                    let text = str::from_utf8(secret.expose()).expect("nothing else is taken in");
                    string(out, text)?;
                    out.write_all(b",\"error\":null}")?;
                }
                Err(error) => {
                    out.write_all(b":{\"value\":null,\"error\":")?;
                    string(out, error)?;
                    out.write_all(b"}")?;
                }
            }
            before = ",";
        }
        if self.0.is_empty() {
            out.write_all(b"{")?;
        }
        out.write_all(b"}")
    }
}

fn fit(secret: Secret) -> Result<Secret, String> {
    if secret.is_empty() {
        return Err("the secret is empty, which an agent does not take".to_string());
    }
    match str::from_utf8(secret.expose()) {
        Ok(_) => Ok(secret),
        Err(_) => Err("the secret is no UTF-8, so an agent can't have it as text".to_string()),
    }
}

fn one_line(error: String) -> String {
    let mut line: String =
        error.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    if line.len() > MAX_ERROR {
        line.truncate(line.floor_char_boundary(MAX_ERROR - 3));
        line += "...";
    }
    line
}

fn string(out: &mut impl Write, text: &str) -> io::Result<()> {
    serde_json::to_writer(out, text).map_err(io::Error::from)
}

/// Counts what is written.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps what is written in memory that is wiped.
struct Out(Secret);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret(text: &[u8]) -> Result<Secret, String> {
        Ok(text.into())
    }

    fn json(answers: &Answers) -> String {
        let json = answers.to_json(MAX_ANSWER).expect("short");
        String::from_utf8(json.expose().to_vec()).expect("text")
    }

    #[test]
    fn handles_are_in_order_and_each_has_both_fields() {
        let mut answers = Answers::default();
        answers.insert("b".to_string(), Err("no\nline".to_string()));
        answers.insert("a%<&>\"".to_string(), secret(b"v\n"));
        assert_eq!(
            json(&answers),
            r#"{"a%<&>\"":{"value":"v\n","error":null},"b":{"value":null,"error":"no line"}}"#
        );
        assert_eq!(json(&Answers::default()), "{}");
    }

    #[test]
    fn what_an_agent_does_not_take_is_an_error() {
        let mut answers = Answers::default();
        answers.insert("empty".to_string(), secret(b""));
        answers.insert("bytes".to_string(), secret(b"a\xffb"));
        answers.insert("long".to_string(), Err("é".repeat(200)));
        assert_eq!(answers.errors().count(), 3);
        assert!(answers.errors().all(|error| error.len() <= MAX_ERROR));
        assert!(json(&answers).contains("..."));
    }

    #[test]
    fn an_answer_is_whole_or_not_made() {
        let mut answers = Answers::default();
        answers.insert("h".to_string(), secret(&[b'x'; 100]));
        let len = json(&answers).len();
        assert_eq!(answers.to_json(len).expect("it fits").len(), len);
        let error = answers.to_json(len - 1).expect_err("it does not");
        assert_eq!(error, TooLong { len, limit: len - 1 });
    }

    proptest! {
        #[test]
        fn whatever_is_in_it_comes_out_of_it(
            all in proptest::collection::btree_map(".*", (".+", any::<bool>()), 0..8)
        ) {
            let mut answers = Answers::default();
            for (handle, (text, is_secret)) in &all {
                let result = if *is_secret { secret(text.as_bytes()) } else { Err(text.clone()) };
                answers.insert(handle.clone(), result);
            }
            let json: serde_json::Value = serde_json::from_str(&json(&answers)).expect("JSON");
            prop_assert_eq!(json.as_object().expect("an object").len(), all.len());
            for (handle, (text, is_secret)) in &all {
                if *is_secret {
                    prop_assert_eq!(json[handle]["value"].as_str(), Some(text.as_str()));
                    prop_assert!(json[handle]["error"].is_null());
                } else {
                    prop_assert!(json[handle]["value"].is_null());
                    prop_assert!(json[handle]["error"].is_string());
                }
            }
        }
    }
}
