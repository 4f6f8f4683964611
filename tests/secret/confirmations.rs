//! Tokens that confirm a deletion.

use crate::program::{Done, fails, on, prints, run, run_with};
use crate::server::Server;

/// Runs `command` on the server at `url` with the token that it asks for.
pub(crate) fn confirmed(url: &str, command: &[&str]) -> Done {
    confirmed_by(&|command| run(&mut on(url, command)), command)
}

/// The same however it is run, and once more if the minute was over meanwhile.
pub(crate) fn confirmed_by(run: &dyn Fn(&[&str]) -> Done, command: &[&str]) -> Done {
    let mut done = run(command);
    for _ in 0..2 {
        let token = token_in(&done).unwrap_or_else(|| panic!("{command:?}: {done:?}"));
        done = run(&[command, &[&token]].concat());
        if token_in(&done).is_none() {
            break;
        }
    }
    done
}

/// The token that a failure says to use.
fn token_in(done: &Done) -> Option<String> {
    let (_, token) = done.said.split_once(", use token \"")?;
    Some(token.trim_end().trim_end_matches('"').to_string())
}

fn with_x() -> Server {
    let server = Server::start();
    for value in ["one", "two"] {
        run_with(&mut on(&server.url(), &["put", "x"]), value.as_bytes());
    }
    server
}

/// `printf %s delete-secret:x | sha256sum | cut -c1-16`, and the same of `delete-version:x:2`.
const DELETIONS: [(&[&str], &str, &str); 2] = [
    (&["delete", "x"], "delete-secret:x", "35798229d4d0ccdc"),
    (&["delete-version", "x", "2"], "delete-version:x:2", "709c38360ace148f"),
];

#[test]
fn nothing_is_deleted_without_the_right_token() {
    for (command, request, hash) in DELETIONS {
        let server = with_x();
        let of = |command: &[&str]| run(&mut on(&server.url(), command));
        let asked = of(command);
        let token = token_in(&asked).expect("a token");
        let expected = format!("confirmation required for \"{request}\", use token \"{token}\"");
        assert_eq!(asked, fails(1, &expected));
        let (minute, rest) = token.split_once('.').expect("two parts");
        assert_eq!(rest, hash);
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
        let minute = u64::from_str_radix(minute, 16).expect("a number");
        assert!(((now + 119) / 60).abs_diff(minute) <= 1);

        // Stale, of something else, in capitals, and none at all.
        let stale = format!("{:x}.{hash}", minute - 2);
        let other = format!("{minute:x}.0123456789abcdef");
        for wrong in [stale.as_str(), &other, &token.to_uppercase(), "yes"] {
            let done = of(&[command, &[wrong]].concat());
            let right = token_in(&done).expect("a token");
            let expected =
                format!("incorrect confirmation for \"{request}\", use token \"{right}\"");
            assert_eq!(done, fails(1, &expected), "{wrong}");
        }
        let done = of(&[command, &[""]].concat());
        assert!(done.said.contains("confirmation required"), "{done:?}");
        let info = of(&["info", "x"]);
        assert!(info.stdout.ends_with("Versions:       1, 2\n"), "{info:?}");
        assert_eq!(confirmed(&server.url(), command), prints(""));
    }
}

#[test]
fn nobody_is_asked_before_it_is_confirmed() {
    let done = run(&mut on(crate::server::NOBODY, &["delete", "x"]));
    assert!(done.said.contains("confirmation required"), "{done:?}");
    assert_eq!(done.code, 1);
}
