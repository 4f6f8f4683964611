//! A unit of systemd, as far as ours have need of it: `Name=value` lines that go on behind a backslash.

use crate::root::deploy;

/// A unit of `deploy/`.
pub(crate) struct Unit(Vec<(String, String)>);

impl Unit {
    pub(crate) fn read(name: &str) -> Self {
        let text = deploy(name).replace("\\\n", " ");
        let lines = text.lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty());
        let settings = lines.map(|line| {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?}"));
            (name.to_string(), value.to_string())
        });
        Self(settings.collect())
    }

    /// All values of a setting, in their order.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a setting that is there once.
    pub(crate) fn one(&self, name: &str) -> &str {
        let values: Vec<_> = self.all(name).collect();
        let [value] = values[..] else { panic!("{name} is there once: {values:?}") };
        value
    }

    /// The variables in lines `Environment=`.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        self.all("Environment").map(assignment).collect()
    }
}

/// The words of a command, with `${NAME}` replaced as systemd does it.
pub(crate) fn words(command: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let mut command = command.trim_start_matches('+').to_string();
    for (name, value) in variables {
        command = command.replace(&format!("${{{name}}}"), value);
    }
    assert!(!command.contains('$'), "a variable is not known: {command}");
    command.split_whitespace().map(str::to_string).collect()
}

/// The variables of an environment file without quotes.
pub(crate) fn variables(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(assignment).collect()
}

pub(crate) fn assignment(line: &str) -> (String, String) {
    let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("{line:?} is no variable"));
    (name.to_string(), value.to_string())
}
