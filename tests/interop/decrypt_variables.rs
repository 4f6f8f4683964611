//! `go-decrypt-env.json`: `secretary decrypt -e` under an exact environment.

use serde_json::Value;

use crate::program::{Ours, Run, arguments, environ, run};
use crate::shell;
use crate::vectors::{Difference, judge_all, parse};

/// Values that are not safe between single quotes.
const QUOTED: &str =
    "The Go program does not quote values, so a shell reads another one or runs it.";
/// Values that would be safe, but for `eval $(..)`.
const CUT: &str = "Under eval without quotes the Go program's line lets the shell cut the value at white space, or take it for a file name pattern.";
/// Failures.
const NOTHING: &str = "Nothing is printed when anything fails, so that no ciphertext takes the place of a value; each kind of failure has an exit code of its own.";

const DIFFERENCES: &[Difference<Ours>] = &[
    Difference { name: "single quote in plaintext", ours: Ours::Judged, because: QUOTED },
    Difference { name: "shell injection through plaintext", ours: Ours::Judged, because: QUOTED },
    Difference { name: "newline in plaintext", ours: Ours::Judged, because: CUT },
    Difference {
        name: "dollar, backtick, backslash, double quote in plaintext",
        ours: Ours::Judged,
        because: "A backslash between single quotes is not the same in every shell.",
    },
    Difference {
        name: "plaintext contains an ENC[...] string: not decrypted again",
        ours: Ours::Judged,
        because: CUT,
    },
    Difference { name: "nested envelope text", ours: Ours::Judged, because: CUT },
    Difference {
        name: "plaintext with NUL and invalid UTF-8",
        ours: Ours::Refused(1, "X: its value has a NUL byte"),
        because: "No variable can hold a NUL byte, and a shell drops it without a word.",
    },
    Difference {
        name: "64 KiB binary plaintext",
        ours: Ours::Refused(1, "X: its value has a NUL byte"),
        because: "No variable can hold a NUL byte, and a shell drops it without a word.",
    },
    Difference {
        name: "whitespace-only body",
        ours: Ours::Refused(5, "X: ENC[NACL,..]: its body has 0 bytes"),
        because: "The token is cut, where the Go program complains of a kind that has no name and prints it as the value.",
    },
    Difference {
        name: "invalid identifiers with envelopes: many",
        ours: Ours::Refused(1, "  ''\n  1A\n  A\\n\n  A B\n  A-B\n  ä\n"),
        because: "A name that no shell can assign to is refused before anything is decrypted.",
    },
    Difference {
        name: "shell injection through the variable name",
        ours: Ours::Refused(1, "  A; echo INJECTED_BY_NAME; B\n"),
        because: "The Go program prints the name all the same, and eval runs it.",
    },
    Difference {
        name: "invalid identifier and bad envelope",
        ours: Ours::Refused(1, "  a.b\n"),
        because: "A name that no shell can assign to is refused before anything is decrypted.",
    },
    Difference {
        name: "a bad envelope among good ones",
        ours: Ours::Refused(5, "BAD: ENC[NACL,..]: it was sealed for other keys"),
        because: NOTHING,
    },
    Difference {
        name: "only a bad envelope",
        ours: Ours::Refused(5, "X: ENC[NACL,..]: it was sealed for other keys"),
        because: NOTHING,
    },
    Difference {
        name: "24 bytes only",
        ours: Ours::Refused(5, "X: ENC[NACL,..]: its body has 24 bytes"),
        because: NOTHING,
    },
    Difference {
        name: "padding missing",
        ours: Ours::Refused(5, "X: ENC[NACL,..]: its body is not base64"),
        because: NOTHING,
    },
    Difference {
        name: "only the private key: NACL not configured",
        ours: Ours::Refused(4, "no config public key"),
        because: NOTHING,
    },
    Difference {
        name: "key variable is itself an envelope",
        ours: Ours::Refused(3, "$DEPLOY_PRIVATE_KEY does not hold a key"),
        because: "A wrong key has an exit code of its own.",
    },
];

/// What the recorded runs had on standard input: the one case that reads it shows.
const STDIN: &[u8] = b"ENC[NACL,rTKIRqoYsyozWBY3RRHKwQY8cEuMV5meY1fIkGw2X9hOzEuzT+C7XB7XOubGbXU=]";

#[test]
fn decrypts_variables_as_the_go_program_does() {
    let vectors = parse(include_str!("../vectors/go-decrypt-env.json"));
    let folder = tempfile::tempdir().expect("a folder");
    let mut evaluated = 0;
    judge_all(&vectors["cases"], 37, DIFFERENCES, |case, difference| {
        let ours = run(folder.path(), &environ(case), &arguments(case), STDIN);
        let go = Run::recorded(case);
        ours.judge(&go, difference)?;
        if ours.code == 0 && go.stdout.starts_with(b"export ") {
            evaluated += 1;
            judge_in_a_shell(case, &ours, &go)?;
        }
        Ok(())
    });
    assert_eq!(evaluated, 18, "cases with variables to be evaluated by a shell");
}

/// A shell must find the plaintext in the variables, whether or not the line is the Go program's.
fn judge_in_a_shell(case: &Value, ours: &Run, go: &Run) -> Result<(), String> {
    let entries = environ(case);
    let sealed = entries.iter().filter(|entry| entry.windows(4).any(|part| part == b"ENC["));
    let names: Vec<_> = sealed
        .map(|entry| {
            let name = entry.split(|&byte| byte == b'=').next().expect("a name");
            str::from_utf8(name).expect("the name is text")
        })
        .collect();
    let values = shell::values_in_go_lines(&go.stdout, &names);
    shell::judge(&ours.stdout, &names, &values)
}
