//! Faults that are common and that an agent says nothing of, or not what to do about them.
//!
//! A hint names a place and never what stands there.

use std::path::Path;

use super::secrets;
use crate::yaml::{Mapping, Style, Text, Value};

/// What may be wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// A file, with a line if it is known; or the executable.
    pub place: String,
    /// What it is.
    pub text: String,
    /// What to do.
    pub advice: String,
}

impl Hint {
    /// A hint about `path` as a whole.
    pub fn at(path: &Path, text: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { place: path.display().to_string(), text: text.into(), advice: advice.into() }
    }

    fn in_line(path: &Path, line: Option<u32>, text: &str, advice: &str) -> Self {
        let mut hint = Self::at(path, text, advice);
        if let Some(line) = line {
            hint.place = format!("{}:{line}", hint.place);
        }
        hint
    }
}

/// What looks wrong in a main configuration.
pub fn of_main(path: &Path, root: &Value) -> Vec<Hint> {
    let mut hints = Vec::new();
    for (key, value) in root.as_mapping().into_iter().flat_map(Mapping::iter) {
        let is_setting =
            key.as_str().is_some_and(|key| key.to_ascii_lowercase().starts_with("secret_"));
        if is_setting && !secrets::handles(value).is_empty() {
            hints.push(Hint::in_line(
                path,
                line_of(value),
                "a secret_* setting is needed before secrets can be resolved, so it can't hold one",
                "write the setting itself",
            ));
        }
    }
    walk(path, root, &mut hints);
    hints
}

/// What looks wrong in a check's configuration.
pub fn of_check(path: &Path, root: &Value) -> Vec<Hint> {
    let mut hints = Vec::new();
    walk(path, root, &mut hints);
    hints
}

fn walk(path: &Path, value: &Value, hints: &mut Vec<Hint>) {
    match value {
        Value::String(text) => hints.extend(of_text(path, text)),
        Value::Sequence(items) => items.iter().for_each(|item| walk(path, item, hints)),
        Value::Mapping(mapping) => {
            for (key, value) in mapping.iter() {
                if let Some(hint) = of_key(path, key) {
                    hints.push(hint);
                }
                walk(path, value, hints);
            }
        }
        Value::Null
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Unsigned(_)
        | Value::Float(_) => {}
    }
}

fn of_key(path: &Path, key: &Value) -> Option<Hint> {
    key.as_str().and_then(secrets::handle_in)?;
    let text = "keys are never resolved, so this one stays as it is written";
    Some(Hint::in_line(path, line_of(key), text, "put the secret into a value"))
}

/// What is wrong with a string that looks as if it were meant to be a secret.
fn of_text(path: &Path, text: &Text) -> Option<Hint> {
    let place = text.place();
    let hint =
        |text, advice| Some(Hint::in_line(path, place.map(|place| place.line), text, advice));
    let content = text.as_str()?;
    if let Some(handle) = secrets::handle_in(content) {
        return match handle.contains("]") && handle.contains("ENC[") {
            true => hint(
                "several tokens in one value are one handle to an agent",
                "encrypt the whole value, unless the executable is one that takes several tokens apart",
            ),
            false => None,
        };
    }
    let trimmed = content.trim();
    if secrets::handle_in(trimmed).is_some() {
        return match place.map(|place| place.style) {
            Some(Style::Literal | Style::Folded) => hint(
                "a block ends with a line break, so this is no secret, and an agent uses the text as it stands",
                "write |- or >- instead of | or >, or put it on one line",
            ),
            _ => hint(
                "there is white space around this that an agent does not leave out, so it is no secret",
                "leave out what is around ENC[ and ]",
            ),
        };
    }
    let lower = trimmed.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("ENC["));
    if lower && !trimmed.starts_with("ENC[") && trimmed.ends_with(']') {
        return hint(
            "an agent knows ENC[ in capitals alone, so this is no secret",
            "write ENC[ in capitals",
        );
    }
    if trimmed.starts_with("ENC[") && place.is_none_or(|place| place.style == Style::Plain) {
        return hint(
            "this begins like a secret and does not end like one; a blank and # begin a comment",
            "quote the value, and have it end with ]",
        );
    }
    let end = content.find("ENC[").filter(|start| content[*start..].contains(']'));
    end.and_then(|_| {
        hint(
            "a secret inside of a longer text is not resolved: an agent uses the text as it stands",
            "encrypt the whole value",
        )
    })
}

fn line_of(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.place().map(|place| place.line),
        Value::Sequence(items) => items.iter().find_map(line_of),
        Value::Mapping(mapping) => {
            mapping.iter().find_map(|(key, value)| line_of(key).or_else(|| line_of(value)))
        }
        _ => None,
    }
}

/// What may have broken a file that is no YAML: secrets without quotes where they need them.
pub fn of_broken(path: &Path, text: &[u8]) -> Vec<Hint> {
    let text = String::from_utf8_lossy(text);
    let mut hints = Vec::new();
    let mut depth = 0;
    for (line, number) in text.lines().zip(1..) {
        for fault in faults(line, &mut depth) {
            let (text, advice) = match fault {
                Fault::InFlow => (
                    "between [ and ] or { and } a secret without quotes breaks the file",
                    "quote it: \"ENC[…]\"",
                ),
                Fault::Colon => (
                    "a colon and a blank in a secret without quotes break the file",
                    "quote it: \"ENC[…]\"",
                ),
            };
            hints.push(Hint::in_line(path, Some(number), text, advice));
        }
    }
    hints
}

#[derive(Clone, Copy)]
enum Fault {
    InFlow,
    Colon,
}

/// Goes through a line as far as quotes and brackets go, which is no YAML but near enough for a hint. `depth`
/// is how many brackets are open.
fn faults(line: &str, depth: &mut usize) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut rest = line;
    // Where a value may begin; elsewhere quotes and brackets are letters like any other.
    let mut at_start = true;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        match first {
            '"' | '\'' if at_start => {
                let end = rest[1..].find(first).map_or(rest.len(), |end| end + 2);
                taken = end;
                at_start = false;
            }
            '#' if at_start => return faults,
            '[' | '{' if at_start => *depth += 1,
            ']' | '}' if *depth > 0 => *depth -= 1,
            ',' if *depth > 0 => at_start = true,
            ' ' | '\t' => at_start |= *depth > 0,
            '-' | '?' if at_start && rest[1..].starts_with(' ') => {}
            ':' if rest[1..].starts_with(' ') || rest.len() == 1 => at_start = true,
            _ if rest.starts_with("ENC[") && at_start => {
                let end = rest.find(']').map_or(rest.len(), |end| end + 1);
                if *depth > 0 {
                    faults.push(Fault::InFlow);
                } else if rest[..end].contains(": ") {
                    faults.push(Fault::Colon);
                }
                taken = end;
                at_start = false;
            }
            _ => at_start = false,
        }
        rest = &rest[taken..];
        // Blanks after a colon or a dash go with it.
        if at_start {
            rest = rest.trim_start_matches([' ', '\t']);
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Document;

    fn texts(yaml: &str) -> Vec<(String, String)> {
        let root = Document::parse(yaml.as_bytes()).expect("YAML").root;
        let hints = of_main(Path::new("x.yaml"), &root);
        hints.into_iter().map(|hint| (hint.place, hint.text)).collect()
    }

    fn one(yaml: &str) -> (String, String) {
        let hints = texts(yaml);
        assert_eq!(hints.len(), 1, "{yaml}: {hints:?}");
        hints.into_iter().next().expect("one")
    }

    #[test]
    fn what_is_right_gets_no_hint() {
        for yaml in
            ["a: ENC[x]\n", "a: >-\n  ENC[NACL,A\n  B]\n", "a: plain [x]\n", "a: [1, \"ENC[x]\"]\n"]
        {
            assert_eq!(texts(yaml), [], "{yaml}");
        }
    }

    #[test]
    fn what_is_silently_no_secret_is_pointed_out() {
        for (yaml, line, word) in [
            ("b: 1\na: |\n  ENC[x]\n", 2, "a block ends"),
            ("a: >\n  ENC[x]\n", 1, "a block ends"),
            ("a: \"ENC[x]\\n\"\n", 1, "white space around"),
            ("a: enc[x]\n", 1, "in capitals"),
            ("a: ENC[foo #bar]\n", 1, "does not end like one"),
            ("a: http://u:ENC[x]@host\n", 1, "inside of a longer text"),
            ("\"ENC[x]\": 1\n", 1, "keys are never"),
            ("a: ENC[NACL,a]:ENC[NACL,b]\n", 1, "one handle"),
            ("Secret_Backend_Command: ENC[x]\n", 1, "a secret_* setting"),
        ] {
            let (place, text) = one(yaml);
            assert!(text.contains(word), "{yaml}: {text}");
            assert_eq!(place, format!("x.yaml:{line}"), "{yaml}");
        }
    }

    #[test]
    fn what_breaks_a_file_is_found_without_parsing_it() {
        let lines = |yaml: &str| -> Vec<String> {
            let hints = of_broken(Path::new("x"), yaml.as_bytes());
            hints.into_iter().map(|hint| hint.place).collect()
        };
        assert_eq!(lines("c: [ENC[y], \"ENC[z]\"]\n"), ["x:1"]);
        assert_eq!(lines("a: 1\nc: {k: ENC[y]}\n"), ["x:2"]);
        assert_eq!(lines("c: [\n  a,\n  ENC[y],\n]\nd: ENC[z]\n"), ["x:3"]);
        assert_eq!(lines("a: ENC[foo: bar]\n"), ["x:1"]);
        let right =
            "a: ENC[x]\nb: \"ENC[x: y]\"\n- ENC[y] # [ENC[z]\nd: '[' \ne: ENC[z]\nf: x[ENC[y]]\n";
        assert!(lines(right).is_empty());
    }
}
