//! `go-cli.json`: commands, flags and exit codes. Some cases, called "upstream", are of the version
//! of the Go program that has `exec`.

use std::path::Path;

use clap::Parser;
use secretary::cli::Cli;
use serde_json::Value;

use crate::program::{Ours, Run, arguments, environ, run};
use crate::shell;
use crate::vectors::{Difference, bytes, judge_all, members, name, parse};

const VECTORS: &str = include_str!("../vectors/go-cli.json");

/// Help.
const HELP: &str = "Help texts are our own.";
/// Usage errors.
const USAGE: &str =
    "The Go program leaves with 0, so a script goes on with tokens in the place of secrets.";
/// A key is missing.
const CODE: &str =
    "A missing key has an exit code of its own, and the error says where it is looked for.";
/// A newline at the end.
const NEWLINE: &str = "A newline at the end of a secret is rarely meant, so it is kept and said.";
/// What messages of [`NEWLINE`] have.
const ENDS_WITH_NEWLINE: Ours = Ours::Noted("ends with a newline");

const DIFFERENCES: &[Difference<Ours>] = &[
    Difference { name: "help", ours: Ours::Judged, because: HELP },
    Difference { name: "version --help", ours: Ours::Judged, because: HELP },
    Difference { name: "help encrypt", ours: Ours::Judged, because: HELP },
    Difference { name: "genkeys --help", ours: Ours::Judged, because: HELP },
    Difference { name: "decrypt --help", ours: Ours::Judged, because: HELP },
    Difference {
        name: "decrypt --help with env set (defaults shown come from the environment)",
        ours: Ours::Judged,
        because: HELP,
    },
    Difference { name: "encrypt --help with KMS_KEY_ID set", ours: Ours::Judged, because: HELP },
    Difference { name: "upstream genkeys --help", ours: Ours::Judged, because: HELP },
    Difference { name: "upstream --help", ours: Ours::Judged, because: HELP },
    Difference {
        name: "version",
        ours: Ours::Printed(concat!(env!("CARGO_PKG_VERSION"), "\n")),
        because: "Every build knows its version.",
    },
    Difference {
        name: "--version",
        ours: Ours::Printed(concat!("secretary ", env!("CARGO_PKG_VERSION"), "\n")),
        because: "It is what people type.",
    },
    Difference { name: "help nosuch", ours: Ours::Refused(2, "'nosuch'"), because: USAGE },
    Difference { name: "nosuch", ours: Ours::Refused(2, "'nosuch'"), because: USAGE },
    Difference { name: "decrypy", ours: Ours::Refused(2, "'decrypt'"), because: USAGE },
    Difference {
        name: "encrypt --nosuch",
        ours: Ours::Refused(2, "may be a secret"),
        because: USAGE,
    },
    Difference { name: "decrypt -x", ours: Ours::Refused(2, "'-x'"), because: USAGE },
    Difference { name: "decrypt --app-id", ours: Ours::Refused(2, "--app-id"), because: USAGE },
    Difference { name: "daemon --help", ours: Ours::Judged, because: HELP },
    Difference { name: "daemon --help with env set", ours: Ours::Judged, because: HELP },
    Difference {
        name: "daemon: no keys",
        ours: Ours::Refused(3, "no master private key"),
        because: CODE,
    },
    Difference {
        name: "daemon: undecodable master key",
        ours: Ours::Refused(3, "$MASTER_PRIVATE_KEY does not hold a key"),
        because: CODE,
    },
    Difference {
        name: "daemon: bad port",
        ours: Ours::Refused(2, "99999 is not in 0..=65535"),
        because: "A port that is none is found before anything is said to listen there.",
    },
    Difference {
        name: "daemon: address not local",
        ours: Ours::Refused(3, "cannot listen on 192.0.2.1:5070"),
        because: "It does not say that it listens before it does.",
    },
    Difference {
        name: "encrypt: no keys",
        ours: Ours::Refused(3, "no master public key"),
        because: CODE,
    },
    Difference {
        name: "encrypt: no private key",
        ours: Ours::Refused(3, "no config private key"),
        because: CODE,
    },
    Difference {
        name: "encrypt: key flags name missing files",
        ours: Ours::Refused(3, "--public-key names no variable and no file"),
        because: "A flag that names nothing is an error, because going on to the next place means another key than the one that was meant.",
    },
    Difference {
        name: "encrypt  of empty",
        ours: Ours::Noted("is empty"),
        because: "A command before the pipe that failed gives an empty secret.",
    },
    Difference {
        name: "encrypt -w of empty",
        ours: Ours::Noted("is empty"),
        because: "A command before the pipe that failed gives an empty secret.",
    },
    Difference {
        name: "encrypt  of secret + newline (kept)",
        ours: ENDS_WITH_NEWLINE,
        because: NEWLINE,
    },
    Difference {
        name: "encrypt -w of secret + newline (kept)",
        ours: ENDS_WITH_NEWLINE,
        because: NEWLINE,
    },
    Difference {
        name: "upstream exec",
        ours: Ours::Refused(125, "<CMD>"),
        because: "Codes below 125 are left to the program that is started.",
    },
    Difference {
        name: "upstream exec: environment replaced",
        ours: Ours::Printed("X=asecretb\nY=plain\n"),
        because: "A program that is handed its secrets has no business with the keys.",
    },
    Difference {
        name: "upstream exec: no PATH lookup",
        ours: Ours::Printed("x\n"),
        because: "A program is looked up in PATH as a shell does.",
    },
    Difference {
        name: "upstream exec: bad envelope",
        ours: Ours::Refused(125, "X: ENC[NACL,..]: it was sealed for other keys"),
        because: "Codes below 125 are left to the program that is started.",
    },
    Difference {
        name: "upstream decrypt stream: bad envelope",
        ours: Ours::Refused(5, "standard input:2:1: ENC[NACL,..]: it was sealed for other keys"),
        because: "A forged token has an exit code of its own, and the error says where it stands.",
    },
    Difference {
        name: "upstream decrypt -e: empty plaintext, quotes",
        ours: Ours::Judged,
        because: "The Go program does not quote values, so a shell reads another one or runs it.",
    },
];

#[test]
fn takes_the_command_lines_the_go_program_takes() {
    let vectors = parse(VECTORS);
    let folder = tempfile::tempdir().expect("a folder");
    judge_all(&vectors["cases"], 47, DIFFERENCES, |case, difference| {
        let mut ours = run(folder.path(), &environ(case), &arguments(case), &bytes(&case["stdin"]));
        let go = Run::recorded(case);
        if go.stdout.starts_with(b"ENC[") {
            judge_token(case, &ours.stdout, &go.stdout, folder.path())?;
            // Their nonces are random, so they differ in nothing else.
            ours.stdout.clone_from(&go.stdout);
        }
        ours.judge(&go, difference)?;
        match difference {
            Some(Ours::Judged) => judge_output(case, &ours, &go),
            _ => Ok(()),
        }
    });
}

/// A token has the lines the Go program's has, and opens to what went in.
fn judge_token(case: &Value, ours: &[u8], go: &[u8], folder: &Path) -> Result<(), String> {
    let lines =
        |token: &[u8]| token.split(|&byte| byte == b'\n').map(<[u8]>::len).collect::<Vec<_>>();
    if lines(ours) != lines(go) || ours == go {
        return Err(format!("token {}", ours.escape_ascii()));
    }
    // The public key of the config pair and the private key of the master pair.
    let keys = [
        "CONFIG_PUBLIC_KEY=DbvlfSwpubWLYtSj/92thWsSSwqE9kjZP9Y1geKohE0=",
        "DEPLOY_PRIVATE_KEY=+cxOFHNnkCseXsRhoQtKxuGifUkkiFuJDXH/TksOpVE=",
    ];
    let keys = keys.map(|entry| entry.as_bytes().to_vec());
    // `--wrap` ends the token with a line feed, which decrypting keeps.
    let mut plaintext = bytes(&case["stdin"]);
    plaintext.extend(ours.last().filter(|&&byte| byte == b'\n'));
    for token in [ours, go] {
        let opened = run(folder, &keys, &["decrypt"], token);
        if (opened.code, &opened.stdout) != (0, &plaintext) {
            return Err(format!("{} opens to {opened:?}", token.escape_ascii()));
        }
    }
    Ok(())
}

/// What is printed in place of a help text or of a value that is not plain.
fn judge_output(case: &Value, ours: &Run, go: &Run) -> Result<(), String> {
    if name(case) == "upstream decrypt -e: empty plaintext, quotes" {
        let names = ["X", "Q"];
        let values = shell::values_in_go_lines(&go.stdout, &names);
        return shell::judge(&ours.stdout, &names, &values);
    }
    let help = str::from_utf8(&ours.stdout).expect("text");
    let words: Vec<_> = arguments(case).into_iter().filter(|word| !word.contains("help")).collect();
    let usage = format!("Usage: {}", [&["secretary"], words.as_slice()].concat().join(" "));
    if help.contains(&usage) { Ok(()) } else { Err(format!("no {usage:?} in {help:?}")) }
}

/// The flags in a help text of the Go program: letter, name, and whether it takes a value.
fn flags(help: &str) -> Vec<(Option<&str>, &str, bool)> {
    let lines = help.lines().skip_while(|line| *line != "Flags:").skip(1);
    let words = lines.filter_map(|line| line.trim_start().split("   ").next());
    words
        .filter(|flag| !flag.is_empty())
        .map(|flag| {
            let (letter, long) = match flag.split_once(", ") {
                Some((letter, long)) => (Some(letter), long),
                None => (None, flag),
            };
            match long.split_once(' ') {
                Some((long, kind)) => {
                    assert_eq!(kind, "string", "{flag}");
                    (letter, long, true)
                }
                None => (letter, long, false),
            }
        })
        .collect()
}

/// Every flag of every command there still is, in every way it can be written.
#[test]
fn takes_every_flag_the_go_program_takes() {
    let vectors = parse(VECTORS);
    let mut seen = Vec::new();
    for case in members(&vectors["cases"], 47) {
        let words = arguments(case);
        let command = match words.as_slice() {
            ["help", command] | [command, "--help"] => *command,
            _ => continue,
        };
        let help = bytes(&case["stdout"]);
        if !["genkeys", "encrypt", "decrypt"].contains(&command) || help.is_empty() {
            continue;
        }
        for (letter, long, takes_value) in flags(str::from_utf8(&help).expect("text")) {
            if long == "--help" {
                continue;
            }
            seen.push(format!("{command} {long}"));
            for name in letter.into_iter().chain([long]) {
                let forms = match takes_value {
                    true => vec![format!("{name} value"), format!("{name}=value")],
                    false => vec![name.into(), format!("{name}=true"), format!("{name}=0")],
                };
                for form in forms {
                    let line = ["secretary", command].into_iter().chain(form.split(' '));
                    Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
                }
            }
        }
    }
    seen.sort();
    seen.dedup();
    let expected = [
        "decrypt --app-id",
        "decrypt --app-version",
        "decrypt --config-key",
        "decrypt --decrypt-env",
        "decrypt --deploy-key",
        "decrypt --master-key",
        "decrypt --private-key",
        "decrypt --secretary-url",
        "decrypt --service-key",
        "decrypt --task-id",
        "encrypt --kms-key-id",
        "encrypt --private-key",
        "encrypt --public-key",
        "encrypt --wrap",
        "genkeys --path",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn the_flag_test_would_see_a_flag_that_is_gone() {
    assert!(Cli::try_parse_from(["secretary", "encrypt", "--gone"]).is_err());
    assert_eq!(
        flags("Flags:\n  -g, --gone string   Text\n      --on   Text"),
        [(Some("-g"), "--gone", true), (None, "--on", false),]
    );
}
