//! What environment variables make of a configuration, before its secrets are looked for.
//!
//! In a main configuration `STS_API_KEY=ENC[x]` is a secret like one in the file, and takes the place of what
//! the file says. In that of a check `%%env_NAME%%` stands for a variable.

use secretary_secret::Secret;

use crate::tester::secrets;
use crate::yaml::{Mapping, Text, Value};

/// What the variables of an agent's settings begin with, by the name of its main file.
pub fn prefix(origin: &str) -> &'static str {
    if origin.starts_with("stackstate") { "STS_" } else { "DD_" }
}

/// Puts the variables of `prefix` that have to do with secrets into `root`. An agent knows which settings
/// it has; here a variable that is no secret counts only where it replaces one. Secrets inside of lists and
/// JSON in a variable are none to an agent.
pub fn merge<'a>(
    root: &mut Value,
    prefix: &str,
    variables: impl Iterator<Item = (&'a str, &'a str)>,
) {
    for (name, value) in variables {
        let Some(key) = name.strip_prefix(prefix).map(str::to_lowercase) else { continue };
        // The settings are needed before anything can be resolved, and an empty variable is none to an agent.
        if key.is_empty() || key.starts_with("secret_") || value.is_empty() {
            continue;
        }
        let is_secret = secrets::handle_in(value).is_some();
        if let Value::Null = root {
            *root = Value::from(Mapping::default());
        }
        let Value::Mapping(mapping) = &mut *root else { return };
        match find(mapping, &key) {
            Some(old) if is_secret || !secrets::handles(old).is_empty() => {
                *old = Value::from(value)
            }
            None if is_secret => mapping.insert(&key, Value::from(value)),
            _ => {}
        }
    }
}

/// Puts the values of variables into all strings below `value`. A variable that there is not stays as it is
/// written, as do the other things between `%%`, which an agent learns of a container.
pub fn fill<'a>(value: &mut Value, variable: &dyn Fn(&str) -> Option<&'a str>) {
    match value {
        Value::String(text) => {
            if let Some(filled) = filled(text, variable) {
                text.replace(filled);
            }
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| fill(item, variable)),
        Value::Mapping(mapping) => mapping.iter_mut().for_each(|(_, value)| fill(value, variable)),
        _ => {}
    }
}

fn filled<'a>(text: &Text, variable: &dyn Fn(&str) -> Option<&'a str>) -> Option<Secret> {
    let text = text.as_str().filter(|text| text.contains("%%env_"))?;
    let mut filled = Secret::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("%%env_") {
        let found =
            behind.split_once("%%").and_then(|(name, after)| Some((variable(name)?, after)));
        filled.extend(before.as_bytes());
        rest = match found {
            Some((value, after)) => {
                filled.extend(value.as_bytes());
                after
            }
            None => {
                filled.extend(b"%%env_");
                behind
            }
        };
    }
    filled.extend(rest.as_bytes());
    Some(filled)
}

/// The setting that a variable is for: `logs_config_url` may be `url` below `logs_config`.
fn find<'a>(mapping: &'a mut Mapping, key: &str) -> Option<&'a mut Value> {
    for (own, value) in mapping.iter_mut() {
        let Some(own) = own.as_str().map(str::to_lowercase) else { continue };
        if own == key {
            return Some(value);
        }
        let below = key.strip_prefix(&own).and_then(|rest| rest.strip_prefix('_'));
        if let (Some(below), Value::Mapping(mapping)) = (below, value)
            && let Some(value) = find(mapping, below)
        {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Document};

    fn merged(yaml: &str, variables: &[(&str, &str)]) -> String {
        let mut root = Document::parse(yaml.as_bytes()).expect("YAML").root;
        merge(&mut root, "STS_", variables.iter().copied());
        String::from_utf8_lossy(yaml::emit(&root).expose()).into_owned()
    }

    #[test]
    fn a_variable_takes_the_place_of_what_the_file_says() {
        let yaml = "Api_Key: ENC[a]\nempty: ENC[g]\nlogs_config:\n  url: ENC[b]\nother: 1\n";
        let variables = [
            ("STS_API_KEY", "plain"),
            ("STS_LOGS_CONFIG_URL", "ENC[c]"),
            ("STS_OTHER", "2"),
            ("STS_NEW", "ENC[d]"),
            ("STS_SECRET_BACKEND_COMMAND", "ENC[e]"),
            ("DD_X", "ENC[f]"),
            ("STS_EMPTY", ""),
        ];
        let expected =
            "Api_Key: plain\nempty: ENC[g]\nlogs_config:\n  url: ENC[c]\nnew: ENC[d]\nother: 1\n";
        assert_eq!(merged(yaml, &variables), expected);
        assert_eq!(merged("", &[("STS_A", "ENC[x]")]), "a: ENC[x]\n");
    }

    #[test]
    fn variables_stand_in_checks() {
        let yaml = "a: ['x%%env_A%%y%%env_A%%', '%%env_B%%', '%%host%%', '%%env_A']\n";
        let mut root = Document::parse(yaml.as_bytes()).expect("YAML").root;
        fill(&mut root, &|name| (name == "A").then_some("1"));
        let text = String::from_utf8_lossy(yaml::emit(&root).expose()).into_owned();
        assert_eq!(text, "a:\n- x1y1\n- '%%env_B%%'\n- '%%host%%'\n- '%%env_A'\n");
    }
}
