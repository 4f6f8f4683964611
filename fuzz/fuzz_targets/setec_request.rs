//! Requests and answers of setec's API: any bytes are one or none, what is read is what a simple reading finds, and what
//! is written of it is read as the same again.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use secretary_setec_api::response::{
    decode_done, decode_list, decode_version, encode_list, encode_version,
};
use secretary_setec_api::{Path, Request, SecretInfo, SecretValue};
use serde_json::Value;
use serde_json::value::RawValue;

fuzz_target!(|input: &[u8]| {
    // The first byte says to which path.
    let Some((kind, body)) = input.split_first() else { return };
    let path = Path::ALL[usize::from(kind % 8)];
    if let Ok(request) = Request::decode(path, body) {
        assert_eq!(request.path(), path);
        let first = first_value(body);
        let written = request.encode();
        assert!(Request::decode(path, written.expose()).is_ok_and(|again| again == request));
        let written: Value = serde_json::from_slice(written.expose()).expect("JSON");
        // What is behind the first value changes nothing.
        let longer = [first.as_bytes(), b"\"}]"].concat();
        assert!(Request::decode(path, &longer).is_ok_and(|again| again == request));
        agrees_with_a_simple_reading(&first, &written);
    }
    is_an_answer_or_none(body);
});

/// The first value, by somebody else's grammar. There is one, or nothing was to be read.
fn first_value(body: &[u8]) -> String {
    let text = replaced(body);
    let text = text.trim_start_matches([' ', '\t', '\r', '\n']);
    // What follows a word may be anything to Go, and not to others.
    if text.starts_with("null") {
        return "null".to_string();
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    values.next().expect("a value").expect("by the grammar").get().to_string()
}

/// `body` as text, with each byte that is none replaced.
fn replaced(body: &[u8]) -> String {
    let chunks = body.utf8_chunks();
    chunks
        .map(|chunk| [chunk.valid(), &"\u{fffd}".repeat(chunk.invalid().len())].concat())
        .collect()
}

/// Of members whose names are exact and there once, as long as all can be read by others.
fn agrees_with_a_simple_reading(first: &str, written: &Value) {
    let Ok(Value::Object(read)) = serde_json::from_str(first) else { return };
    let Value::Object(written) = written else { panic!("an object") };
    for (name, value) in written {
        let alike = read.keys().filter(|other| folded(other) == folded(name)).count();
        let once = first.matches(&format!("\"{name}\"")).count() == 1 && alike == 1;
        let Some(found) = read.get(name).filter(|found| once && !found.is_null()) else { continue };
        match found {
            Value::Array(bytes) => {
                let byte = |byte: &Value| byte.as_u64().unwrap_or_default() as u8;
                let bytes: Vec<u8> = bytes.iter().map(byte).collect();
                assert_eq!(value.as_str(), Some(STANDARD.encode(bytes)).as_deref());
            }
            Value::String(text) if name == "Value" => {
                let text = text.replace(['\r', '\n'], "");
                if let Ok(bytes) = STANDARD.decode(&text) {
                    assert_eq!(value.as_str(), Some(STANDARD.encode(bytes)).as_deref());
                }
            }
            other => assert_eq!(other, value),
        }
    }
}

fn folded(name: &str) -> String {
    name.replace('\u{17f}', "s").to_ascii_lowercase()
}

fn is_an_answer_or_none(body: &[u8]) {
    if let Ok(value) = SecretValue::decode(body) {
        assert_ne!(value.version, 0);
        assert!(SecretValue::decode(value.encode().expose()).is_ok_and(|again| again == value));
    }
    if let Ok(info) = SecretInfo::decode(body) {
        assert!(info.versions.contains(&info.active_version));
        assert_eq!(SecretInfo::decode(info.encode().as_bytes()).as_ref(), Ok(&info));
    }
    if let Ok(list) = decode_list(body) {
        assert_eq!(decode_list(encode_list(&list).as_bytes()), Ok(list));
    }
    if let Ok(version) = decode_version(body) {
        assert_eq!(decode_version(encode_version(version).as_bytes()), Ok(version));
    }
    if decode_done(body).is_ok() {
        serde_json::from_str::<&RawValue>(&replaced(body)).expect("one value");
    }
}
