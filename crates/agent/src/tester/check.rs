//! One file of a check, cut into the sections that an agent resolves one after the other.

use std::path::{Path, PathBuf};

use super::AgentError;
use crate::yaml::{Mapping, Value};

/// A file of a check.
#[derive(Debug)]
pub struct Check {
    /// The check, which is what an agent calls its secrets' origin.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// In the order they are resolved.
    pub sections: Vec<Section>,
    /// Whether it is resolved for each container or service it matches, and not once.
    pub is_template: bool,
    /// Whether it is for a cluster agent to hand out.
    pub is_cluster_check: bool,
    /// What a template matches.
    pub identifiers: Vec<String>,
    is_of_logs_only: bool,
}

impl Check {
    /// Whether it has only metrics or logs, so that it does not stand in for a default file.
    pub fn is_other(&self) -> bool {
        let is_of_metrics = self.path.file_stem().is_some_and(|stem| stem == "metrics");
        is_of_metrics || self.is_of_logs_only
    }
}

/// A part of a configuration that is resolved on its own.
#[derive(Debug)]
pub struct Section {
    /// Which one.
    pub kind: Kind,
    /// What it holds.
    pub value: Value,
}

/// The parts of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A main file as a whole.
    Main,
    /// What all instances share.
    InitConfig,
    /// One instance, by its place.
    Instance(usize),
    /// JMX metrics.
    Metrics,
    /// Logs.
    Logs,
}

impl Kind {
    /// What an agent puts before an error.
    pub fn wrap(self, error: &AgentError) -> AgentError {
        AgentError(match self {
            Self::Main => error.to_string(),
            Self::InitConfig => {
                format!("error while decrypting secrets in 'init_config': {error}")
            }
            Self::Instance(_) => format!("error while decrypting secrets in an instance: {error}"),
            Self::Metrics => format!("error while decrypting secrets in 'metrics': {error}"),
            Self::Logs => format!("error while decrypting secrets 'logs': {error}"),
        })
    }

    /// Its name, for lists.
    pub fn name(self) -> String {
        match self {
            Self::Main => "main".to_string(),
            Self::InitConfig => "init_config".to_string(),
            Self::Instance(place) => format!("instances/{place}"),
            Self::Metrics => "metrics".to_string(),
            Self::Logs => "logs".to_string(),
        }
    }
}

/// Cuts the document of a file into sections.
///
/// # Errors
///
/// Why an agent does not take the file.
pub fn of(name: &str, path: &Path, mut root: Value) -> Result<Check, AgentError> {
    if !matches!(root, Value::Mapping(_) | Value::Null) {
        return Err(cannot_unmarshal(&root, "providers.configFormat"));
    }
    if let Some(error) = wrong_type(&root) {
        return Err(error);
    }
    let instances = match root.take("instances") {
        Some(Value::Sequence(instances)) => instances,
        None | Some(Value::Null) => Vec::new(),
        Some(other) => return Err(cannot_unmarshal(&other, "[]integration.RawMap")),
    };
    if let Some(wrong) = instances.iter().find(|instance| !is_map(instance)) {
        return Err(cannot_unmarshal(wrong, "integration.RawMap"));
    }
    let mut taken = |key| root.take(key).filter(|value| !matches!(value, Value::Null));
    let (init_config, metrics, logs) = (taken("init_config"), taken("jmx_metrics"), taken("logs"));
    if instances.is_empty() && metrics.is_none() && logs.is_none() {
        return Err(AgentError::new("Configuration file contains no valid instances"));
    }
    let identifiers = identifiers(&root);
    if has_items(&root, "docker_images") && !has_items(&root, "ad_identifiers") {
        return Err(AgentError::new(
            "the 'docker_images' section is deprecated, please use 'ad_identifiers' instead",
        ));
    }
    let is_template = !identifiers.is_empty() || has_items(&root, "advanced_ad_identifiers");
    let is_of_logs_only =
        logs.is_some() && metrics.is_none() && instances.is_empty() && identifiers.is_empty();
    let instances = instances.into_iter().enumerate().map(|(place, instance)| {
        // An empty instance is an empty mapping to an agent.
        let value = match instance {
            Value::Null => Value::from(Mapping::default()),
            other => other,
        };
        Section { kind: Kind::Instance(place), value }
    });
    let section = |kind| move |value| Section { kind, value };
    let sections = (init_config.map(section(Kind::InitConfig)).into_iter())
        .chain(instances)
        .chain(metrics.map(section(Kind::Metrics)))
        .chain(logs.map(below_logs).map(section(Kind::Logs)))
        .collect();
    Ok(Check {
        name: name.to_string(),
        path: path.to_path_buf(),
        sections,
        is_template,
        is_cluster_check: matches!(root.get("cluster_check"), Some(Value::Boolean(true))),
        identifiers,
        is_of_logs_only,
    })
}

/// Why an agent does not take `root` as its main configuration, if it doesn't.
pub fn refused_as_main(root: &Value) -> Option<AgentError> {
    (!is_map(root)).then(|| cannot_unmarshal(root, "map[string]interface {}"))
}

/// What an agent says of a key of its own that holds something else than it should: it takes nothing of the file.
fn wrong_type(root: &Value) -> Option<AgentError> {
    const LISTS: [(&str, &str); 3] = [
        ("ad_identifiers", "[]string"),
        ("advanced_ad_identifiers", "[]integration.AdvancedADIdentifier"),
        ("docker_images", "[]string"),
    ];
    let wrong_list = LISTS.iter().find_map(|(key, into)| match root.get(key)? {
        Value::Null | Value::Sequence(_) => None,
        other => Some(cannot_unmarshal(other, into)),
    });
    let wrong_switch = || match root.get("cluster_check")? {
        Value::Null | Value::Boolean(_) => None,
        other => Some(cannot_unmarshal(other, "bool")),
    };
    wrong_list.or_else(wrong_switch)
}

/// Logs keep their key when they are written anew.
fn below_logs(logs: Value) -> Value {
    let mut mapping = Mapping::default();
    mapping.insert("logs", logs);
    Value::from(mapping)
}

fn is_map(value: &Value) -> bool {
    matches!(value, Value::Mapping(_) | Value::Null)
}

fn has_items(root: &Value, key: &str) -> bool {
    root.get(key).and_then(Value::as_sequence).is_some_and(|items| !items.is_empty())
}

fn identifiers(root: &Value) -> Vec<String> {
    let items = root.get("ad_identifiers").and_then(Value::as_sequence).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_string).collect()
}

/// Go names the line and the text, too; the text may be a secret.
fn cannot_unmarshal(value: &Value, into: &str) -> AgentError {
    let kind = match value {
        Value::Null => "!!null",
        Value::Boolean(_) => "!!bool",
        Value::Integer(_) | Value::Unsigned(_) => "!!int",
        Value::Float(_) => "!!float",
        Value::String(_) => "!!str",
        Value::Sequence(_) => "!!seq",
        Value::Mapping(_) => "!!map",
    };
    AgentError(format!("yaml: unmarshal errors: cannot unmarshal {kind} into {into}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Document};

    fn cut(text: &str) -> Result<Check, String> {
        let root = Document::parse(text.as_bytes()).expect("YAML").root;
        of("x", Path::new("x.yaml"), root).map_err(|error| error.to_string())
    }

    fn texts(text: &str) -> Vec<(String, String)> {
        let in_words = |section: &Section| {
            let text = yaml::emit(&section.value);
            (section.kind.name(), String::from_utf8_lossy(text.expose()).into_owned())
        };
        cut(text).expect("a check").sections.iter().map(in_words).collect()
    }

    #[test]
    fn sections_are_in_the_order_they_are_resolved_in() {
        let text =
            "logs: [{a: 1}]\njmx_metrics: [1]\ninstances: [{b: 2}, null]\ninit_config: {c: 3}\n";
        let expected = [
            ("init_config", "c: 3\n"),
            ("instances/0", "b: 2\n"),
            ("instances/1", "{}\n"),
            ("metrics", "- 1\n"),
            ("logs", "logs:\n- a: 1\n"),
        ];
        assert_eq!(texts(text), expected.map(|(name, text)| (name.to_string(), text.to_string())));
    }

    #[test]
    fn what_an_agent_does_not_take_is_refused() {
        let error = |text| cut(text).map(|_| ()).expect_err("no check");
        assert_eq!(error("init_config:\n"), "Configuration file contains no valid instances");
        assert!(error("- a\n").contains("cannot unmarshal !!seq into providers.configFormat"));
        assert!(error("instances: [a]\n").contains("!!str into integration.RawMap"));
        let text = "docker_images: [a]\ninstances: [{}]\n";
        assert!(error(text).contains("'docker_images' section is deprecated"));
    }

    #[test]
    fn a_file_with_identifiers_is_a_template() {
        let check = cut("ad_identifiers: [redis]\ninstances: [{}]\n").expect("a check");
        assert!(check.is_template);
        assert_eq!(check.identifiers, ["redis"]);
        assert!(cut("logs: [{a: 1}]\n").expect("a check").is_other());
    }
}
