//! Plaintext bytes.
//!
//! [`Secret`] is the one type that holds what was, or is about to be, encrypted. It is wiped when
//! dropped and whenever it moves to a larger buffer, has no `Clone`, `Display` or `Serialize`, and
//! prints as `Secret(..)`. Its bytes are reached by [`Secret::expose`] alone, close to the write.
//!
//! This crate touches no file, socket or clock.

use std::fmt;
use std::io::{self, Read, Write};

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// Bytes that must not outlive their use, nor be printed.
#[derive(Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// An empty secret with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The bytes. Keep the borrow short and never copy them into an ordinary `String` or `Vec`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, to be changed in place.
    pub fn expose_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends `bytes`. A buffer that is too small is replaced by one of twice the size, and wiped.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Lengthens the secret to `len` bytes, the new ones zero, or leaves out what is beyond. That is
    /// wiped with the rest of the buffer.
    pub fn resize(&mut self, len: usize) {
        self.reserve(len.saturating_sub(self.0.len()));
        self.0.resize(len, 0);
    }

    /// Reads `reader` to its end.
    ///
    /// # Errors
    ///
    /// What `reader` answers, or [`io::ErrorKind::FileTooLarge`] when there are more than `limit` bytes.
    pub fn read_from(reader: &mut impl Read, limit: usize) -> io::Result<Self> {
        // Most secrets and all keys fit in this, and a wiped byte costs more than a read one.
        const FIRST: usize = 256;
        let mut secret = Self::with_capacity(FIRST);
        loop {
            let start = secret.len();
            if start > limit {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            // Bounded, because what a short read leaves unused was cleared for nothing.
            let room = (secret.0.capacity() - start).clamp(FIRST, 64 * 1024);
            secret.resize(start + room);
            let count = loop {
                match reader.read(&mut secret.0[start..]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
            secret.resize(start + count);
            if count == 0 {
                return Ok(secret);
            }
        }
    }

    fn reserve(&mut self, more: usize) {
        let needed = self.0.len() + more;
        if needed > self.0.capacity() {
            // `Vec` would free the old buffer as it is, so the move is made by hand.
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity() * 2));
            larger.extend_from_slice(&self.0);
            wipe(&mut std::mem::replace(&mut self.0, larger));
        }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Clears all of the buffer at once, behind a barrier that keeps the optimizer from leaving it out.
/// `Zeroize` would clear it byte by byte.
fn wipe(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(buffer.capacity(), 0);
    zeroize::optimization_barrier(buffer.as_slice());
}

/// Overwrites what functions that have returned left on the stack of this thread, 16 KiB deep.
///
/// A private key is copied to the stack wherever it is computed with, and libraries wipe their results
/// but not all of their copies. Call this after such a function, from its caller.
#[inline(never)]
pub fn wipe_stack() {
    let mut area = [0_u64; 2048];
    area.zeroize();
    std::hint::black_box(&area);
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl From<Vec<u8>> for Secret {
    /// Takes the bytes over; the buffer is wiped with the secret.
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl PartialEq for Secret {
    /// Takes the same time wherever the first difference is. The lengths are not hidden.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl Write for Secret {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_nothing_of_itself() {
        let secret = Secret::from(b"hunter2".as_slice());
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "Secret(..) Some(\n    Secret(..),\n)"
        );
    }

    #[test]
    fn compares_by_content() {
        let secret = Secret::from(b"abc".as_slice());
        assert_eq!(secret, Secret::from(b"abc".to_vec()));
        assert_ne!(secret, Secret::from(b"abd".as_slice()));
        assert_ne!(secret, Secret::from(b"ab".as_slice()));
    }

    #[test]
    fn reads_everything_up_to_its_limit_and_not_a_byte_more() {
        for len in [0, 1, 255, 256, 257, 100_000] {
            let bytes = vec![7; len];
            assert_eq!(
                Secret::read_from(&mut bytes.as_slice(), len).expect("within").expose(),
                bytes
            );
            if len > 0 {
                let error = Secret::read_from(&mut bytes.as_slice(), len - 1).expect_err("beyond");
                assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            }
        }
    }

    #[test]
    fn keeps_its_bytes_when_it_grows_and_shrinks() {
        let mut secret = Secret::default();
        for n in 0..=255 {
            secret.extend(&[n; 3]);
        }
        assert_eq!(secret.len(), 768);
        assert!(secret.expose().chunks(3).zip(0..=255).all(|(three, n)| three == [n; 3]));
        secret.resize(2);
        secret.resize(4);
        assert_eq!(secret.expose(), [0, 0, 0, 0]);
    }
}
