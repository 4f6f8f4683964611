//! What the API answers: `{"kind":"Secret","data":{"key":"dmFsdWU="},..}`, each value in base64.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;
use serde::Deserialize;

use super::{KubernetesError, Place};

/// A secret, whose values stay where they are: a copy would not be wiped. In them there is nothing that JSON escapes.
#[derive(Deserialize)]
struct Found<'a> {
    #[serde(borrow, default)]
    data: Option<BTreeMap<&'a str, &'a str>>,
    kind: &'a str,
}

/// The value of each of the `keys`, or what went wrong.
pub(super) fn values(
    answer: Result<Secret, KubernetesError>,
    place: Place<'_>,
    keys: &[&str],
) -> Vec<Result<Secret, KubernetesError>> {
    let found = answer.as_ref().map_err(Clone::clone).and_then(parse);
    let value = |key: &&str| match &found {
        Ok(data) => {
            let text = data.get(key).ok_or_else(|| no_key(key, place))?;
            decoded(text).ok_or(KubernetesError::Unreadable)
        }
        Err(error) => Err(error.clone()),
    };
    keys.iter().map(value).collect()
}

fn parse(body: &Secret) -> Result<BTreeMap<&str, &str>, KubernetesError> {
    let found: Result<Found<'_>, _> = serde_json::from_slice(body.expose());
    match found {
        Ok(found) if found.kind == "Secret" => Ok(found.data.unwrap_or_default()),
        _ => Err(KubernetesError::Unreadable),
    }
}

fn no_key(key: &str, (namespace, name): Place<'_>) -> KubernetesError {
    let [key, namespace, name] = [key, namespace, name].map(str::to_string);
    KubernetesError::NoKey { key, namespace, name }
}

fn decoded(text: &str) -> Option<Secret> {
    let mut value = Secret::default();
    value.resize(base64::decoded_len_estimate(text.len()));
    let len = STANDARD.decode_slice(text, value.expose_mut()).ok()?;
    value.resize(len);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = ("ns", "s");

    fn of(body: &str, keys: &[&str]) -> Vec<Result<String, String>> {
        let values = values(Ok(Secret::from(body.as_bytes())), PLACE, keys);
        let text = |secret: Secret| String::from_utf8(secret.expose().to_vec()).expect("text");
        values.into_iter().map(|value| value.map(text).map_err(|e| e.to_string())).collect()
    }

    #[test]
    fn a_value_is_decoded() {
        let body = r#"{"kind":"Secret","data":{"a":"dmFsdWUK","e":"","l/":"YQ=="},"x":{"data":1}}"#;
        let missing = Err("key b not found in secret ns/s".to_string());
        assert_eq!(
            of(body, &["a", "b", "e", "a"]),
            [Ok("value\n".to_string()), missing, Ok(String::new()), Ok("value\n".to_string())]
        );
    }

    #[test]
    fn a_secret_may_be_empty() {
        for body in [r#"{"kind":"Secret"}"#, r#"{"kind":"Secret","data":null}"#] {
            assert_eq!(of(body, &["k"]), [Err("key k not found in secret ns/s".to_string())]);
        }
    }

    #[test]
    fn what_is_no_secret_is_told_for_each_key() {
        for body in [
            "",
            "[]",
            "null",
            r#"{"data":{"a":"YQ=="}}"#,
            r#"{"kind":"Status","data":{"a":"YQ=="}}"#,
            r#"{"kind":"Secret","data":{"a":1}}"#,
            r#"{"kind":"Secret","data":{"a":"YQ==","b":"?"}} x"#,
        ] {
            let error = Err("the answer is not one of the Kubernetes API".to_string());
            assert_eq!(of(body, &["a", "b"]), [error.clone(), error], "{body}");
        }
    }

    #[test]
    fn a_value_that_is_not_base64_is_no_value() {
        for value in ["YQ", "Y", "Y?==", "YQ==YQ=="] {
            let body = format!(r#"{{"kind":"Secret","data":{{"a":"{value}"}}}}"#);
            assert!(of(&body, &["a"])[0].is_err(), "{value}");
        }
    }
}
