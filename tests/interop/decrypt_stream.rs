//! `go-decrypt-stream.json`: `secretary decrypt` from standard input to standard output.

use crate::program::{Ours, Run, arguments, environ, run};
use crate::vectors::{Difference, bytes, judge_all, parse};

const DIFFERENCES: &[Difference<Ours>] = &[
    Difference {
        name: "a bad one among good ones: nothing on stdout",
        ours: Ours::Refused(5, "standard input:2:1: ENC[NACL,..]: it was sealed for other keys"),
        because: "A forged token has an exit code of its own, and the error says where it stands.",
    },
    Difference {
        name: "bad base64",
        ours: Ours::Refused(5, "standard input:1:1: ENC[NACL,..]: its body is not base64"),
        because: "A damaged token has an exit code of its own, and the error says where it stands.",
    },
    Difference {
        name: "whitespace-only body",
        ours: Ours::Refused(5, "standard input:1:1: ENC[NACL,..]: its body has 0 bytes"),
        because: "The token is cut, where the Go program complains of a kind that has no name.",
    },
    Difference {
        name: "too short",
        ours: Ours::Refused(5, "standard input:1:1: ENC[NACL,..]: its body has 24 bytes"),
        because: "A damaged token has an exit code of its own, and the error says where it stands.",
    },
    Difference {
        name: "DEFECT re-scan: plaintext contains the token that follows",
        ours: Ours::Printed(
            "say ENC[NACL,6LwWPILu4YczKIx9SsY22zpt6wE+8tN7+xnc9NcsaC8GKVQaOAcJc4cV+fGwew==] here\nsecret\n",
        ),
        because: "Plaintext is never searched for tokens, so the one that follows is opened in its own place.",
    },
    Difference {
        name: "plaintext of the first equals the text of the second",
        ours: Ours::Printed(
            "ENC[NACL,rTKIRqoYsyozWBY3RRHKwQY8cEuMV5meY1fIkGw2X9hOzEuzT+C7XB7XOubGbXU=]|secret2",
        ),
        because: "Plaintext is never searched for tokens, so the one that follows is opened in its own place.",
    },
    Difference {
        name: "no keys",
        ours: Ours::Refused(4, "no master private key"),
        because: "A missing key has an exit code of its own, and the error says which and where it is looked for.",
    },
    Difference {
        name: "wrong key",
        ours: Ours::Refused(5, "it was sealed for other keys"),
        because: "A token of other keys has an exit code of its own, and the error names the keys used.",
    },
];

#[test]
fn decrypts_a_stream_as_the_go_program_does() {
    let vectors = parse(include_str!("../vectors/go-decrypt-stream.json"));
    let folder = tempfile::tempdir().expect("a folder");
    judge_all(&vectors["cases"], 20, DIFFERENCES, |case, difference| {
        let ours = run(folder.path(), &environ(case), &arguments(case), &bytes(&case["stdin"]));
        ours.judge(&Run::recorded(case), difference)
    });
}
