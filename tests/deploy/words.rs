//! No file names a flag or a variable that the program does not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::root::{deploy, program};

/// The files, by the commands whose flags they may have.
const FILES: [(&str, &[&str]); 12] = [
    (
        "README.md",
        &[
            "agent test",
            "daemon",
            "decrypt",
            "encrypt",
            "exec",
            "genkeys",
            "secret",
            "server",
            "server token",
        ],
    ),
    ("agent.toml", &["agent"]),
    ("daemon.env", &["daemon"]),
    ("handles.toml", &["agent"]),
    ("hiera.yaml", &["daemon"]),
    ("marathon-app.json", &["exec"]),
    ("mesos-task.json", &["exec"]),
    ("myservice.service", &["decrypt"]),
    ("policy.toml", &["server policy test"]),
    ("postgres.yaml", &["agent"]),
    ("secretary-server.service", &["server"]),
    ("secretary.service", &["daemon"]),
];

/// Flags of other programs.
const FOREIGN_FLAGS: [&str; 5] = ["--entrypoint", "--read-only", "--cap-drop", "--ulimit", "--now"];

/// Variables of systemd, and of the service that is started.
const FOREIGN_VARIABLES: [&str; 10] = [
    "CREDENTIALS_DIRECTORY",
    "LOGS_DIRECTORY",
    "MAINPID",
    "STATE_DIRECTORY",
    "AGENT_API_KEY",
    "AGENT_DATABASE_PASSWORD",
    "API_KEY",
    "DATABASE_PASSWORD",
    "DATABASE_URL",
    "DATABASE_USERNAME",
];

fn help(command: &str) -> String {
    let output =
        Command::new(program()).args(command.split(' ')).arg("--help").output().expect("started");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    fs::read_to_string(path).expect("the project has a README")
}

/// The words of a text that consist of `part` alone.
fn words(text: &str, part: impl Fn(char) -> bool) -> BTreeSet<&str> {
    text.split(|letter| !part(letter)).filter(|word| !word.is_empty()).collect()
}

/// All `--flags` of a text.
fn flags(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter == '-' || letter.is_ascii_lowercase();
    let words = words(text, is_part).into_iter().map(|word| word.trim_end_matches('-'));
    words.filter(|word| word.starts_with("--")).collect()
}

/// All `NAMES_IN_CAPITALS` of a text. What is one word alone is one only behind a `$`.
fn variables(text: &str) -> BTreeSet<&str> {
    let is_part =
        |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    let of_words = words(text, is_part).into_iter();
    let behind = text.split('$').skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches('{');
        let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    });
    let has_parts = |word: &&str| {
        word.contains('_')
            && !word.starts_with(['_'])
            && word.starts_with(|c: char| c.is_ascii_uppercase())
    };
    // Families of addresses and states of tasks are no variables.
    let is_none = |word: &&str| word.starts_with("AF_") || *word == "MESOS_HTTP";
    of_words.filter(has_parts).chain(behind).filter(|word| !is_none(word)).collect()
}

#[test]
fn every_file_is_looked_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let files = fs::read_dir(folder).expect("a folder");
    let files = files.map(|file| file.expect("an entry").file_name().into_string().expect("text"));
    let known = FILES.iter().map(|(name, _)| name.to_string()).chain(["workloads.toml".into()]);
    assert_eq!(files.collect::<BTreeSet<_>>(), known.collect());
}

#[test]
fn every_flag_is_in_the_help() {
    for (file, commands) in FILES {
        let help: String = commands.iter().map(|command| help(command)).collect();
        let (text, known) = (deploy(file), flags(&help));
        for flag in flags(&text) {
            assert!(known.contains(flag) || FOREIGN_FLAGS.contains(&flag), "{file}: {flag}");
        }
    }
}

#[test]
fn every_variable_is_in_the_help_or_the_readme() {
    let documented = readme() + &help("daemon") + &help("decrypt");
    let known = variables(&documented);
    for (file, _) in FILES {
        let text = deploy(file);
        for variable in variables(&text) {
            let name = variable.strip_suffix("_SHA256").unwrap_or(variable);
            let is_known = known.contains(variable)
                || FOREIGN_VARIABLES.contains(&name)
                || text.contains(&format!("@{variable}@"));
            assert!(is_known, "{file}: {variable}");
        }
    }
}

#[test]
fn words_are_found() {
    assert_eq!(flags("`--a-b` --c=1 x--d -e"), BTreeSet::from(["--a-b", "--c"]));
    let found = variables("A_B=1 ${C}, $D_1 E \"F_G\"");
    assert_eq!(found, BTreeSet::from(["A_B", "C", "D_1", "F_G"]));
}
