//! `go-key-files.json`: the files `genkeys` makes, and where keys are looked for.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use secretary_envelope::{PublicKey, SecretKey};
use serde_json::Value;

use crate::program::{Ours, Run, arguments, environ, finish, run, with_environ};
use crate::vectors::{Difference, bytes, judge_all, parse, text};

const VECTORS: &str = include_str!("../vectors/go-key-files.json");

/// Errors in a place that was named, or that the environment has.
const CODE: &str = "A missing or wrong key has an exit code of its own.";
/// A daemon's URL.
const URL: &str = "What is no URL is found before anything is sealed.";

const LOOKUP_DIFFERENCES: &[Difference<Ours>] = &[
    Difference {
        name: "flag value is the key itself (not supported): falls through",
        ours: Ours::Refused(3, "names no variable and no file"),
        because: "A flag that names nothing is an error, because going on to the next place means another key than the one that was meant.",
    },
    Difference {
        name: "quirk: environment variable called \"deploy private\"",
        ours: Ours::Printed("secret"),
        because: "The name is a slip of the Go program, which nobody knows to guard.",
    },
    Difference {
        name: "quirk: environment variable called \"config public\"",
        ours: Ours::Printed("secret"),
        because: "The name is a slip of the Go program, which nobody knows to guard.",
    },
    Difference {
        name: "key file empty",
        ours: Ours::Refused(3, "./keys/master-private-key.pem does not hold a key"),
        because: CODE,
    },
    Difference {
        name: "key file garbage",
        ours: Ours::Refused(3, "./keys/master-private-key.pem does not hold a key"),
        because: CODE,
    },
    Difference {
        name: "env var is a path (fork: not read as a file)",
        ours: Ours::Refused(3, "$DEPLOY_PRIVATE_KEY does not hold a key"),
        because: CODE,
    },
    Difference {
        name: "daemon mode: no deploy key",
        ours: Ours::Refused(3, "no deploy private key"),
        because: CODE,
    },
    Difference {
        name: "daemon mode: deploy key, no master key",
        ours: Ours::Refused(3, "no master public key"),
        because: CODE,
    },
    Difference {
        name: "daemon mode: bad URL",
        ours: Ours::Refused(3, "--secretary-url is no URL of a daemon"),
        because: URL,
    },
    Difference {
        name: "daemon mode: URL without scheme",
        ours: Ours::Refused(3, "--secretary-url is no URL of a daemon"),
        because: URL,
    },
    Difference {
        name: "daemon mode: service key env undecodable",
        ours: Ours::Refused(3, "$SERVICE_PRIVATE_KEY does not hold a key"),
        because: CODE,
    },
];

#[test]
fn finds_keys_where_the_go_program_finds_them() {
    let vectors = parse(VECTORS);
    judge_all(&vectors["find_key"], 19, LOOKUP_DIFFERENCES, |case, difference| {
        let folder = tempfile::tempdir().expect("a folder");
        // Only that case was recorded with files that others may read.
        let shared = text(&case["name"]).starts_with("group/world readable");
        let mode = if shared { 0o666 } else { 0o600 };
        for file in case["files"].as_array().expect("files are a list") {
            put(&folder.path().join(text(&file[0])), text(&file[1]), mode);
        }
        let ours = run(folder.path(), &environ(case), &arguments(case), &bytes(&case["stdin"]));
        ours.judge(&Run::recorded(case), difference)
    });
}

/// What was made is said.
const SAID: &str = "Which files were made is said on standard error.";
/// What messages of [`SAID`] have.
const MADE: Ours = Ours::Noted("note: made ");
/// Existing files.
const KEPT: &str =
    "Tokens sealed with a key that is overwritten can't be opened any more, so that takes --force.";

const GENKEYS_DIFFERENCES: &[Difference<Ours>] = &[
    Difference { name: "genkeys, umask 0022", ours: MADE, because: SAID },
    Difference { name: "genkeys, umask 0077", ours: MADE, because: SAID },
    Difference { name: "genkeys, umask 0002", ours: MADE, because: SAID },
    Difference { name: "genkeys, umask 0000", ours: MADE, because: SAID },
    Difference { name: "names given, one with a slash", ours: MADE, because: SAID },
    Difference { name: "--path deep/er/", ours: MADE, because: SAID },
    Difference {
        name: "--path \"\"",
        ours: Ours::Refused(2, "--path"),
        because: "The Go program writes private keys to the root of the file system.",
    },
    Difference {
        name: "existing key files (mode 0666) are overwritten without a question; the mode stays",
        ours: Ours::Refused(3, "master-private-key.pem"),
        because: KEPT,
    },
    Difference {
        name: "symlinks are followed",
        ours: Ours::Refused(3, "master-private-key.pem"),
        because: KEPT,
    },
    Difference {
        name: "keys is a file",
        ours: Ours::Refused(1, "./keys"),
        because: "The error is worded in our way.",
    },
    Difference {
        name: "target is a folder",
        ours: Ours::Refused(3, "master-public-key.pem"),
        because: "The folder is found before any key is made.",
    },
];

#[test]
fn makes_the_files_the_go_program_makes_and_overwrites_none() {
    let vectors = parse(VECTORS);
    judge_all(&vectors["genkeys"], 11, GENKEYS_DIFFERENCES, |case, difference| {
        let name = text(&case["name"]);
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        prepare(name, folder);
        let before = tree(folder);
        let umask = name.strip_prefix("genkeys, umask ").unwrap_or("0022");
        let arguments = if case.get("args").is_some() { arguments(case) } else { vec!["genkeys"] };
        let ours = genkeys(folder, umask, &arguments);
        ours.judge(&Run::recorded(case), difference)?;
        let after = tree(folder);
        let expected = if ours.code == 0 { recorded_tree(&case["tree"]) } else { before };
        if after != expected {
            return Err(format!("\n  ours {after:?}\n  must {expected:?}"));
        }
        pairs_belong_together(folder)
    });
}

/// A new key under an old name, when that is what was asked for: never through a link, and never with
/// the old file's mode.
#[test]
fn force_replaces_files_and_nothing_else() {
    let vectors = parse(VECTORS);
    let mut replaced = 0;
    for case in vectors["genkeys"].as_array().expect("cases are a list") {
        let name = text(&case["name"]);
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        prepare(name, folder);
        let before = tree(folder);
        if before.is_empty() {
            continue;
        }
        let ours = genkeys(folder, "0022", &["genkeys", "--force"]);
        if name.starts_with("existing key files") {
            assert_eq!(ours.code, 0, "{ours:?}");
            let modes = recorded_tree(&vectors["genkeys"][0]["tree"]);
            assert_eq!(tree(folder), modes, "the files of a first run, with their modes");
            pairs_belong_together(folder).expect("pairs");
            assert_ne!(
                fs::read(folder.join("keys/master-private-key.pem")).expect("read"),
                OLD.as_bytes()
            );
            replaced += 1;
            continue;
        }
        let code = if name == "keys is a file" { 1 } else { 3 };
        assert_eq!(ours.code, code, "{name}: {ours:?}");
        if name == "symlinks are followed" {
            assert_eq!(fs::read(folder.join("elsewhere.pem")).expect("read"), OLD.as_bytes());
            assert!(folder.join("keys/master-private-key.pem").is_symlink());
        }
        replaced += 1;
    }
    assert_eq!(replaced, 4, "cases that begin with something in the way");
}

#[test]
fn the_recorded_pair_belongs_together() {
    let example = &parse(VECTORS)["example"];
    let private = SecretKey::parse(text(&example["private"]).as_bytes()).expect("a key");
    let public = PublicKey::parse(text(&example["public"]).as_bytes()).expect("a key");
    assert_eq!(private.public_key(), public);
    assert_eq!(*private.to_pem(), text(&example["private"]));
    assert_eq!(*public.to_pem(), text(&example["public"]));
}

/// What is in the way before `genkeys` starts.
const OLD: &str = "an old key\n";

fn prepare(name: &str, folder: &Path) {
    let private = folder.join("keys/master-private-key.pem");
    match name {
        _ if name.starts_with("existing key files") => put(&private, OLD, 0o666),
        "symlinks are followed" => {
            put(&folder.join("elsewhere.pem"), OLD, 0o600);
            fs::create_dir(folder.join("keys")).expect("a folder");
            symlink("../elsewhere.pem", private).expect("a link");
        }
        "keys is a file" => put(&folder.join("keys"), OLD, 0o644),
        "target is a folder" => {
            fs::create_dir_all(folder.join("keys/master-public-key.pem")).expect("a folder");
        }
        _ => {}
    }
}

fn put(path: &Path, text: &str, mode: u32) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("written");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

fn genkeys(folder: &Path, umask: &str, arguments: &[&str]) -> Run {
    let mut shell = with_environ(&[], "sh");
    shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask, env!("CARGO_BIN_EXE_secretary")]);
    finish(shell.args(arguments).current_dir(folder), b"")
}

/// Path, type and mode of each entry, and the size of a file; sorted by path.
type Tree = Vec<(String, &'static str, u32, Option<u64>)>;

fn tree(folder: &Path) -> Tree {
    let mut tree = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let about = path.symlink_metadata().expect("metadata");
            let (kind, size) = match () {
                () if about.is_dir() => ("dir", None),
                () if about.is_file() => ("file", Some(about.len())),
                () => ("link", None),
            };
            let below = path.strip_prefix(folder).expect("below the folder");
            let below = below.to_str().expect("a text").to_string();
            tree.push((below, kind, about.permissions().mode() & 0o777, size));
            if about.is_dir() {
                folders.push(path);
            }
        }
    }
    tree.sort();
    tree
}

fn recorded_tree(recorded: &Value) -> Tree {
    let entries = recorded.as_array().expect("a tree is a list").iter();
    let mut tree: Tree = entries
        .map(|entry| {
            let kind = if text(&entry["type"]) == "dir" { "dir" } else { "file" };
            let mode = u32::from_str_radix(text(&entry["mode"]), 8).expect("octal digits");
            (text(&entry["path"]).to_string(), kind, mode, entry["size"].as_u64())
        })
        .collect();
    tree.sort();
    tree
}

fn pairs_belong_together(folder: &Path) -> Result<(), String> {
    for (path, kind, ..) in tree(folder) {
        let Some(name) = path.strip_suffix("-public-key.pem").filter(|_| kind == "file") else {
            continue;
        };
        let read = |path: &str| fs::read(folder.join(path)).map_err(|error| error.to_string());
        let public = PublicKey::parse(&read(&path)?).map_err(|error| error.to_string())?;
        let private = SecretKey::parse(&read(&format!("{name}-private-key.pem"))?);
        if private.map_err(|error| error.to_string())?.public_key() != public {
            return Err(format!("{name} is no pair"));
        }
    }
    Ok(())
}
