//! Whom is asked, and as whom.

use std::path::Path;

use crate::certificates::{Authority, Callers};
use crate::fake::{Fake, Reply};
use crate::program::{fails, on, prints, run, secretary};
use crate::server::Server;

const NOTHING: &str = "NAME ACTIVE VERSIONS\n";

fn nothing() -> Fake {
    Fake::start(Reply::new(200, "null"))
}

#[test]
fn the_flag_is_taken_before_the_command_and_behind_it() {
    let server = Server::start();
    let url = server.url();
    for arguments in [
        &["-s", &url, "list"][..],
        &["list", "-s", &url],
        &["--server", &url, "list"],
        &["list", &format!("--server={url}")],
        &["list", &format!("-s{url}")],
        // The last one counts.
        &["-s", "http://127.0.0.1:1", "list", "-s", &url],
    ] {
        assert_eq!(run(&mut secretary(arguments)), prints(NOTHING), "{arguments:?}");
        // It goes before the variables.
        let mut command = on("http://127.0.0.1:1", arguments);
        assert_eq!(run(command.env("SETEC_SERVER", "http://127.0.0.1:1")), prints(NOTHING));
    }
    for command in [&["info", "x"][..], &["get", "x"], &["activate", "x", "1"]] {
        let before = run(&mut secretary(&[&["-s", &url], command].concat()));
        let behind = run(&mut secretary(&[command, &["-s", &url]].concat()));
        assert_eq!(before, behind);
        assert!(before.said.ends_with(": not found\n"), "{before:?}");
    }
}

#[test]
fn a_variable_says_whom_to_ask_ours_before_setecs() {
    let server = Server::start();
    let run_with =
        |variables: &[(&str, &str)]| run(secretary(&["list"]).envs(variables.iter().copied()));
    let url = server.url();
    let nobody = "http://127.0.0.1:1";
    assert_eq!(run_with(&[("SETEC_SERVER", &url)]), prints(NOTHING));
    assert_eq!(run_with(&[("SECRETARY_SERVER", &url), ("SETEC_SERVER", nobody)]), prints(NOTHING));
    assert_eq!(run_with(&[("SECRETARY_SERVER", ""), ("SETEC_SERVER", &url)]), prints(NOTHING));
    assert_eq!(run_with(&[("SECRETARY_SERVER", nobody), ("SETEC_SERVER", &url)]).code, 6);
    assert_eq!(run_with(&[]), fails(3, "no server address is set"));
}

#[test]
fn a_token_is_sent_as_the_file_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "t0ken-of-mine\n").expect("room");
    let file = file.to_str().expect("text");
    let fake = nothing();
    let url = fake.url();
    let by_flag = on(&url, &["list", "--token-file", file]);
    let mut by_variable = on(&url, &["list"]);
    by_variable.env("SECRETARY_TOKEN_FILE", file);
    let mut beside_certificate = on(&url, &["list"]);
    beside_certificate.env("SECRETARY_TOKEN_FILE", file).env("SECRETARY_CLIENT_CERT", "/no");
    // It is for the daemon that other commands ask.
    beside_certificate.env("SECRETARY_URL", "https://secretary.invalid");
    for command in [by_flag, by_variable].iter_mut().chain([&mut beside_certificate]) {
        assert_eq!(run(command), prints(NOTHING));
    }
    let expected = "$SECRETARY_TOKEN_FILE and $SECRETARY_CLIENT_CERT are both set, and one of them says who asks";
    assert_eq!(run(beside_certificate.env_remove("SECRETARY_URL")), fails(3, expected));
    assert_eq!(run(&mut on(&url, &["list"])), prints(NOTHING));
    let received = fake.received();
    let authorizations: Vec<_> = received
        .iter()
        .map(|request| request.headers.iter().find(|(name, _)| name == "authorization"))
        .map(|header| header.map(|(_, value)| value.as_str()))
        .collect();
    let sent = Some("Bearer t0ken-of-mine");
    assert_eq!(authorizations, [sent, sent, sent, None]);
}

#[test]
fn a_token_that_is_none_is_not_sent_and_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = nothing();
    for (contents, why) in [
        ("".to_string(), "is not one line of printable ASCII"),
        ("t0ken\nt0ken".to_string(), "is not one line of printable ASCII"),
        ("t0ken".repeat(1000), "has more than 4096 bytes, so it holds no token"),
    ] {
        let file = folder.path().join("token");
        std::fs::write(&file, contents).expect("room");
        let file = file.to_str().expect("text");
        let done = run(&mut on(&fake.url(), &["list", "--token-file", file]));
        assert!(done.code == 3 && done.said.contains(why), "{done:?}");
        assert!(!done.said.contains("t0ken\n") && !done.said.contains("t0kent0ken"), "{done:?}");
    }
    let done = run(&mut on(&fake.url(), &["list", "--token-file", "/nowhere"]));
    let expected = "cannot read the token in /nowhere: no such file or directory";
    assert_eq!(done, fails(3, expected));
    assert_eq!(fake.received(), []);
}

#[test]
fn a_token_is_not_sent_where_others_could_read_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "t0ken").expect("room");
    let file = file.to_str().expect("text");
    // Before a value is asked for.
    let done = run(&mut on("http://192.0.2.1", &["put", "x", "--token-file", file]));
    assert_eq!(done, fails(3, "a token is sent by https:// alone, or to this machine"));
}

#[test]
fn a_certificate_says_who_asks() {
    let authority = Authority::new();
    let config = authority.server(&["127.0.0.1"], Callers::WithCertificate);
    let fake = Fake::with_tls(config, Reply::new(200, "null"));
    let identity = authority.identity();
    let text = |path: &Path| path.to_str().expect("text").to_string();
    let (certificate, key) = (text(&identity.certificates), text(&identity.key));
    let ca = text(&authority.file());
    let flags = ["list", "--server-ca", &ca, "--client-cert", &certificate, "--client-key", &key];
    assert_eq!(run(&mut on(&fake.url(), &flags)), prints(NOTHING));
    let mut command = on(&fake.url(), &["list"]);
    command.env("SECRETARY_SERVER_CA", &ca).env("SECRETARY_CLIENT_CERT", &certificate);
    assert_eq!(run(command.env("SECRETARY_CLIENT_KEY", &key)), prints(NOTHING));
    assert!(fake.received().iter().all(|request| request.has_certificate));
    assert_eq!(fake.received().len(), 2);
    // Half of it is none.
    let half = &flags[..5];
    let expected = "a client certificate and its private key are given together, or not at all";
    assert_eq!(run(&mut on(&fake.url(), half)), fails(3, expected));
    // Without, that server does not let in.
    assert_eq!(run(&mut on(&fake.url(), &flags[..3])).code, 6);
}

#[test]
fn a_slow_server_is_waited_for_as_long_as_is_said() {
    let fake = Fake::start(Reply::Never);
    let done = run(&mut on(&fake.url(), &["list", "--server-timeout", "0.3"]));
    let expected = "failed to list secrets: the secrets server did not answer within 0.3 s";
    assert_eq!(done, fails(6, expected));
}

#[test]
fn what_somebody_else_answers_is_not_repeated() {
    for reply in [
        Reply::new(200, "{\"CANARY-BODY\":1}"),
        Reply::new(500, "CANARY-BODY"),
        Reply::new(302, "CANARY-BODY"),
        Reply::Cut(200, "CANARY-BODY".into()),
        Reply::Raw(b"CANARY-BODY"),
        Reply::Close,
        Reply::Reset,
    ] {
        let fake = Fake::start(reply.clone());
        let output = on(&fake.url(), &["get", "x"]).output().expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{reply:?}: {stderr}");
        assert!(output.stdout.is_empty() && !stderr.contains("CANARY"), "{reply:?}: {stderr}");
        assert!(stderr.starts_with("error: failed to get secret: "), "{stderr}");
        assert!(stderr.contains("\nhint: "), "{reply:?}: {stderr}");
    }
}

#[test]
fn what_to_do_depends_on_what_the_server_was_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "t0ken-of-mine").expect("room");
    let file = file.to_str().expect("text");
    let unknown = Fake::start(Reply::new(500, "unable to identify caller\n"));
    let hint = |arguments: &[&str]| hint_of(&unknown.url(), arguments, 7);
    assert!(hint(&["list"]).contains("give --token-file or --client-cert"));
    let of_token = "the server does not know this token, or it has expired; its log says which";
    assert_eq!(hint(&["list", "--token-file", file]), of_token);
}

#[test]
fn what_to_do_depends_on_what_the_server_says() {
    for (status, body, code, expected) in [
        (503, "the store is sealed\n", 6, "the server has no key for its store yet"),
        (503, "too many requests at once\n", 6, "try again later"),
        (413, "request body too large\n", 7, "give a smaller value"),
        (500, "internal error\n", 6, "its audit log says why"),
    ] {
        let fake = Fake::start(Reply::new(status, body));
        let hint = hint_of(&fake.url(), &["get", "x"], code);
        assert!(hint.starts_with(expected), "{body}: {hint}");
    }
}

#[test]
fn a_change_alone_may_have_been_made_without_an_answer() {
    for (command, is_change) in [
        (&["list"][..], false),
        (&["info", "x"], false),
        (&["get", "x"], false),
        (&["put", "--empty-ok", "x"], true),
        (&["create-version", "--empty-ok", "x", "1"], true),
        (&["activate", "x", "1"], true),
    ] {
        let fake = Fake::start(Reply::Close);
        let hint = hint_of(&fake.url(), command, 6);
        assert!(hint.starts_with("check that the server runs"), "{hint}");
        assert_eq!(hint.contains("what was to be changed"), is_change, "{command:?}: {hint}");
    }
}

#[test]
fn a_certificate_that_the_server_does_not_trust_is_what_to_look_at() {
    let (authority, other) = (Authority::new(), Authority::new());
    let config = authority.server(&["127.0.0.1"], Callers::WithCertificate);
    let fake = Fake::with_tls(config, Reply::new(200, "null"));
    let identity = other.identity();
    let text = |path: &Path| path.to_str().expect("text").to_string();
    let (certificate, key) = (text(&identity.certificates), text(&identity.key));
    let ca = text(&authority.file());
    let flags = ["list", "--server-ca", &ca, "--client-cert", &certificate, "--client-key", &key];
    let expected = "is --client-cert signed by one of the server's --client-ca-file?";
    assert_eq!(hint_of(&fake.url(), &flags, 6), expected);
    assert_eq!(
        hint_of(&fake.url(), &flags[..3], 6),
        "check the URL of the server, and that it runs"
    );
}

#[test]
fn one_of_two_that_were_typed_is_not_left_out_without_a_word() {
    let fake = nothing();
    let both = ["--token-file", "t", "--client-cert", "c", "--client-key", "k"];
    let done = run(&mut on(&fake.url(), &[&["list"], &both[..]].concat()));
    let expected = "--token-file and --client-cert are both given, and one of them says who asks";
    assert_eq!(done, fails(2, expected));
    assert_eq!(fake.received(), []);
}

/// What `arguments` are told to do about a failure with that code.
fn hint_of(url: &str, arguments: &[&str], code: i32) -> String {
    let output = on(url, arguments).output().expect("it runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    let hint = stderr.lines().find_map(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint: {stderr}")).to_string()
}
