//! Bodies of every kind against what setec's own types were recorded to make of them.

use secretary_setec_api::response::{DONE, encode_version};
use secretary_setec_api::response::{decode_done, decode_list, decode_version, encode_list};
use secretary_setec_api::{Malformed, Path, Request, SecretInfo, SecretValue};
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    rule: String,
    what: String,
    input: Option<String>,
    hex: Option<String>,
    output: Option<String>,
}

fn cases() -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/decoded.json");
    let recorded: Recorded =
        serde_json::from_slice(&std::fs::read(path).expect("recorded")).expect("its format");
    recorded.cases
}

impl Case {
    fn input(&self) -> Vec<u8> {
        match (&self.input, &self.hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(hex)) => {
                let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
                (0..hex.len()).step_by(2).map(digits).collect()
            }
            _ => panic!("one of the two"),
        }
    }

    /// Go writes `null` for a value that is missing, which nobody tells from an empty one.
    fn output(&self) -> Option<String> {
        Some(self.output.as_ref()?.replace(r#""Value":null"#, r#""Value":"""#))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("JSON is text")
}

/// What is made of `input`, written again.
fn read(what: &str, input: &[u8]) -> Result<String, Malformed> {
    if let Some(path) = Path::parse(&format!("/api/{what}")) {
        let request = Request::decode(path, input)?;
        assert_eq!(request.path(), path);
        return Ok(text(request.encode().expose()));
    }
    Ok(match what {
        "value" => text(SecretValue::decode(input)?.encode().expose()),
        "infoed" => SecretInfo::decode(input)?.encode(),
        "infos" => encode_list(&decode_list(input)?),
        "version" => encode_version(decode_version(input)?),
        "done" => decode_done(input).map(|()| DONE.to_string())?,
        other => panic!("{other} is nothing"),
    })
}

#[test]
fn everything_is_read_and_written_as_setec_does() {
    let cases = cases();
    for case in &cases {
        let found = read(&case.what, &case.input()).ok();
        let input = case.input();
        assert_eq!(found, case.output(), "{}: {} {}", case.rule, case.what, input.escape_ascii());
    }
    assert!(cases.len() > 250, "there are all of them");
}

#[test]
fn no_versions_are_written_as_null() {
    let nothing = r#"{"Name":"","Versions":null,"ActiveVersion":0}"#;
    assert_eq!(SecretInfo::default().encode(), nothing);
    assert_eq!(encode_list(&[]), "null");
}

#[test]
fn what_is_unknown_may_be_nested_ten_thousand_deep() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        Request::decode(Path::Info, format!(r#"{{"X":{open}{close},"Name":"a"}}"#).as_bytes())
    };
    assert!(nested(9_999).is_ok());
    assert_eq!(nested(10_000), Err(Malformed));
}

#[test]
fn an_answer_that_no_server_of_secrets_gives_is_none() {
    for (what, input) in [
        ("value", "null"),
        ("value", "{}"),
        ("value", r#"{"Value":"aGk="}"#),
        ("value", r#"{"Value":"aGk=","Version":0}"#),
        ("value", r#"{"Version":1}"#),
        ("infoed", "null"),
        ("infoed", "{}"),
        ("infoed", r#"{"Name":"a","Versions":null,"ActiveVersion":0}"#),
        ("infoed", r#"{"Name":"a","Versions":[],"ActiveVersion":1}"#),
        ("infoed", r#"{"Name":"a","Versions":[1,2],"ActiveVersion":3}"#),
        ("infoed", r#"{"Name":"a","Versions":[0],"ActiveVersion":0}"#),
        ("infoed", r#"{"Name":"a","Versions":[null,1],"ActiveVersion":1}"#),
        ("infoed", r#"{"Versions":[1],"ActiveVersion":1}"#),
        ("infos", "[null]"),
        ("infos", "[{}]"),
        ("version", "0"),
        ("version", "null"),
    ] {
        assert_eq!(read(what, input.as_bytes()), Err(Malformed), "{what}: {input}");
    }
    assert_eq!(decode_list(b"[]"), Ok(Vec::new()));
    assert_eq!(decode_done(b"null"), Ok(()));
}
