//! Rules of a tailnet's policy: any bytes are one or none, it has what a simple reading finds, and any pattern stands for
//! the names that a table of beginnings says.
#![no_main]

#[path = "../reference/pattern.rs"]
mod pattern;

use libfuzzer_sys::fuzz_target;
use secretary_setec_server::{Action, Pattern, Rule};
use serde::de::IgnoredAny;
use serde_json::Value;

/// The most steps of the reference for one pattern and one name.
const MOST: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    // A rule, and behind the last line's end a name.
    let end = input.iter().rposition(|&byte| byte == b'\n').unwrap_or(input.len());
    let (text, name) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let name = String::from_utf8_lossy(name);
    is_matched(&String::from_utf8_lossy(text), &name);
    let Ok(rule) = Rule::decode(text) else { return };
    for pattern in &rule.secret {
        is_matched(pattern.as_str(), &name);
    }
    is_allowed_by_each_alone(&rule, &name);
    agrees_with_a_simple_reading(&rule, text);
});

fn is_matched(text: &str, name: &str) {
    if text.len() * name.len() > MOST {
        return;
    }
    let pattern = Pattern::new(text);
    assert_eq!(pattern.matches(name), pattern::matches(text, name), "{text:?} {name:?}");
    assert!(pattern.matches(text), "a pattern is one of its names: {text:?}");
}

/// It allows what one of its actions and one of its patterns do.
fn is_allowed_by_each_alone(rule: &Rule, name: &str) {
    let covered = rule.secret.iter().any(|pattern| pattern.matches(name));
    for action in Action::ALL {
        let has = rule.action.iter().any(|text| text == action.as_str());
        assert_eq!(rule.allows(action, name), has && covered);
    }
}

fn agrees_with_a_simple_reading(rule: &Rule, text: &[u8]) {
    let chunks = text.utf8_chunks();
    let text: String = chunks
        .map(|chunk| [chunk.valid(), &"\u{fffd}".repeat(chunk.invalid().len())].concat())
        .collect();
    serde_json::from_str::<IgnoredAny>(&text).expect("a rule is JSON");
    // Halves of surrogates are not read by others, and neither is what is very deep.
    let Ok(Value::Object(members)) = serde_json::from_str(&text) else { return };
    let secrets: Vec<_> = rule.secret.iter().map(Pattern::as_str).collect();
    let actions: Vec<_> = rule.action.iter().map(String::as_str).collect();
    for (name, found) in [("action", actions), ("secret", secrets)] {
        // Of names that differ in case, or come twice, the last one counts, and which that was is no longer seen.
        let is_it = |other: &str| other.replace('\u{17f}', "s").eq_ignore_ascii_case(name);
        let mut alike = members.iter().filter(|(other, _)| is_it(other)).map(|(_, value)| value);
        match (alike.next(), alike.next(), text.matches('"').count()) {
            (None, _, _) => assert_eq!(found, [""; 0], "{text}"),
            (Some(value), None, quotes) if quotes == quotes_of(&members) => {
                let texts = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let texts = texts.iter().map(|text| text.as_str().unwrap_or_default());
                assert!(texts.eq(found), "{text}");
            }
            _ => {}
        }
    }
}

/// How many quotation marks an object takes, which are fewer than there were if a member came twice. An escaped one may
/// stand for such a difference, and so text with those is not judged.
fn quotes_of(members: &serde_json::Map<String, Value>) -> usize {
    let text = serde_json::to_string(members).expect("text");
    if text.contains('\\') { usize::MAX } else { text.matches('"').count() }
}
