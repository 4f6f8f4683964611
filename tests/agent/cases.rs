//! The recorded cases of `agent-backend-cases.json`. The agent's own side does nothing otherwise.

use serde_json::Value;

/// A case.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) input: Value,
    pub(crate) expect: Value,
}

/// The cases whose names begin with `group`. `count` is how many there are in the file.
pub(crate) fn of(group: &str, count: usize) -> Vec<Case> {
    let text = include_str!("../vectors/agent-backend-cases.json");
    let file: Value = serde_json::from_str(text).expect("JSON");
    let all = file["cases"].as_array().expect("cases").iter();
    let cases: Vec<Case> = all
        .filter(|case| case["id"].as_str().expect("a name").starts_with(group))
        .map(|case| Case {
            id: case["id"].as_str().expect("a name").to_string(),
            input: case["input"].clone(),
            expect: case["expect"].clone(),
        })
        .collect();
    assert_eq!(cases.len(), count, "a group that grew or shrank has to be looked at: {group}");
    cases
}

impl Case {
    /// A text of the input.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.input[key].as_str().unwrap_or_else(|| panic!("{} has no {key}", self.id))
    }
}
