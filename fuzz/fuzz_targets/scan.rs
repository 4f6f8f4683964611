//! The scanner finds what the Go program's pattern finds, and what may name a secret, and loses no byte of the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secretary_envelope::{Piece, Text, scan};

fuzz_target!(|input: &[u8]| {
    let text = Text::parse(input);
    let found: Vec<&[u8]> = text.tokens().map(|token| token.text()).collect();
    assert_eq!(found, matches_of_the_pattern(input));

    let pieces: Vec<Piece<'_>> = scan(input).collect();
    let empty = |piece: &Piece<'_>| matches!(piece, Piece::Text([]));
    assert!(!pieces.iter().any(empty), "a piece of text is never empty");
    let joined: Vec<&[u8]> = pieces.iter().map(bytes_of).collect();
    assert_eq!(joined.concat(), input);

    let itself: Vec<&[u8]> = text.replaced(text.tokens().map(|token| token.text())).collect();
    assert_eq!(itself.concat(), input);
    positions_lead_back(&text, input);
});

fn bytes_of<'a>(piece: &Piece<'a>) -> &'a [u8] {
    match piece {
        Piece::Text(text) => text,
        Piece::Token(token) => token.text(),
    }
}

/// A user who goes to the line and column of a token must find it there.
fn positions_lead_back(text: &Text<'_>, input: &[u8]) {
    let lines: Vec<&[u8]> = input.split_inclusive(|&byte| byte == b'\n').collect();
    for ((line, column), token) in text.positions(0..text.tokens().len()).zip(text.tokens()) {
        let from_there = [&lines[line - 1][column - 1..], &lines[line..].concat()].concat();
        assert!(from_there.starts_with(token.text()));
    }
}

/// `ENC\[(NACL|KMS),[a-zA-Z0-9+/=\s]+\]|ENC\[SETEC,[^\[\]]{0,4096}\]`, tried at every offset: slow, and plain
/// enough to be believed.
fn matches_of_the_pattern(input: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        match match_at_start(rest) {
            Some(len) => {
                found.push(&rest[..len]);
                rest = &rest[len..];
            }
            None => rest = &rest[1..],
        }
    }
    found
}

fn match_at_start(text: &[u8]) -> Option<usize> {
    sealed_at_start(text).or_else(|| {
        let body = text.strip_prefix(b"ENC[SETEC,")?;
        let len = body.iter().take_while(|byte| !b"[]".contains(byte)).count();
        (len <= 4096 && body.get(len) == Some(&b']')).then(|| text.len() - body.len() + len + 1)
    })
}

fn sealed_at_start(text: &[u8]) -> Option<usize> {
    let body = text.strip_prefix(b"ENC[NACL,").or_else(|| text.strip_prefix(b"ENC[KMS,"))?;
    let in_body = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\t\n\x0c\r ".contains(&byte);
    let len = body.iter().take_while(|&&byte| in_body(byte)).count();
    (len > 0 && body.get(len) == Some(&b']')).then(|| text.len() - body.len() + len + 1)
}
