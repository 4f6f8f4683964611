//! Key texts: any bytes are read in linear time, and what is read means one key.
#![no_main]

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use secretary_envelope::key::MAX_KEY_TEXT;
use secretary_envelope::{KeyError, PublicKey, SecretKey};

/// Some fifty times what the largest text takes with the coverage counters in it. Quadratic work
/// takes longer still.
const LONGEST: Duration = Duration::from_millis(20);

fuzz_target!(|input: &[u8]| {
    both_halves_are_read_alike(input);
    if let Ok(bytes) = <&[u8; 32]>::try_from(input) {
        bare_base64_is_a_key(bytes);
    }
    // What is before a NUL byte is repeated, and what is behind it comes once.
    if let Some(end) = input.iter().position(|&byte| byte == 0) {
        is_read_in_linear_time(&input[..end], &input[end + 1..]);
    }
});

fn both_halves_are_read_alike(text: &[u8]) {
    let public = PublicKey::parse(text);
    let private = SecretKey::parse(text);
    match (public, private) {
        (Ok(public), Ok(private)) => {
            assert!(public.is_really(&private), "the two halves are read from the same bytes");
            assert_eq!(PublicKey::parse(public.to_pem().as_bytes()), Ok(public));
            let again = SecretKey::parse(private.to_pem().as_bytes()).expect("our own text");
            assert!(again.is(&private));
        }
        (Err(public), Err(private)) => assert_eq!(public, private),
        _ => panic!("one half is read and the other is not"),
    }
}

fn bare_base64_is_a_key(bytes: &[u8; 32]) {
    let text = STANDARD.encode(bytes);
    assert_eq!(PublicKey::parse(text.as_bytes()), Ok(PublicKey::from(*bytes)));
    let text = format!(" \r\n{text}\n");
    assert_eq!(PublicKey::parse(text.as_bytes()), Ok(PublicKey::from(*bytes)));
}

/// The fastest of a few tries decides, so that a busy machine is no finding.
fn is_read_in_linear_time(unit: &[u8], tail: &[u8]) {
    // A long unit is not repeated often enough to cost much.
    if !(1..=64).contains(&unit.len()) || tail.len() > MAX_KEY_TEXT {
        return;
    }
    let mut text = unit.repeat((MAX_KEY_TEXT - tail.len()) / unit.len());
    text.extend(tail);
    let slow = (0..5).all(|_| {
        let start = Instant::now();
        assert_ne!(PublicKey::parse(&text), Err(KeyError::TooLong));
        start.elapsed() > LONGEST
    });
    assert!(!slow, "{} bytes take longer than {LONGEST:?}", text.len());
}
