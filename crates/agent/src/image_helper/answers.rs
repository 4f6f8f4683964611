//! What a helper writes to standard output: `{"handle":{"value":".."}}`, or `{"handle":{"error":".."}}`.

use std::collections::BTreeMap;
use std::io::Write;

use secretary_secret::Secret;

use super::Helper;

/// What is told of a secret that no agent could be told as it is. No byte of it is.
const NOT_TEXT: &str = "secret is not valid UTF-8";

/// What is answered for each handle.
#[derive(Debug, Default)]
pub struct Answers(BTreeMap<String, Result<Secret, String>>);

impl Answers {
    /// Whether `handle` has its answer.
    pub fn has(&self, handle: &str) -> bool {
        self.0.contains_key(handle)
    }

    /// Answers `handle`.
    pub fn insert(&mut self, handle: String, answer: Result<Secret, String>) {
        self.0.insert(handle, answer);
    }

    /// The object, with its keys sorted.
    pub fn to_json(&self, helper: Helper) -> Secret {
        let mut json = Secret::default();
        json.extend(b"{");
        for (number, (handle, answer)) in self.0.iter().enumerate() {
            json.extend(if number == 0 { b"" } else { b"," });
            write_text(&mut json, handle);
            json.extend(b":");
            write_entry(&mut json, helper, answer);
        }
        json.extend(if helper == Helper::Python { b"}\n" } else { b"}" });
        json
    }
}

fn write_entry(json: &mut Secret, helper: Helper, answer: &Result<Secret, String>) {
    let value = answer.as_ref().map(|secret| str::from_utf8(secret.expose()));
    let (name, text) = match value {
        // Go leaves out a field that is empty.
        Ok(Ok("")) if helper == Helper::Go => return json.extend(b"{}"),
        Ok(Ok(value)) => ("value", value),
        Ok(Err(_)) => ("error", NOT_TEXT),
        Err(error) => ("error", error.as_str()),
    };
    json.extend(b"{");
    write_text(json, name);
    json.extend(b":");
    write_text(json, text);
    json.extend(b"}");
}

/// Writes a text piece by piece into memory that is wiped.
fn write_text(json: &mut Secret, text: &str) {
    let written = serde_json::to_writer(json as &mut dyn Write, text);
    written.expect("memory takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(answers: &[(&str, Result<&[u8], &str>)], helper: Helper) -> String {
        let mut all = Answers::default();
        for (handle, answer) in answers {
            let answer = answer.map(Secret::from).map_err(str::to_string);
            all.insert(handle.to_string(), answer);
        }
        String::from_utf8(all.to_json(helper).expose().to_vec()).expect("text")
    }

    #[test]
    fn an_entry_has_a_value_or_an_error() {
        let answers: [(_, Result<&[u8], _>); 3] =
            [("b", Ok(b"v\n")), ("a\"", Err("no \"x\"")), ("c", Ok(b"a\xffb"))];
        assert_eq!(
            json(&answers, Helper::Go),
            r#"{"a\"":{"error":"no \"x\""},"b":{"value":"v\n"},"c":{"error":"secret is not valid UTF-8"}}"#
        );
    }

    #[test]
    fn each_helper_has_its_way_with_nothing() {
        let empty: [(_, Result<&[u8], _>); 1] = [("e", Ok(b""))];
        assert_eq!(json(&empty, Helper::Go), r#"{"e":{}}"#);
        assert_eq!(json(&empty, Helper::Python), "{\"e\":{\"value\":\"\"}}\n");
        assert_eq!(json(&[], Helper::Python), "{}\n");
    }
}
