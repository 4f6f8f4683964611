//! `eval "$(secretary decrypt -e)"` and `eval $(secretary decrypt -e)` in the shells people have.

use std::fs;
use std::process::Command;

use crate::support::{Keys, Random, environ_block, output_of};

/// The four shells, and two of them with options that make more characters special.
const SHELLS: [(&[&str], usize); 6] = [
    (&["dash"], 10_000),
    (&["bash"], 10_000),
    (&["busybox", "sh"], 10_000),
    (&["zsh"], 10_000),
    (&["bash", "-O", "extglob", "-O", "nullglob"], 1_000),
    (&["zsh", "--emulate", "sh"], 1_000),
];

const EVALS: [&str; 2] = ["eval \"$(secretary decrypt -e)\"", "eval $(secretary decrypt -e)"];

/// Many variables at once, because starting a shell takes longer than a value does.
const AT_ONCE: usize = 200;

/// Exports are checked where they matter: in the environment of a program the shell starts.
fn exported(keys: &Keys, shell: &[&str], eval: &str, locale: &str, values: &[Vec<u8>]) {
    let folder = tempfile::tempdir().expect("a folder");
    // What patterns could match, were a value ever taken for one.
    for name in ["a", "b1", "X='a'", "x y", "export"] {
        fs::write(folder.path().join(name), "").expect("written");
    }
    let mut command: Command = keys.command(shell[0]);
    command.args(&shell[1..]).args(["-c", &format!("set -e; {eval}; exec cat /proc/self/environ")]);
    command.current_dir(&folder).env("LC_ALL", locale);
    for (number, value) in values.iter().enumerate() {
        command.env(format!("V{number}"), keys.seal(value));
    }
    let environ = environ_block(&output_of(&mut command));
    for (number, value) in values.iter().enumerate() {
        let found = environ.get(&format!("V{number}"));
        assert_eq!(
            found,
            Some(value),
            "{shell:?}, {eval}, LC_ALL={locale}: {}",
            value.escape_ascii()
        );
    }
    assert!(
        !environ.contains_key("export") && !folder.path().join("PWNED").exists(),
        "{shell:?}, {eval}"
    );
}

#[test]
#[ignore = "needs dash, bash, busybox and zsh, which scripts/test installs"]
fn every_value_arrives_byte_for_byte() {
    let keys = &Keys::new();
    let seed = 0x5eed;
    std::thread::scope(|scope| {
        for (shell, count) in SHELLS {
            scope.spawn(move || {
                let mut random = Random(seed);
                for batch in 0..count / AT_ONCE {
                    let values: Vec<_> = (0..AT_ONCE).map(|_| random.value()).collect();
                    let locale = ["C", "C.UTF-8"][batch % 2];
                    for eval in EVALS {
                        exported(keys, shell, eval, locale, &values);
                    }
                }
            });
        }
    });
}

#[test]
#[ignore = "needs dash, bash, busybox and zsh, which scripts/test installs"]
fn values_of_64_kib_and_every_single_byte_arrive() {
    let keys = Keys::new();
    let mut random = Random(7);
    let long: Vec<u8> = (0..65536).map(|_| random.below(255) as u8 + 1).collect();
    let single = (1..=255).map(|byte| vec![byte]).chain([
        vec![],
        vec![b' '; 2],
        vec![b'\n'; 3],
        b"ends\n\n".to_vec(),
    ]);
    let values: Vec<_> = single.chain([long, vec![b'x'; 65536]]).collect();
    for (shell, _) in SHELLS {
        for eval in EVALS {
            exported(&keys, shell, eval, "C.UTF-8", &values);
        }
    }
}

#[test]
#[ignore = "needs fish, which scripts/test installs"]
fn fish_sources_any_value() {
    let keys = Keys::new();
    let mut random = Random(3);
    for _ in 0..10 {
        let values: Vec<_> = (0..AT_ONCE).map(|_| random.value()).collect();
        let mut command = keys.command("fish");
        command.args([
            "--no-config",
            "-c",
            "secretary decrypt -e --format fish | source; exec cat /proc/self/environ",
        ]);
        let folder = tempfile::tempdir().expect("a folder");
        command.current_dir(&folder).env("HOME", folder.path()).env("LC_ALL", "C.UTF-8");
        for (number, value) in values.iter().enumerate() {
            command.env(format!("V{number}"), keys.seal(value));
        }
        let environ = environ_block(&output_of(&mut command));
        for (number, value) in values.iter().enumerate() {
            assert_eq!(environ.get(&format!("V{number}")), Some(value), "{}", value.escape_ascii());
        }
    }
}
