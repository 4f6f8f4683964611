//! Tokens in files, in pipes and in variables.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::machine::{Machine, is_owner_only};

/// Tokens that the Go program sealed. `tests/interop` has the ones it refused.
const VECTORS: &str = include_str!("../vectors/go-nacl.json");

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{value} has no text {name}"))
}

fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

#[test]
fn every_byte_of_a_secret_and_of_a_text_around_it_stays() {
    let machine = Machine::with_keys();
    let secret: Vec<u8> = (0..=255).chain(*b"\r\n\n\r\x1a").collect();
    let token = machine.token(&secret);
    let around = b"\xef\xbb\xbfa: \r\n\x1a\xff\n".as_slice();
    let sealed = [around, token.as_bytes(), around].concat();
    let opened = [around, &secret, around].concat();
    assert_eq!(machine.secretary(&["decrypt"], &sealed).succeeded().stdout, opened);
    machine.write("sealed.yml", &sealed);
    assert_eq!(machine.secretary(&["decrypt", "sealed.yml"], b"").succeeded().stdout, opened);
    // Larger files take another way.
    let large = sealed.repeat(4000);
    machine.write("large.yml", &large);
    let run = machine.secretary(&["decrypt", r".\large.yml", "-o", "out.yml"], b"").succeeded();
    assert!(run.stdout.is_empty());
    assert!(machine.read("out.yml") == opened.repeat(4000));
    assert!(
        machine.secretary(&["decrypt", "large.yml"], b"").succeeded().stdout == opened.repeat(4000)
    );
}

#[test]
fn lines_are_encrypted_without_their_carriage_returns() {
    let machine = Machine::with_keys();
    let tokens = machine.secretary(&["encrypt", "--lines"], b"one\r\ntwo\r\n").succeeded();
    assert!(!tokens.text().contains('\r'), "{tokens:?}");
    let opened = machine.secretary(&["decrypt"], &tokens.stdout).succeeded();
    assert_eq!(opened.text(), "one\ntwo\n");
    let trimmed = machine.secretary(&["encrypt", "--trim"], b"one\r\n").succeeded();
    assert_eq!(machine.secretary(&["decrypt"], &trimmed.stdout).succeeded().text(), "one");
    // Folded by an editor that ends lines its own way.
    let folded = machine.secretary(&["encrypt", "--wrap"], &[b'x'; 100]).succeeded();
    let folded = folded.text().replace('\n', "\r\n");
    assert!(folded.lines().count() > 2);
    let opened = machine.secretary(&["decrypt"], folded.as_bytes()).succeeded();
    assert_eq!(opened.text(), format!("{}\r\n", "x".repeat(100)));
}

#[test]
fn what_is_written_to_a_file_is_its_owners_alone() {
    let machine = Machine::with_keys();
    let token = machine.token(b"secret");
    machine.write("out.txt", b"old");
    assert!(!is_owner_only(&machine.path("out.txt")));
    machine.secretary(&["decrypt", "-o", "out.txt"], token.as_bytes()).succeeded();
    assert_eq!(machine.read("out.txt"), b"secret");
    assert!(is_owner_only(&machine.path("out.txt")));
    machine
        .secretary(&["decrypt", "out.txt", "-o", r".\OUT.TXT"], b"")
        .failed(2, "both read and written");
    machine
        .secretary(&["decrypt", "-o", r"no\such\folder"], token.as_bytes())
        .failed(3, "cannot write");
}

#[test]
fn the_go_programs_tokens_open() {
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    // One run for each pair of keys: all tokens, one a line.
    let mut runs: BTreeMap<[&str; 2], (String, Vec<u8>)> = BTreeMap::new();
    let all = vectors["vectors"].as_array().expect("a list");
    // A weak key opens nothing, on purpose.
    for case in all.iter().filter(|case| !text(case, "pair").contains("low order")) {
        let pair =
            ["open_private_key_base64", "open_public_key_base64"].map(|half| text(case, half));
        let (sealed, opened) = runs.entry(pair).or_default();
        sealed.push_str(&format!("{}\r\n", text(case, "token")));
        opened.extend([base64(text(case, "plaintext_base64")), b"\r\n".to_vec()].concat());
    }
    assert!(runs.len() >= 2 && all.len() == 27);
    let machine = Machine::new();
    for ([private, public], (sealed, opened)) in runs {
        let keys = [("DEPLOY_PRIVATE_KEY", private), ("CONFIG_PUBLIC_KEY", public)];
        let run = machine.secretary_with(&keys, &["decrypt"], sealed.as_bytes()).succeeded();
        assert!(run.stdout == opened, "{public}");
    }
}

#[test]
fn variables_are_decrypted_whatever_the_case_of_their_names() {
    let machine = Machine::with_keys();
    let token = machine.token("päss 'word'".as_bytes());
    let arguments = ["decrypt", "-e", "--format", "json"];
    let run = machine.secretary_with(&[("Db_Password", &token)], &arguments, b"").succeeded();
    let printed: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(printed, serde_json::json!({"Db_Password": "päss 'word'"}));
    let key = String::from_utf8(machine.read("keys/master-private-key.pem")).expect("text");
    let elsewhere = Machine::new();
    elsewhere.write("public.pem", &machine.read("keys/config-public-key.pem"));
    let variables = [("deploy_private_key", key.as_str()), ("config_public_key", "")];
    let arguments = ["decrypt", "--config-key", "public.pem"];
    let run = elsewhere.secretary_with(&variables, &arguments, token.as_bytes()).succeeded();
    assert_eq!(run.text(), "päss 'word'");
}

#[test]
fn a_file_of_variables_may_have_carriage_returns() {
    let machine = Machine::with_keys();
    let token = machine.token(b"secret");
    machine.write("app.env", format!("# app\r\nPLAIN=1\r\nPASSWORD={token}\r\n").as_bytes());
    let arguments = ["decrypt", "--env-file", r".\app.env", "--format", "json"];
    let run = machine.secretary(&arguments, b"").succeeded();
    let printed: Value = serde_json::from_slice(&run.stdout).expect("JSON");
    assert_eq!(printed, serde_json::json!({"PASSWORD": "secret"}));
}
