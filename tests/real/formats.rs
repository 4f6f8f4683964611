//! The printed formats, read by the programs they are for.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use secretary::format::Format;
use secretary_secret::Secret;

use crate::support::{Keys, Random, output_of};

/// Where scripts/test puts readers that are no system packages.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools")
}

/// Values, and what the format makes of those it takes, one assignment behind the other.
fn printed(
    format: Format,
    seed: u64,
    wanted: impl Fn(&[u8]) -> bool,
) -> (BTreeMap<String, String>, Vec<u8>) {
    let mut random = Random(seed);
    let (mut values, mut text) = (BTreeMap::new(), Vec::new());
    for number in 0..4000 {
        let value = random.value();
        if !wanted(&value) {
            continue;
        }
        let name = format!("V{number}");
        if let Ok(printed) =
            format.print(&[(OsStr::new(&name), Secret::from(value.as_slice()))], false)
        {
            text.extend_from_slice(printed.body.expose());
            values.insert(name, String::from_utf8(value).expect("only text is printed"));
        }
    }
    assert!(values.len() > 1000, "only {} values were fit to be printed", values.len());
    (values, text)
}

fn assert_read(reader: &str, values: &BTreeMap<String, String>, read: &BTreeMap<String, String>) {
    for (name, value) in values {
        assert_eq!(read.get(name), Some(value), "{reader} reads {name}={value:?} differently");
    }
}

fn read_by_us(text: &[u8]) -> BTreeMap<String, String> {
    let read = secretary::env_file::parse(text).expect("our own format");
    let owned = |text: &OsStr| text.to_str().expect("text").to_string();
    read.iter().map(|(name, value)| (owned(name), owned(value))).collect()
}

fn json(output: &[u8]) -> BTreeMap<String, String> {
    let object: BTreeMap<String, Option<String>> =
        serde_json::from_slice(output).expect("the reader prints JSON");
    object.into_iter().map(|(name, value)| (name, value.expect("a value"))).collect()
}

#[test]
#[ignore = "needs python-dotenv and dotenv for Node.js, which scripts/test installs"]
fn dotenv_files_are_read_the_same_by_all() {
    let (values, text) = printed(Format::Dotenv, 11, |_| true);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("env");
    fs::write(&file, &text).expect("written");

    let python =
        "import json, sys, dotenv; json.dump(dotenv.dotenv_values(sys.argv[1]), sys.stdout)";
    let read =
        output_of(Command::new(tools().join("venv/bin/python")).args(["-c", python]).arg(&file));
    assert_read("python-dotenv", &values, &json(&read));

    let node = "console.log(JSON.stringify(require('dotenv').parse(require('fs').readFileSync(process.argv[1]))))";
    let read = output_of(Command::new("node").args(["-e", node]).arg(&file).current_dir(tools()));
    assert_read("dotenv for Node.js", &values, &json(&read));

    assert_read("--env-file", &values, &read_by_us(&text));
}

#[test]
#[ignore = "needs systemd, which scripts/test installs"]
fn systemd_reads_its_environment_files() {
    // The generator for environment.d reads files by the same rules as EnvironmentFile=, and then
    // replaces variables and takes an empty value for none, which EnvironmentFile= does not do.
    let (values, text) =
        printed(Format::Systemd, 12, |value| !value.is_empty() && !value.contains(&b'$'));
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = folder.path().join("environment.d");
    fs::create_dir(&configuration).expect("made");
    fs::write(configuration.join("x.conf"), &text).expect("written");
    let mut generator = Command::new(
        "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator",
    );
    let output = output_of(
        generator.env_clear().env("XDG_CONFIG_HOME", folder.path()).env("HOME", folder.path()),
    );

    let read: BTreeMap<_, _> = String::from_utf8(output)
        .expect("systemd prints text")
        .lines()
        .filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_string(), unquoted(value)))
        })
        .collect();
    assert_read("systemd", &values, &read);

    assert_read("--env-file", &values, &read_by_us(&text));
}

/// Undoes how systemd quotes what it prints: C escapes, in quotes where it is needed.
fn unquoted(text: &str) -> String {
    let inner = text.strip_prefix("$'").and_then(|text| text.strip_suffix('\''));
    let inner = inner.or_else(|| text.strip_prefix('"').and_then(|text| text.strip_suffix('"')));
    let Some(inner) = inner else { return text.to_string() };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let code = rest.next().expect("an escape is complete");
        let named = [
            (b'n', 10),
            (b't', 9),
            (b'r', 13),
            (b'a', 7),
            (b'b', 8),
            (b'f', 12),
            (b'v', 11),
            (b's', 32),
        ];
        bytes.push(match (code, named.iter().find(|(name, _)| *name == code)) {
            (_, Some((_, value))) => *value,
            (b'0'..=b'7', None) => {
                let digits = [code, rest.next().expect("octal"), rest.next().expect("octal")];
                digits.iter().fold(0, |value, digit| value << 3 | (digit - b'0'))
            }
            (b'x', None) => {
                let digits = [rest.next().expect("hex"), rest.next().expect("hex")];
                u8::from_str_radix(str::from_utf8(&digits).expect("hex"), 16).expect("hex")
            }
            (other, None) => other,
        });
    }
    String::from_utf8(bytes).expect("systemd keeps text")
}

#[test]
#[ignore = "needs python3, which scripts/test installs"]
fn json_and_null_are_read_by_others() {
    let keys = Keys::new();
    let values: Vec<_> =
        ["a b", "\"\\\n\u{1}\u{7f}", "é\u{2028}😀", ""].map(str::as_bytes).to_vec();
    let mut command = keys.command("sh");
    for (n, value) in values.iter().enumerate() {
        command.env(format!("V{n}"), keys.seal(value));
    }
    let python = "import json, sys; print(sorted(json.load(sys.stdin).items()))";
    command.args(["-c", &format!("secretary decrypt -e --format json | python3 -c '{python}'")]);
    let expected =
        "[('V0', 'a b'), ('V1', '\"\\\\\\n\\x01\\x7f'), ('V2', 'é\\u2028😀'), ('V3', '')]\n";
    assert_eq!(
        String::from_utf8(output_of(command.env("PYTHONUTF8", "1"))).expect("text"),
        expected
    );

    let mut command = keys.command("sh");
    for (n, value) in values.iter().enumerate() {
        command.env(format!("V{n}"), keys.seal(value));
    }
    command.args([
        "-c",
        "secretary decrypt -e --format null | xargs -0 -n1 sh -c 'printf \"%s|\" \"$1\"' x",
    ]);
    let expected = values
        .iter()
        .enumerate()
        .map(|(n, value)| [format!("V{n}=").as_bytes(), value, b"|"].concat());
    assert_eq!(output_of(&mut command), expected.collect::<Vec<_>>().concat());
}
