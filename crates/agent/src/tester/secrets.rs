//! Which strings of a document are secrets, and the values in their places.
//!
//! Only whole strings count, only where they are values, at any depth. The rule is the agents' own.

use secretary_secret::Secret;

use crate::yaml::{self, Document, Text, Value, YamlError};

/// The handle that a string names: what stands between `ENC[` and `]`, if there is nothing around them
/// but spaces and tabs. A line break counts as something, so a block that ends in one is no secret.
pub fn handle_in(text: &str) -> Option<&str> {
    text.trim_matches([' ', '\t']).strip_prefix("ENC[")?.strip_suffix(']')
}

/// The handles of a value in the order of the document, each as often as it occurs. Agents ask for them
/// in this order within lists, and in any order across the keys of a mapping.
pub fn handles(value: &Value) -> Vec<String> {
    let mut handles = Vec::new();
    each_string(value, &mut |text| handles.extend(handle_of(text)));
    handles
}

/// Puts values in the places of secrets. One whose handle is not found stays as it is. What was put in
/// is not looked at again.
pub fn resolve<'a>(value: &mut Value, find: &dyn Fn(&str) -> Option<&'a Secret>) {
    match value {
        Value::String(text) => {
            if let Some(secret) = handle_of(text).and_then(|handle| find(&handle)) {
                text.replace(Secret::from(secret.expose()));
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| resolve(item, find)),
        Value::Mapping(mapping) => mapping.iter_mut().for_each(|(_, value)| resolve(value, find)),
        _ => {}
    }
}

/// A text with values in the places of its secrets, as an agent uses it: written anew, without comments
/// and further documents, if there is a secret in it, and else the very bytes it was.
///
/// # Errors
///
/// What [`Document::parse`] answers, also for a text without secrets.
pub fn resolved_text<'a>(
    text: &[u8],
    find: &dyn Fn(&str) -> Option<&'a Secret>,
) -> Result<Secret, YamlError> {
    let mut document = Document::parse(text)?;
    if handles(&document.root).is_empty() {
        return Ok(Secret::from(text));
    }
    resolve(&mut document.root, find);
    Ok(yaml::emit(&document.root))
}

/// A handle of bytes that are not UTF-8 gets replacement characters, as it does on its way to the
/// executable.
fn handle_of(text: &Text) -> Option<String> {
    match text.as_str() {
        Some(text) => handle_in(text).map(str::to_owned),
        None => handle_in(&String::from_utf8_lossy(text.bytes())).map(str::to_owned),
    }
}

fn each_string(value: &Value, visit: &mut dyn FnMut(&Text)) {
    match value {
        Value::String(text) => visit(text),
        Value::Sequence(items) => items.iter().for_each(|item| each_string(item, visit)),
        Value::Mapping(mapping) => mapping.iter().for_each(|(_, value)| each_string(value, visit)),
        _ => {}
    }
}
