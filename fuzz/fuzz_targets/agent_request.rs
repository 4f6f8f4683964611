//! Requests of an agent: any bytes are a request or none, and the answer to one is a JSON document with every handle in
//! it and nothing else, whatever the secrets are.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use secretary_agent::answer::{Answers, MAX_ANSWER, MAX_ERROR};
use secretary_agent::handle::{Handle, sealed_text};
use secretary_agent::request::Request;

fuzz_target!(|input: &[u8]| {
    // A request, and behind a 0xff byte, which none has, a secret.
    let mut parts = input.splitn(2, |&byte| byte == 0xff);
    let text = parts.next().unwrap_or_default();
    let secret = parts.next().unwrap_or(b"secret");

    let Ok(request) = Request::parse(text) else { return };
    agrees_with_a_simple_reading(&request, text);
    let mut answers = Answers::default();
    for (number, handle) in request.handles.iter().enumerate() {
        let result = match number % 3 {
            0 => Err(String::from_utf8_lossy(secret).into_owned()),
            _ => Ok(secret.into()),
        };
        answers.insert(handle.clone(), result);
        is_what_it_was(handle);
    }
    let whole = answers.to_json(usize::MAX).expect("no limit");
    match answers.to_json(MAX_ANSWER) {
        Ok(json) => assert_eq!(json, whole),
        Err(error) => assert_eq!(error.len, whole.len()),
    }
    let json: serde_json::Value = serde_json::from_slice(whole.expose()).expect("JSON");
    let json = json.as_object().expect("an object");
    let asked: BTreeSet<_> = request.handles.iter().collect();
    assert!(json.keys().eq(asked.iter().copied()));
    assert_eq!(asked.len(), request.handles.len());
    for (number, handle) in request.handles.iter().enumerate() {
        let (value, error) = (&json[handle]["value"], &json[handle]["error"]);
        match str::from_utf8(secret) {
            Ok(text) if number % 3 != 0 && !text.is_empty() => {
                assert!(value == text && error.is_null());
            }
            _ => {
                assert!(value.is_null());
                let error = error.as_str().expect("why there is none");
                assert!(error.len() <= MAX_ERROR && !error.contains('\n'));
            }
        }
    }
});

/// It asks for the strings of the list and for no others.
fn agrees_with_a_simple_reading(request: &Request, text: &[u8]) {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    serde_json::from_slice::<serde::de::IgnoredAny>(text).expect("a request is JSON");
    // A number that is none of ours may be out of this type's range.
    let Ok(json) = serde_json::from_slice::<serde_json::Value>(text) else { return };
    let object = json.as_object().expect("an object");
    let lists = object.iter().filter(|(name, _)| name.eq_ignore_ascii_case("secrets"));
    let lists: Vec<_> = lists.map(|(_, list)| list).collect();
    // Which one is the last of several is no longer seen in the value.
    if let [list] = lists.as_slice() {
        let mut seen = BTreeSet::new();
        let strings = list.as_array().expect("a list").iter();
        let strings = strings.map(|handle| handle.as_str().expect("a string"));
        assert!(strings.filter(|handle| seen.insert(*handle)).eq(&request.handles));
    }
}

/// A handle that is a token is what is between the brackets of an agent's configuration.
fn is_what_it_was(handle: &str) {
    if Handle::parse(handle) == Handle::Token {
        let text = sealed_text(handle);
        assert_eq!(&text[4..text.len() - 1], handle.as_bytes());
    }
}
