//! What ours is measured against. Both know where the tokens are and that their plaintexts fit, keep
//! no plaintext, and check nothing but the tags.

use std::ffi::c_uchar;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{AeadInPlace, KeyInit};
use crypto_secretbox::{Kdf, XSalsa20Poly1305};
use libsodium_sys::{
    crypto_box_BEFORENMBYTES, crypto_box_beforenm, crypto_box_open_easy_afternm, sodium_init,
};

use crate::sample::{PLAINTEXT, Sample};
use crate::sum;

const NONCE: usize = 24;
const TAG: usize = 16;
const BODY: usize = NONCE + TAG + PLAINTEXT;

/// The crates ours is built on, and nothing around them.
pub struct Bare<'a> {
    bodies: Vec<&'a [u8]>,
    agreed: XSalsa20Poly1305,
}

impl<'a> Bare<'a> {
    /// For the tokens of `sample`.
    pub fn of(sample: &'a Sample) -> Self {
        let shared = x25519_dalek::x25519(private_bytes(sample), sample.peer.to_bytes());
        let key = XSalsa20Poly1305::kdf(&shared.into(), &Default::default());
        Self { bodies: sample.bodies().collect(), agreed: XSalsa20Poly1305::new(&key) }
    }

    /// Opens all of them.
    pub fn open_all(&self) -> u64 {
        let open = |encoded: &&[u8]| {
            let mut body = [0; BODY];
            // The length as it is decoded: tokens differ, so the compiler must not know it.
            let len = STANDARD.decode_slice(encoded, &mut body).ok()?;
            let (head, message) = body[..len].split_at_mut_checked(NONCE + TAG)?;
            let (nonce, tag) = head.split_at(NONCE);
            self.agreed.decrypt_in_place_detached(nonce.into(), b"", message, tag.into()).ok()?;
            Some(sum(message))
        };
        self.bodies.iter().filter_map(open).sum()
    }
}

/// libsodium, which decodes with the same crate so that only the cryptography differs.
pub struct Sodium<'a> {
    bodies: Vec<&'a [u8]>,
    agreed: [c_uchar; crypto_box_BEFORENMBYTES as usize],
}

impl<'a> Sodium<'a> {
    /// For the tokens of `sample`.
    pub fn of(sample: &'a Sample) -> Self {
        let mut agreed = [0; crypto_box_BEFORENMBYTES as usize];
        let (own, peer) = (private_bytes(sample), sample.peer.to_bytes());
        // SAFETY: no argument, and it may be called again.
        assert!(unsafe { sodium_init() } >= 0, "libsodium starts");
        // SAFETY: all three have the lengths that the function asks for, 32 bytes each.
        let code = unsafe { crypto_box_beforenm(agreed.as_mut_ptr(), peer.as_ptr(), own.as_ptr()) };
        assert_eq!(code, 0, "no weak keys");
        Self { bodies: sample.bodies().collect(), agreed }
    }

    /// Opens all of them.
    pub fn open_all(&self) -> u64 {
        let open = |encoded: &&[u8]| {
            let (mut body, mut message) = ([0; BODY], [0; PLAINTEXT]);
            let len = STANDARD.decode_slice(encoded, &mut body).ok()?;
            let (nonce, sealed) = body[..len].split_at_checked(NONCE)?;
            // SAFETY: `message` has room for `sealed` without its tag, the nonce has 24 bytes and
            // the key 32, as the function asks for.
            let code = unsafe {
                crypto_box_open_easy_afternm(
                    message.as_mut_ptr(),
                    sealed.as_ptr(),
                    sealed.len() as u64,
                    nonce.as_ptr(),
                    self.agreed.as_ptr(),
                )
            };
            (code == 0).then(|| sum(&message))
        };
        self.bodies.iter().filter_map(open).sum()
    }
}

/// A private key shows its bytes in its text alone.
fn private_bytes(sample: &Sample) -> [u8; 32] {
    let pem = sample.own.to_pem();
    let line = pem.lines().nth(1).expect("a line of base64");
    STANDARD.decode(line).expect("our own text").try_into().expect("32 bytes")
}
