//! The house rules of `crates/README.md`, kept by reading the manifests and the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate of ours, and the ones it may use. Another edge, or another crate, is a decision to be
/// written down here and in `crates/README.md`.
const MAY_USE: [(&str, &[&str]); 19] = [
    ("secretary-secret", &[]),
    ("secretary-envelope", &["secretary-secret"]),
    ("secretary-transport", &["secretary-secret"]),
    ("secretary-aws-kms", &["secretary-envelope", "secretary-secret", "secretary-transport"]),
    ("secretary-access", &["secretary-acl"]),
    ("secretary-acl", &[]),
    (
        "secretary-agent",
        &["secretary-acl", "secretary-go-json", "secretary-secret", "secretary-transport"],
    ),
    (
        "secretary-daemon",
        &[
            "secretary-access",
            "secretary-envelope",
            "secretary-secret",
            "secretary-serve",
            "secretary-transport",
        ],
    ),
    ("secretary-go-json", &["secretary-secret"]),
    ("secretary-serve", &["secretary-secret", "secretary-transport"]),
    ("secretary-setec-api", &["secretary-go-json", "secretary-secret"]),
    ("secretary-setec-client", &["secretary-secret", "secretary-setec-api", "secretary-transport"]),
    (
        "secretary-setec-server",
        &[
            "secretary-access",
            "secretary-envelope",
            "secretary-secret",
            "secretary-serve",
            "secretary-setec-api",
            "secretary-transport",
        ],
    ),
    (
        "secretary",
        &[
            "secretary-access",
            "secretary-acl",
            "secretary-agent",
            "secretary-aws-kms",
            "secretary-daemon",
            "secretary-envelope",
            "secretary-secret",
            "secretary-serve",
            "secretary-setec-api",
            "secretary-setec-client",
            "secretary-setec-server",
            "secretary-transport",
        ],
    ),
    ("secretary-test-backend", &[]),
    ("secretary-test-cluster", &["secretary-test-kms"]),
    ("secretary-test-kms", &[]),
    ("secretary-test-kubernetes", &["secretary-test-kms"]),
    ("secretary-test-tailscaled", &["secretary-test-kms"]),
];

/// What the lower crates may not touch: they are pure.
const IMPURE: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::time",
    "std::process",
    "std::thread",
    "tokio",
    "reqwest",
    "clap",
];

/// A pattern and the only files under `src/` that may have it.
const ONLY_IN: [(&str, &[&str]); 8] = [
    ("io::stderr()", &["world.rs"]),
    ("io::stdout()", &["world.rs"]),
    ("io::stdin()", &["world.rs"]),
    ("\"error:\"", &["failure.rs"]),
    ("std::env::", &["environ.rs", "main.rs", "world.rs", "commands/version.rs"]),
    ("allow(unsafe_code)", &["before_main.rs", "c_library.rs", "input.rs", "start.rs"]),
    ("block_on", &["runtime.rs"]),
    ("Builder::new_", &["runtime.rs"]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below `folder`, each by its path there, without their unit tests.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let base = root().join(folder);
    let mut folders = vec![base.clone()];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of ours") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                let code =
                    text.split("#[cfg(test)]\nmod tests").next().expect("a first part").to_string();
                let name =
                    path.strip_prefix(&base).expect("below").to_string_lossy().replace('\\', "/");
                files.insert(name, code);
            }
        }
    }
    assert!(!files.is_empty(), "{folder} has sources");
    files
}

/// The code of a line, without a comment that begins the line.
fn lines_of_code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn crates_use_only_what_lies_below_them() {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs the tests, so it is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut seen = BTreeSet::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{name} is new"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = dependency["name"].as_str().expect("a name");
            let ours = dependency["path"].is_string();
            let in_tests = dependency["kind"] == "dev" && used.starts_with("secretary-test-");
            assert!(!ours || in_tests || allowed.contains(&used), "{name} may not use {used}");
        }
        seen.insert(name.to_string());
    }
    assert_eq!(seen.len(), MAY_USE.len());
}

#[test]
fn the_lower_crates_are_pure() {
    for folder in
        ["crates/secret/src", "crates/envelope/src", "crates/go-json/src", "crates/setec-api/src"]
    {
        for (file, text) in sources(folder) {
            for line in lines_of_code(&text) {
                let found = IMPURE.iter().find(|word| line.contains(**word));
                assert_eq!(found, None, "{folder}/{file}: {line}");
            }
        }
    }
}

#[test]
fn some_things_are_done_in_one_file() {
    for (file, text) in sources("src") {
        for (pattern, files) in ONLY_IN {
            let found = lines_of_code(&text).find(|line| line.contains(pattern));
            assert!(
                files.contains(&file.as_str()) || found.is_none(),
                "src/{file} has {pattern}: {found:?}"
            );
        }
    }
}

#[test]
fn commands_do_not_import_each_other() {
    let files = sources("src/commands");
    let names: BTreeSet<_> =
        files.keys().map(|file| file.split(['/', '.']).next().expect("a name")).collect();
    for (file, text) in &files {
        let own = file.split(['/', '.']).next().expect("a name");
        for other in names.iter().filter(|other| **other != own && **other != "mod" && own != "mod")
        {
            for path in [format!("commands::{other}"), format!("super::{other}")] {
                let found = lines_of_code(text).find(|line| line.contains(&path));
                assert_eq!(found, None, "src/commands/{file} imports {other}");
            }
        }
    }
}

#[test]
fn every_file_is_of_a_size_to_be_read() {
    for folder in [
        "src",
        "crates/secret/src",
        "crates/envelope/src",
        "crates/access/src",
        "crates/acl/src",
        "crates/agent/src",
        "crates/aws-kms/src",
        "crates/daemon/src",
        "crates/go-json/src",
        "crates/serve/src",
        "crates/setec-api/src",
        "crates/setec-client/src",
        "crates/setec-server/src",
        "crates/transport/src",
    ] {
        for (file, text) in sources(folder) {
            assert!(text.lines().count() <= 500, "{folder}/{file} has more than 500 lines");
        }
    }
}
