//! Each command, when it succeeds, finds nothing, may not, and reaches nobody.

use std::process::Command;

use crate::confirmations::{confirmed, confirmed_by};
use crate::policed::{MAY_ALL, MAY_LITTLE, Place};
use crate::program::{Done, fails, on, prints, run, run_with};
use crate::server::{NOBODY, Server, denying};

/// A command and what comes of it.
struct Case {
    command: &'static [&'static str],
    /// What it prints on a server that has two versions of `prod/db`, `one` and `two`, the first of which is active, and a
    /// secret `a`.
    success: &'static str,
    /// What its failures begin with.
    failing: &'static str,
    /// The same on a server that has nothing, and what comes of it there.
    on_empty: On,
}

/// What comes of a command on a server that has nothing.
enum On {
    Prints(&'static str),
    NotFound,
}

const NOT_FOUND: On = On::NotFound;

const CASES: &[Case] = &[
    Case {
        command: &["list"],
        success: "\
NAME    ACTIVE VERSIONS
a       1      1
prod/db 1      1,2
",
        failing: "failed to list secrets",
        on_empty: On::Prints("NAME ACTIVE VERSIONS\n"),
    },
    Case {
        command: &["list", "--json"],
        success: "[{\"Name\":\"a\",\"Versions\":[1],\"ActiveVersion\":1},{\"Name\":\"prod/db\",\"Versions\":[1,2],\"ActiveVersion\":1}]\n",
        failing: "failed to list secrets",
        on_empty: On::Prints("[]\n"),
    },
    Case {
        command: &["info", "prod/db"],
        success: "\
Name:           prod/db
Active version: 1
Versions:       1, 2
",
        failing: "failed to get secret info",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["info", "--json", "prod/db"],
        success: "{\"Name\":\"prod/db\",\"Versions\":[1,2],\"ActiveVersion\":1}\n",
        failing: "failed to get secret info",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "prod/db"],
        success: "one",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "--version", "2", "prod/db"],
        success: "two",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "--version=0", "prod/db"],
        success: "one",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "--if-changed", "prod/db"],
        success: "one",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "--if-changed", "--version", "2", "prod/db"],
        success: "one",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "--if-changed=false", "--version", "1", "prod/db"],
        success: "one",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["get", "--json", "--version", "2", "prod/db"],
        success: "{\"Value\":\"dHdv\",\"Version\":2}\n",
        failing: "failed to get secret",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["put", "prod/db", "--from-file", "FILE"],
        success: "Secret saved as \"prod/db\", version 3\n  To activate this version, run 'secretary secret activate \"prod/db\" 3'\n",
        failing: "failed to write secret",
        on_empty: On::Prints("Secret saved as \"prod/db\", version 1\n"),
    },
    Case {
        command: &["put", "--json", "--from-file", "FILE", "prod/db"],
        success: "{\"Name\":\"prod/db\",\"Version\":3}\n",
        failing: "failed to write secret",
        on_empty: On::Prints("{\"Name\":\"prod/db\",\"Version\":1}\n"),
    },
    Case {
        command: &["create-version", "--from-file=FILE", "prod/db", "20261122"],
        success: "Secret saved as \"prod/db\", version 20261122\n",
        failing: "failed to write secret",
        on_empty: On::Prints("Secret saved as \"prod/db\", version 20261122\n"),
    },
    Case {
        command: &["create-version", "--json", "--from-file=FILE", "prod/db", "4294967295"],
        success: "{\"Name\":\"prod/db\",\"Version\":4294967295}\n",
        failing: "failed to write secret",
        on_empty: On::Prints("{\"Name\":\"prod/db\",\"Version\":4294967295}\n"),
    },
    Case {
        command: &["activate", "prod/db", "2"],
        success: "",
        failing: "failed to set active version",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["delete-version", "prod/db", "2", "TOKEN"],
        success: "",
        failing: "failed to delete secret \"prod/db\" version 2",
        on_empty: NOT_FOUND,
    },
    Case {
        command: &["delete", "prod/db", "TOKEN"],
        success: "",
        failing: "failed to delete secret \"prod/db\"",
        on_empty: On::Prints(""),
    },
];

/// What comes of a command, by how it is run.
type Run<'a> = &'a dyn Fn(&[&str]) -> Done;

/// Four servers that a command is run on: with something on it, with nothing, where it may not, and none.
struct Places<'a> {
    stocked: Run<'a>,
    empty: Run<'a>,
    denying: Run<'a>,
    nobody: Run<'a>,
}

impl Case {
    fn check(&self, places: &Places<'_>, denied: &Done) {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("value");
        std::fs::write(&file, "three").expect("room");
        let file = file.to_str().expect("text");
        let command: Vec<_> = self.command.iter().map(|word| word.replace("FILE", file)).collect();
        let command: Vec<_> = command.iter().map(String::as_str).collect();
        let of = |run: Run<'_>| match command.split_last() {
            Some((&"TOKEN", command)) => confirmed_by(run, command),
            _ => run(&command),
        };
        // First, so that the next finds what it would have changed.
        assert_eq!(of(places.denying), *denied, "{command:?}");
        assert_eq!(of(places.stocked), prints(self.success), "{command:?}");
        assert_eq!(of(places.empty), self.on_empty(), "{command:?}");
        let unreachable = "the secrets server can't be reached: connection refused";
        assert_eq!(of(places.nobody), self.fails(6, unreachable), "{command:?}");
    }

    fn on_empty(&self) -> Done {
        match &self.on_empty {
            On::Prints(text) => prints(text),
            On::NotFound => self.fails(7, "not found"),
        }
    }

    fn fails(&self, code: i32, why: &str) -> Done {
        fails(code, &format!("{}: {why}", self.failing))
    }
}

#[test]
fn each_command_succeeds_finds_nothing_may_not_and_reaches_nobody() {
    let denying = denying();
    for case in CASES {
        let (stocked, empty) = (stocked(), Server::start());
        let places = Places {
            stocked: &|command| run(&mut on(&stocked.url(), command)),
            empty: &|command| run(&mut on(&empty.url(), command)),
            denying: &|command| run(&mut on(&denying.url(), command)),
            nobody: &|command| run(&mut on(NOBODY, command)),
        };
        case.check(&places, &case.fails(7, "access denied"));
    }
}

#[test]
fn over_tls_each_does_as_the_policy_has_it() {
    let place = Place::new();
    for case in CASES {
        let (stocked, empty) = (place.start(), place.start());
        stock(|arguments| stocked.on(MAY_ALL, arguments));
        let places = Places {
            stocked: &|command| run(&mut stocked.on(MAY_ALL, command)),
            empty: &|command| run(&mut empty.on(MAY_ALL, command)),
            // The same server, so what it may not touch is there.
            denying: &|command| run(&mut stocked.on(MAY_LITTLE, command)),
            nobody: &|command| run(&mut place.on("https://127.0.0.1:1", MAY_ALL, command)),
        };
        // Anybody may list, and sees what they may know of.
        let denied = match case.command[0] {
            "list" => case.on_empty(),
            _ => case.fails(7, "access denied"),
        };
        case.check(&places, &denied);
        // Nor do they hear that something is not there.
        if matches!(case.command[0], "get" | "info") {
            assert_eq!(run(&mut empty.on(MAY_LITTLE, case.command)), denied);
        }
        let own = run_with(&mut stocked.on(MAY_LITTLE, &["put", "dev/own"]), b"own");
        assert_eq!(own.stdout, "Secret saved as \"dev/own\", version 1\n", "{own:?}");
    }
}

/// A server with something on it.
fn stocked() -> Server {
    let server = Server::start();
    stock(|arguments| on(&server.url(), arguments));
    server
}

fn stock(on: impl Fn(&[&str]) -> Command) {
    for (name, value) in [("prod/db", "one"), ("prod/db", "two"), ("a", "x")] {
        let done = run_with(&mut on(&["put", name]), value.as_bytes());
        assert_eq!(done.code, 0, "{done:?}");
    }
}

#[test]
fn what_was_done_is_there_afterwards() {
    let server = stocked();
    let url = server.url();
    let of = |command: &[&str]| run(&mut on(&url, command));
    assert_eq!(of(&["activate", "prod/db", "2"]), prints(""));
    assert_eq!(of(&["get", "prod/db"]), prints("two"));
    assert_eq!(confirmed(&url, &["delete-version", "prod/db", "1"]), prints(""));
    assert_eq!(
        of(&["get", "--version", "1", "prod/db"]),
        fails(7, "failed to get secret: not found")
    );
    assert_eq!(confirmed(&url, &["delete", "prod/db"]), prints(""));
    assert_eq!(of(&["list"]), prints("NAME ACTIVE VERSIONS\na    1      1\n"));
}

#[test]
fn what_the_server_refuses_is_said_as_setec_says_it() {
    let server = stocked();
    let url = server.url();
    for (command, code, expected) in [
        (
            &["get", "--if-changed", "--version", "1", "prod/db"][..],
            1,
            "failed to get secret: value not changed",
        ),
        (
            &["create-version", "--empty-ok", "prod/db", "2"],
            7,
            "failed to write secret: version is already claimed",
        ),
        (&["activate", "prod/db", "3"], 7, "failed to set active version: not found"),
        (&["get", "--version", "3", "prod/db"], 7, "failed to get secret: not found"),
        (
            &["put", "--empty-ok", ""],
            6,
            "failed to write secret: request returned status 500: \"internal error\"",
        ),
        (
            &["create-version", "--empty-ok", "_internal/x", "1"],
            6,
            "failed to write secret: request returned status 500: \"internal error\"",
        ),
        (
            &["put", "--empty-ok", "a\tb"],
            7,
            "failed to write secret: request returned status 400: \"invalid name\"",
        ),
    ] {
        let done = run(&mut on(&url, command));
        let said = done.said.lines().last().unwrap_or_default();
        assert_eq!((done.code, said), (code, format!("error: {expected}").as_str()), "{command:?}");
    }
    let done = confirmed(&url, &["delete-version", "prod/db", "1"]);
    let expected = "failed to delete secret \"prod/db\" version 1: request returned status 500: \"internal error\"";
    assert_eq!(done, fails(6, expected));
}

#[test]
fn a_file_that_a_value_is_written_to_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let server = stocked();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("out");
    let file = path.to_str().expect("text");
    for (command, expected) in [
        (&["get", "-o", file, "prod/db"][..], "one"),
        (&["get", "--output", file, "--json", "a"], "{\"Value\":\"eA==\",\"Version\":1}\n"),
    ] {
        assert_eq!(run(&mut on(&server.url(), command)), prints(""));
        assert_eq!(std::fs::read_to_string(&path).expect("a file"), expected);
        let mode = std::fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // What is not there replaces nothing.
    let done = run(&mut on(&server.url(), &["get", "-o", file, "b"]));
    assert_eq!(done, fails(7, "failed to get secret: not found"));
    assert!(std::fs::read_to_string(&path).expect("a file").starts_with('{'));
}
