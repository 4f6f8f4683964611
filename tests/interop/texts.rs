//! `go-util.json`: where tokens are in a text, and what their bodies decode to.

use secretary::environ::is_shell_identifier;
use secretary_envelope::{Damage, Kind, NaclBox, OpenError, Opener, Piece, SecretKey, Text, scan};
use secretary_secret::Secret;
use serde_json::Value;

use crate::vectors::{base64, hex, members, parse, text};

fn vectors() -> Value {
    parse(include_str!("../vectors/go-util.json"))
}

fn tokens(input: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    scan(input)
        .filter_map(|piece| match piece {
            Piece::Token(token) => Some((token.kind(), token.text().to_vec())),
            Piece::Text(_) => None,
        })
        .collect()
}

/// The file holds no table that is not looked at here.
#[test]
fn every_table_of_the_file_has_its_test() {
    let vectors = vectors();
    let tables: Vec<_> = vectors.as_object().expect("tables").keys().collect();
    let known = [
        "base64_decode",
        // How the Go program cuts what a server answered; nothing here prints such a text.
        "ellipsis",
        "envelope_regex",
        "regex_source",
        // The pattern's characters, some of them lost; `shell_names_are_those_of_the_pattern` has it.
        "shell_identifier_regex",
        "strip_whitespace",
    ];
    assert_eq!(tables, known);
    assert_eq!(vectors["regex_source"], r"ENC\[(NACL|KMS),[a-zA-Z0-9+/=\s]+\]");
}

#[test]
fn finds_the_tokens_the_go_program_finds() {
    for case in members(&vectors()["envelope_regex"], 25) {
        let input = base64(&case["input_base64"]);
        let extract = case["extract"].as_array().expect("a list").iter();
        let expected: Vec<_> = extract.map(|token| text(token).as_bytes().to_vec()).collect();
        let found = tokens(&input);
        let texts: Vec<_> = found.iter().map(|(_, text)| text.clone()).collect();
        assert_eq!(texts, expected, "{case}");
        let kind = found.first().map_or("", |(kind, _)| kind.tag());
        assert_eq!(kind, text(&case["type"]), "{case}");
        let parsed = Text::parse(&input);
        assert!(parsed.tokens().map(|token| token.text()).eq(expected.iter()), "{case}");
    }
}

/// What becomes of a text that is one token, for somebody with keys.
fn open(input: &[u8]) -> Option<Result<Vec<u8>, OpenError>> {
    let (config, master) = pairs();
    let text = Text::parse(input);
    assert!(text.tokens().len() <= 1);
    text.tokens().next()?;
    let opened = Opener::new(Some((master, config.public_key()))).open_all(text.tokens());
    let opened = opened.and_then(|opening| opening.finish(&[], Vec::new()));
    Some(match opened {
        Ok(opened) => Ok(opened.iter().flatten().copied().collect()),
        Err(failed) => Err(failed[0].error),
    })
}

fn pairs() -> (SecretKey, SecretKey) {
    (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]))
}

/// A body is decoded after the white space in it is taken out, in the Go program as here. So what
/// counts is what Go's decoder makes of the body without white space.
#[test]
fn decodes_the_bodies_the_go_program_decodes() {
    let vectors = vectors();
    let cases = members(&vectors["base64_decode"], 29);
    let decoded = |body: &str| {
        let case = cases.iter().find(|case| text(&case["input"]) == body);
        case.map(|case| case["error"].is_null().then(|| hex(&case["hex"])))
    };
    let mut no_token = 0;
    for case in cases {
        let input = text(&case["input"]);
        let is_space = |c| " \t\n\r\x0c".contains(c);
        let in_token = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c) || is_space(c);
        let opened = open(format!("ENC[NACL,{input}]").as_bytes());
        if input.is_empty() || !input.chars().all(in_token) {
            assert_eq!(opened, None, "{case}");
            no_token += 1;
            continue;
        }
        let stripped: String = input.chars().filter(|c| !is_space(*c)).collect();
        let expected = match decoded(&stripped) {
            Some(Some(bytes)) => Damage::TooShort { len: bytes.len(), least: 40 },
            Some(None) => Damage::NotBase64,
            None => {
                assert_eq!(input, "AA==\nA", "recorded only with the line feed, and refused");
                Damage::NotBase64
            }
        };
        assert_eq!(opened, Some(Err(expected.into())), "{case}");
    }
    assert_eq!(no_token, 4, "bodies that are not even looked at");
}

/// The Go program takes all Unicode white space out of a token, and its pattern lets in five kinds.
#[test]
fn white_space_in_a_token_is_what_the_pattern_lets_in() {
    let (config, master) = pairs();
    let agreed = NaclBox::agree(&config, &master.public_key()).expect("good keys");
    let token = agreed.seal(&Secret::from(b"secret".as_slice())).expect("random bytes");
    let (head, tail) = token.split_at(20);
    let mut opened = Vec::new();
    for case in members(&vectors()["strip_whitespace"], 5) {
        let input = base64(&case["input_base64"]);
        let stripped = base64(&case["output_base64"]);
        for chunk in input.utf8_chunks() {
            let valid = chunk.valid().chars().map(|c| c.to_string().into_bytes());
            let invalid = Some(chunk.invalid().to_vec()).filter(|bytes| !bytes.is_empty());
            for character in valid.chain(invalid) {
                let text = [head.as_bytes(), &character, tail.as_bytes()].concat();
                let kept = stripped.windows(character.len()).any(|part| part == character);
                match open(&text) {
                    None => {}
                    Some(Ok(plaintext)) => {
                        assert_eq!(plaintext, b"secret");
                        assert!(!kept, "{case}");
                        opened.push(character);
                    }
                    // A character of base64 more than there were.
                    Some(Err(error)) => {
                        assert_eq!(error, OpenError::Damaged(Damage::NotBase64));
                        assert!(kept && character[0].is_ascii_alphanumeric(), "{case}");
                    }
                }
            }
        }
    }
    opened.sort();
    opened.dedup();
    assert_eq!(opened.concat(), b"\t\n\x0c\r ");
}

/// `^[A-Za-z_][A-Za-z0-9_]*$`
#[test]
fn shell_names_are_those_of_the_pattern() {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let later = |c: char| first(c) || c.is_ascii_digit();
    assert!(!is_shell_identifier("".as_ref()));
    for one in '\0'..'\u{100}' {
        assert_eq!(is_shell_identifier(one.to_string().as_ref()), first(one), "{one:?}");
        for two in '\0'..'\u{100}' {
            let name = format!("{one}{two}");
            let expected = first(one) && later(two);
            assert_eq!(is_shell_identifier(name.as_ref()), expected, "{name:?}");
        }
    }
}
