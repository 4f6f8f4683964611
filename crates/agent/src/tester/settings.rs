//! The `secret_*` settings, from the main file and from the environment.

use std::time::Duration;

use crate::yaml::Value;

/// What an agent is set to where nothing is said.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes on each stream, where nothing is said.
pub const MAX_SIZE: usize = 1024 * 1024;

/// What an agent's configuration says, each unless it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `secret_backend_command`; empty is as good as absent.
    pub command: Option<String>,
    /// `secret_backend_arguments`
    pub arguments: Option<Vec<String>>,
    /// `secret_backend_timeout`, in whole seconds.
    pub timeout: Option<Duration>,
    /// `secret_backend_output_max_size`
    pub max_size: Option<usize>,
    /// `secret_backend_command_allow_group_exec_perm`
    pub allow_group_exec: Option<bool>,
    /// `secret_backend_skip_checks`
    pub skip_checks: Option<bool>,
}

impl Settings {
    /// Reads them. `variable` answers the environment's value of a setting, which comes first.
    pub fn of(main: Option<&Value>, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let source = Source { main, variable };
        Self {
            command: source.text("secret_backend_command").filter(|command| !command.is_empty()),
            arguments: source.list("secret_backend_arguments"),
            timeout: source.number("secret_backend_timeout").map(Duration::from_secs),
            max_size: source
                .number("secret_backend_output_max_size")
                .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            allow_group_exec: source.switch("secret_backend_command_allow_group_exec_perm"),
            skip_checks: source.switch("secret_backend_skip_checks"),
        }
    }
}

struct Source<'a> {
    main: Option<&'a Value>,
    variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Source<'_> {
    fn in_file(&self, key: &str) -> Option<&Value> {
        // An agent does not mind the case of keys in its main file.
        let mut entries = self.main?.as_mapping()?.iter();
        let is_key = |own: &Value| own.as_str().is_some_and(|own| own.eq_ignore_ascii_case(key));
        entries.find(|(own, _)| is_key(own)).map(|(_, value)| value)
    }

    fn text(&self, key: &str) -> Option<String> {
        (self.variable)(key).or_else(|| scalar(self.in_file(key)?))
    }

    /// In the environment a list is one text with blanks in between, so no argument can have one. In a file it
    /// may be such a text, too.
    fn list(&self, key: &str) -> Option<Vec<String>> {
        let words = |text: &str| Some(text.split_whitespace().map(str::to_string).collect());
        if let Some(text) = (self.variable)(key) {
            return words(&text);
        }
        match self.in_file(key)? {
            Value::String(text) => words(text.as_str()?),
            other => Some(other.as_sequence()?.iter().filter_map(scalar).collect()),
        }
    }

    /// What is no number, such as `30s`, is 0 to an agent, and what is below 0 is as bad.
    fn number(&self, key: &str) -> Option<u64> {
        let parsed = |text: String| text.parse().unwrap_or_default();
        if let Some(text) = (self.variable)(key) {
            return Some(parsed(text));
        }
        match self.in_file(key)? {
            Value::Null => None,
            Value::Float(number) => Some(*number as u64),
            other => Some(scalar(other).map(parsed).unwrap_or_default()),
        }
    }

    fn switch(&self, key: &str) -> Option<bool> {
        match self.text(key)?.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.as_str().map(str::to_string),
        Value::Integer(number) => Some(number.to_string()),
        Value::Unsigned(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Document;

    const MAIN: &str = "Secret_Backend_Command: /x\nsecret_backend_arguments: [a b, 1]\n\
        secret_backend_timeout: '5'\nsecret_backend_output_max_size: 10\n\
        secret_backend_command_allow_group_exec_perm: yes\n";

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let main = Document::parse(MAIN.as_bytes()).expect("YAML").root;
        let find = |key: &str| variables.iter().find(|(name, _)| *name == key);
        Settings::of(Some(&main), &|key| find(key).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn a_file_says_all_of_it() {
        let expected = Settings {
            command: Some("/x".to_string()),
            arguments: Some(vec!["a b".to_string(), "1".to_string()]),
            timeout: Some(Duration::from_secs(5)),
            max_size: Some(10),
            allow_group_exec: Some(true),
            skip_checks: None,
        };
        assert_eq!(settings(&[]), expected);
    }

    #[test]
    fn the_environment_comes_first_and_its_lists_are_split() {
        let settings = settings(&[
            ("secret_backend_command", "/y"),
            ("secret_backend_arguments", "a  b"),
            ("secret_backend_timeout", "0"),
        ]);
        assert_eq!(settings.command.as_deref(), Some("/y"));
        assert_eq!(settings.arguments, Some(vec!["a".to_string(), "b".to_string()]));
        assert_eq!(settings.timeout, Some(Duration::ZERO));
    }

    #[test]
    fn what_is_no_number_is_0_and_a_text_is_a_list() {
        let of = |setting: &str| {
            let main = Document::parse(setting.as_bytes()).expect("YAML").root;
            Settings::of(Some(&main), &|_| None)
        };
        for (text, seconds) in
            [("30s", 0), ("''", 0), ("-1", 0), ("[30]", 0), ("30.0", 30), ("'7'", 7)]
        {
            let settings = of(&format!("secret_backend_timeout: {text}"));
            assert_eq!(settings.timeout, Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(of("secret_backend_timeout:\n").timeout, None);
        assert_eq!(of("secret_backend_output_max_size: -1").max_size, Some(0));
        let arguments = of("secret_backend_arguments: --foo bar").arguments;
        assert_eq!(arguments, Some(vec!["--foo".to_string(), "bar".to_string()]));
    }
}
