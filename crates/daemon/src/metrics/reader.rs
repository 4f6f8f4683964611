//! A strict reader of what is written here, for tests.

use std::collections::BTreeMap;

/// What stands below one `# HELP`.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) unit: Option<String>,
    pub(super) help: String,
    /// By the whole of the name and its labels.
    pub(super) samples: BTreeMap<String, f64>,
}

/// Reads OpenMetrics text as strictly as its specification, as far as it is used here.
pub(super) fn read(text: &str) -> BTreeMap<String, Block> {
    let body = text.strip_suffix("# EOF\n").expect("the end says so");
    let mut blocks = BTreeMap::new();
    let mut name = String::new();
    for line in body.strip_suffix('\n').expect("whole lines").split('\n') {
        let parts: Vec<&str> = line.splitn(4, ' ').collect();
        match parts[..] {
            ["#", "HELP", of, help] => {
                name = of.to_string();
                let help = line.strip_prefix(&format!("# HELP {name} ")).expect(help).to_string();
                let before = blocks.insert(name.clone(), Block { help, ..Block::default() });
                assert!(before.is_none(), "{line}: twice");
            }
            ["#", "TYPE", of, kind] => {
                assert_eq!(of, name, "{line}");
                blocks.get_mut(&name).expect("after its help").kind = kind.to_string();
            }
            ["#", "UNIT", of, unit] => {
                assert!(of == name && name.ends_with(&format!("_{unit}")), "{line}");
                blocks.get_mut(&name).expect("after its help").unit = Some(unit.to_string());
            }
            _ => read_sample(line, &name, blocks.get_mut(&name).expect("after its help")),
        }
    }
    blocks
}

fn read_sample(line: &str, name: &str, block: &mut Block) {
    let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}: no value"));
    let rest = key.strip_prefix(name).unwrap_or_else(|| panic!("{line}: not of {name}"));
    let (suffix, labels) = rest.split_once('{').unwrap_or((rest, "}"));
    let suffixes: &[&str] = match block.kind.as_str() {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_bucket", "_sum", "_count"],
        "info" => &["_info"],
        other => panic!("{line}: of type {other}"),
    };
    assert!(suffixes.contains(&suffix), "{line}");
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}: no end"));
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once('=').unwrap_or_else(|| panic!("{line}: no label"));
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = value.unwrap_or_else(|| panic!("{line}: no quotes"));
        let plain = |text: &str, also: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_lowercase() || c == '_' || also.contains(c))
        };
        let also = if matches!(name, "le" | "version") { "0123456789.+Inf-" } else { "" };
        assert!(plain(name, "") && plain(value, also), "{line}");
    }
    let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
    assert!(block.samples.insert(key.to_string(), value).is_none(), "{line}: twice");
}
