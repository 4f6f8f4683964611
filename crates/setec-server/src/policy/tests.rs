//! Files that are good and bad, and every cell of a matrix against a reference that knows nothing of this code.

use std::fs;

use secretary_setec_api::Action;
use tempfile::TempDir;

use super::*;
use crate::caller::{Caller, Principal};

fn read_as(name: &str, text: &str) -> Result<Policy, String> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("room");
    Policy::read(&path)
        .map_err(|error| error.to_string().replace(path.to_str().expect("text"), name))
}

fn read(text: &str) -> Policy {
    read_as("policy.toml", text).expect("a policy")
}

const POLICY: &str = r#"
[[grant]]
principal = ["token:ci", "tag:web"]
action = ["get", "info"]
secret = ["prod/*", "shared"]

[[grant]]
principal = ["uri:spiffe://example.org/*"]
action = ["put"]
secret = ["*"]
"#;

#[test]
fn json_has_the_same_words() {
    let json = r#"{"grant":[
        {"principal":["token:ci","tag:web"],"action":["get","info"],"secret":["prod/*","shared"]},
        {"principal":["uri:spiffe://example.org/*"],"action":["put"],"secret":["*"]}]}"#;
    let (toml, json) = (read(POLICY), read_as("policy.json", json).expect("a policy"));
    assert_eq!((toml.len(), json.len()), (2, 2));
    for name in ["token:ci", "tag:web", "uri:spiffe://example.org/a", "user:a", "token:c"] {
        let name = [name.to_string()];
        assert!(toml.rules(&name).eq(json.rules(&name)), "{name:?}");
    }
    assert_eq!(toml.rules(&["token:ci".to_string()]).count(), 1);
    assert_eq!((toml.grants[1].line, json.grants[1].line), (Some(7), None));
    assert!(read("").is_empty());
}

#[test]
fn a_grant_counts_once_for_somebody_with_many_names() {
    let names: Vec<_> = ["tag:web", "tag:web", "token:ci"].map(str::to_string).to_vec();
    assert_eq!(read(POLICY).rules(&names).count(), 1);
    assert_eq!(read(POLICY).rules(&[]).count(), 0);
    let all = read("[[grant]]\nprincipal = [\"*\"]\naction = [\"get\"]\nsecret = [\"*\"]");
    assert_eq!((all.rules(&[]).count(), all.rules(&names).count()), (1, 1));
}

#[test]
fn what_can_only_be_a_mistake_is_one() {
    let grant = |principal: &str, action: &str, secret: &str| {
        format!(
            "\n[[grant]]\nprincipal = [{principal}]\naction = [{action}]\nsecret = [{secret}]\n"
        )
    };
    let many = grant("\"*\"", "\"get\"", "\"*\"").repeat(10_001);
    for (text, expected) in [
        (
            grant("\"*\"", "\"get\", \"gte\"", "\"*\""),
            "line 4: there is no action \"gte\"; did you mean \"get\"?",
        ),
        (
            grant("\"*\"", "\"read\"", "\"*\""),
            "line 4: there is no action \"read\": there are get, info, put, create-version, activate, delete",
        ),
        (grant("\"*\"", "\"*\"", "\"*\""), "line 4: there is no action \"*\": there are get,"),
        (
            grant("\"tokn:ci\"", "\"get\"", "\"*\""),
            "line 3: there is no kind of principal \"tokn\"; did you mean \"token\"?",
        ),
        (grant("\"t*:ci\"", "\"get\"", "\"*\""), "line 3: there is no kind of principal \"t*\""),
        (
            grant("\"alice@example.com\"", "\"get\"", "\"*\""),
            "line 3: the principal \"alice@example.com\" has no kind; did you mean \"user:alice@example.com\"?",
        ),
        (
            grant("\"web\"", "\"get\"", "\"*\""),
            "line 3: the principal \"web\" has no kind: it takes one of tag, user,",
        ),
        (grant("\"tag:\"", "\"get\"", "\"*\""), "line 3: the principal \"tag:\" has no name"),
        (grant("", "\"get\"", "\"*\""), "line 2: the list `principal` is empty"),
        (grant("\"*\"", "", "\"*\""), "line 2: the list `action` is empty"),
        (grant("\"*\"", "\"get\"", ""), "line 2: the list `secret` is empty"),
        (grant("\"*\"", "\"get\"", "\"\""), "line 5: no secret has an empty name"),
        (grant("\"*\"", "7", "\"*\""), "line 4: invalid type: integer `7`"),
        ("\n\n[[grants]]\n".to_string(), "unknown field `grants`, expected `grant`"),
        ("[[grant]]\nsecrets = [\"*\"]\n".to_string(), "line 2: unknown field `secrets`"),
        (
            "[[grant]]\nprincipal = [\"*\"]\naction = [\"get\"]\n".to_string(),
            "missing field `secret`",
        ),
        ("grant = \"all\"".to_string(), "line 1: invalid type"),
        ("a\nb".to_string(), "line 1: "),
        (r#""a\u001b[2J" = 1"#.to_string(), r"unknown field `a\u{1b}[2J`, expected `grant`"),
        (many, "there are more than 10000 grants"),
        ("#".repeat((1 << 20) + 1), "it has more than a mebibyte"),
    ] {
        let error = read_as("policy.toml", &text).expect_err(expected);
        assert!(error.starts_with("policy.toml: ") && error.contains(expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (text, expected) in [
        (
            r#"{"grant":[{"principal":["*"],"action":["gte"],"secret":["*"]}]}"#,
            "grant 1: there is no action",
        ),
        ("{\"grant\":[\n{\"principals\":[]}]}", "line 2: unknown field `principals`"),
        ("{} {}", "line 1: trailing characters"),
        (r#"{"a\n\u001b[2J":[]}"#, r"line 1: unknown field `a\n\u{1b}[2J`, expected `grant`"),
        ("", "line 1: EOF"),
    ] {
        let error = read_as("policy.json", text).expect_err(expected);
        assert!(error.starts_with(&format!("policy.json: {expected}")), "{error}");
    }
    assert!(Policy::read(std::path::Path::new("/nowhere/policy.toml")).is_err());
}

#[test]
fn a_judgement_says_what_is_missing() {
    let said = |names: &[&str], action, secret: &str| {
        let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
        let judged = read(POLICY).judge(&names, action, secret);
        (judged[0].to_string(), judged[0].allows(), judged[0].nearly_allows())
    };
    let row = |text: &str, allows, nearly| (format!("grant 1 (line 2) {text}"), allows, nearly);
    for (names, action, secret, expected) in [
        (["token:ci"], Action::Get, "prod/db", row("allows it", true, false)),
        (
            ["token:ci"],
            Action::Get,
            "dev/db",
            row("has this principal and action, but no pattern for this secret", false, true),
        ),
        (
            ["tag:web"],
            Action::Put,
            "shared",
            row("has this principal and secret, but not this action", false, true),
        ),
        (
            ["tag:db"],
            Action::Info,
            "shared",
            row("has this action and secret, but not this principal", false, true),
        ),
        (["tag:db"], Action::Put, "dev/db", row("has nothing of it", false, false)),
    ] {
        assert_eq!(said(&names, action, secret), expected);
    }
}

/// What a policy allows, as its documentation has it: on the words of each grant, by naive recursion, without an index.
mod reference {
    pub(super) type Grant =
        (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

    pub(super) fn allows(grants: &[Grant], names: &[&str], action: &str, secret: &str) -> bool {
        for (principals, actions, secrets) in grants {
            let mut is_theirs = false;
            for principal in *principals {
                is_theirs |= *principal == "*";
                for name in names {
                    is_theirs |= matches(principal.as_bytes(), name.as_bytes());
                }
            }
            let mut is_meant = false;
            for pattern in *secrets {
                is_meant |= matches(pattern.as_bytes(), secret.as_bytes());
            }
            if is_theirs && is_meant && actions.contains(&action) {
                return true;
            }
        }
        false
    }

    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        if pattern.is_empty() {
            return text.is_empty();
        }
        if pattern[0] == b'*' {
            return matches(&pattern[1..], text)
                || (!text.is_empty() && matches(pattern, &text[1..]));
        }
        !text.is_empty() && pattern[0] == text[0] && matches(&pattern[1..], &text[1..])
    }
}

const PRINCIPALS: [&[&str]; 9] = [
    &[],
    &["token:ci"],
    &["token:ci2"],
    &["tag:web"],
    &["tag:web", "tag:prod"],
    &["user:alice@example.com"],
    &["uri:spiffe://example.org/web", "dns:web.example.com"],
    &["dns:db.example.com"],
    &["email:ci@example.com"],
];

const NAMES: [&str; 12] = [
    "",
    "*",
    "prod",
    "prod/",
    "prod/db",
    "prod/db/password",
    "dev/db",
    "dev/prod/db",
    "Prod/db",
    "proddb",
    "prod/\u{e9}",
    "prod/**",
];

const ALL: [&str; 6] = ["get", "info", "put", "create-version", "activate", "delete"];

const POLICIES: [&[reference::Grant]; 7] = [
    &[],
    &[(&["*"], &ALL, &["*"])],
    &[(&["token:ci"], &["get", "info"], &["prod/*"])],
    &[(&["token:*"], &["get"], &["*/db"]), (&["tag:prod"], &["put", "delete"], &["prod/db"])],
    &[
        (&["tag:web", "dns:*.example.com"], &["get"], &["*db*"]),
        (&["*"], &["info"], &["prod*", "dev/*/*"]),
        (&["tag:prod", "tag:web"], &["activate"], &["prod/*/*"]),
    ],
    &[(
        &["user:*@example.com", "email:*@example.com"],
        &["create-version", "put"],
        &["**", "prod"],
    )],
    &[(
        &["uri:spiffe://example.org/*", "uri:spiffe://*/web"],
        &["delete"],
        &["*/", "*\u{e9}", "*/*/*"],
    )],
];

#[test]
fn every_cell_of_a_matrix_is_as_the_reference_has_it() {
    let (mut cells, mut allowed) = (0, 0);
    for grants in POLICIES {
        let list = |words: &[&str]| format!("{words:?}");
        let text: String = grants
            .iter()
            .map(|(principals, actions, secrets)| {
                let [principals, actions, secrets] =
                    [principals, actions, secrets].map(|words| list(words));
                format!(
                    "[[grant]]\nprincipal = {principals}\naction = {actions}\nsecret = {secrets}\n"
                )
            })
            .collect();
        let policy = read(&text);
        for names in PRINCIPALS {
            let owned: Vec<_> = names.iter().map(|name| name.to_string()).collect();
            let rules = policy.rules(&owned).collect();
            let caller = Caller { principal: Principal::default(), rules };
            for action in Action::ALL {
                for name in NAMES {
                    let expected = reference::allows(grants, names, action.as_str(), name);
                    assert_eq!(
                        caller.may(action, name),
                        expected,
                        "{names:?} {action:?} {name} {text}"
                    );
                    let judged = policy.judge(&owned, action, name);
                    assert_eq!(judged.iter().any(Judgement::allows), expected);
                    cells += 1;
                    allowed += usize::from(expected);
                }
            }
        }
    }
    assert_eq!((cells, allowed), (4_536, 818));
}
