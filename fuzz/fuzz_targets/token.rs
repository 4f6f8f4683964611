//! No text and no body makes opening panic, and no body but the sealed one opens.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use secretary_envelope::nacl::OVERHEAD;
use secretary_envelope::{Damage, NaclBox, OpenError, Opened, Opener, SecretKey, Text};

const PLAINTEXT: &[u8] = b"correct horse battery staple";

thread_local! {
    /// One sealed body, and an opener for it. The key agreement takes a hundred times as long as
    /// everything that is tested here, so it is made once.
    static SEALED: (Vec<u8>, Opener) = {
        let (config, master) = (SecretKey::from(&[1; 32]), SecretKey::from(&[2; 32]));
        let agreed = NaclBox::agree(&config, &master.public_key()).expect("no weak keys");
        let token = agreed.seal(&PLAINTEXT.into()).expect("random bytes");
        let encoded = &token["ENC[NACL,".len()..token.len() - 1];
        (STANDARD.decode(encoded).expect("base64 of our own"), Opener::from(agreed))
    };
}

fuzz_target!(|input: &[u8]| {
    SEALED.with(|(body, opener)| {
        any_text_is_opened_or_refused(opener, input);
        any_body_is_refused(opener, input);
        a_changed_body_is_refused(opener, body, input);
    });
});

fn any_text_is_opened_or_refused(opener: &Opener, input: &[u8]) {
    let text = Text::parse(input);
    match opener.open_all(text.tokens()).and_then(|opening| opening.finish(&[], Vec::new())) {
        Ok(opened) => assert_eq!(opened.iter().len(), text.tokens().len()),
        Err(failed) => {
            assert!(failed.is_sorted_by(|one, next| one.index < next.index));
            assert!(failed.iter().all(|failed| failed.index < text.tokens().len()));
        }
    }
}

fn any_body_is_refused(opener: &Opener, input: &[u8]) {
    let refused = match input {
        // A token has a character at least, so without a body there is none.
        [] => return,
        short if short.len() < OVERHEAD => {
            OpenError::Damaged(Damage::TooShort { len: short.len(), least: OVERHEAD })
        }
        _ => OpenError::Forged,
    };
    assert_eq!(open(opener, input).map(|_| ()), Err(refused));
}

/// The first byte of `changes` says how much of the body is kept; the others are added to it bit by
/// bit, and those beyond its end are appended.
fn a_changed_body_is_refused(opener: &Opener, body: &[u8], changes: &[u8]) {
    let Some((&kept, mask)) = changes.split_first() else { return };
    let kept = &body[..usize::from(kept).min(body.len())];
    let mut changed = kept.to_vec();
    changed.iter_mut().zip(mask).for_each(|(byte, bits)| *byte ^= bits);
    changed.extend(mask.iter().skip(kept.len()));
    if changed.is_empty() {
        return;
    }
    let opened = open(opener, &changed);
    if changed == body {
        assert_eq!(opened.expect("unchanged").iter().next(), Some(PLAINTEXT));
    } else {
        assert!(opened.is_err(), "a forged body was opened");
    }
}

fn open(opener: &Opener, body: &[u8]) -> Result<Opened, OpenError> {
    let token = format!("ENC[NACL,{}]", STANDARD.encode(body));
    let text = Text::parse(token.as_bytes());
    assert_eq!(text.tokens().len(), 1);
    let opened = opener.open_all(text.tokens()).and_then(|opening| opening.finish(&[], Vec::new()));
    opened.map_err(|failed| failed[0].error)
}
