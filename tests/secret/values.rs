//! What `put` and `create-version` make of files and standard input.

use crate::program::{Done, fails, on, run, run_with};
use crate::server::{Server, with_any_name};

/// A value, flags, and what is saved.
type Case = (&'static [u8], &'static [&'static str], Saved);

enum Saved {
    /// These bytes.
    As(&'static [u8]),
    /// Nothing, because there is white space around it.
    Surrounded,
    /// Nothing, because there is nothing.
    Empty,
}

use Saved::{As, Empty, Surrounded};

const CASES: &[Case] = &[
    // Text.
    (b"text", &[], As(b"text")),
    (b"text", &["--verbatim"], As(b"text")),
    (b"text", &["--trim-space"], As(b"text")),
    (b"text", &["--empty-ok"], As(b"text")),
    (b"a text", &[], As(b"a text")),
    // Text with space around it.
    (b"text\n", &[], Surrounded),
    (b" text", &[], Surrounded),
    (b"text\n", &["--empty-ok"], Surrounded),
    (b"text\n", &["--verbatim=false"], Surrounded),
    (b"text\n", &["--verbatim"], As(b"text\n")),
    (b"\t text\r\n", &["--trim-space"], As(b"text")),
    (b" text\n", &["--verbatim", "--trim-space"], As(b" text\n")),
    (b" text\n", &["--verbatim=false", "--trim-space=true"], As(b"text")),
    ("\u{a0}text\u{2003}".as_bytes(), &[], Surrounded),
    ("\u{a0}text\u{2003}".as_bytes(), &["--trim-space"], As(b"text")),
    // Bytes that are no text.
    (b"\xff\x00\n", &[], As(b"\xff\x00\n")),
    (b"\xff\x00\n", &["--trim-space"], As(b"\xff\x00\n")),
    (b" \xc3", &["--verbatim"], As(b" \xc3")),
    (b"\0", &[], As(b"\0")),
    // Nothing.
    (b"", &[], Empty),
    (b"", &["--verbatim"], Empty),
    (b"", &["--trim-space"], Empty),
    (b"", &["--empty-ok"], As(b"")),
    // Nothing but space.
    (b" \n", &[], Surrounded),
    (b" \n", &["--empty-ok"], Surrounded),
    (b" \n", &["--trim-space"], Empty),
    (b" \n", &["--trim-space", "--empty-ok"], As(b"")),
    (b" \n", &["--verbatim"], As(b" \n")),
];

#[test]
fn of_a_file_and_of_standard_input_the_same_is_saved() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("value");
    let file = path.to_str().expect("text");
    let server = Server::start();
    for (index, (value, flags, saved)) in CASES.iter().enumerate() {
        std::fs::write(&path, value).expect("room");
        for command in [&["put"][..], &["create-version", "1"]] {
            let [from_stdin, from_file] =
                ["stdin", "file"].map(|source| format!("{}/{index}/{source}", command[0]));
            let of = |name, more: &[&str]| {
                let command = [&command[..1], &[name], &command[1..], flags, more].concat();
                on(&server.url(), &command)
            };
            let done = run_with(&mut of(&from_stdin, &[]), value);
            check(&server, &from_stdin, done, saved);
            // What is on standard input then is not looked at.
            let done = run_with(&mut of(&from_file, &["--from-file", file]), b"other");
            check(&server, &from_file, done, saved);
        }
    }
}

fn check(server: &Server, name: &str, done: Done, saved: &Saved) {
    let get = on(&server.url(), &["get", name]).output().expect("it runs");
    let refused = match saved {
        As(value) => {
            let saved = format!("Secret saved as \"{name}\", version 1\n");
            assert_eq!((done.code, done.stdout), (0, saved));
            let counted = format!("Read {} bytes from stdin\n", value.len());
            let expected = if name.ends_with("stdin") { counted.as_str() } else { "" };
            assert_eq!(done.said, expected, "{name}");
            assert_eq!(get.stdout, *value, "{name}");
            return;
        }
        Surrounded => {
            "text value has surrounding whitespace, specify --verbatim to keep the space or --trim-space to remove it"
        }
        Empty => "empty secret value",
    };
    assert_eq!(done, fails(1, refused), "{name}");
    assert_eq!(get.status.code(), Some(7), "{name}");
}

#[test]
fn a_file_that_is_not_there_is_no_value() {
    let server = Server::start();
    let done = run(&mut on(&server.url(), &["put", "x", "--from-file", "/nowhere/value"]));
    assert_eq!(done.said, "error: cannot read /nowhere/value: no such file or directory\n");
    assert_eq!(done.code, 3);
}

#[test]
fn a_name_is_quoted_as_go_does() {
    let server = with_any_name();
    let name = "a \"b\"\n\u{1b}ü";
    for version in [1, 2] {
        let value = version.to_string();
        let done = run_with(&mut on(&server.url(), &["put", name]), value.as_bytes());
        let quoted = "\"a \\\"b\\\"\\n\\x1bü\"";
        let saved = format!("Secret saved as {quoted}, version {version}\n");
        let more = format!(
            "  To activate this version, run 'secretary secret activate {quoted} {version}'\n"
        );
        assert_eq!(done.stdout, if version == 1 { saved } else { saved + &more });
    }
}

#[test]
fn the_same_value_again_makes_no_version() {
    let server = Server::start();
    for _ in 0..2 {
        let done = run_with(&mut on(&server.url(), &["put", "x"]), b"one");
        assert_eq!(done.stdout, "Secret saved as \"x\", version 1\n");
    }
}
