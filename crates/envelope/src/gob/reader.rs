//! The primitives of gob, read from borrowed bytes. Knows nothing of types.

use std::ops::Range;

use super::NONCE;
use crate::token::Damage;

/// A place in a gob. Reading stops at the end of the message it is in; after an error the place means
/// nothing.
pub(super) struct Reader<'a> {
    gob: &'a [u8],
    at: usize,
    /// Where the message ends and the next one begins.
    end: usize,
}

impl<'a> Reader<'a> {
    /// Before the first message.
    pub(super) fn new(gob: &'a [u8]) -> Self {
        Self { gob, at: 0, end: 0 }
    }

    /// Whether nothing is left of the message.
    pub(super) fn at_end(&self) -> bool {
        self.at == self.end
    }

    /// Goes on to the next message, from the end of the last one: a length, and as many bytes.
    pub(super) fn next_message(&mut self) -> Result<(), Damage> {
        debug_assert!(self.at_end(), "Go never leaves a message it has not read");
        self.end = self.gob.len();
        let message = self.counted()?;
        (self.at, self.end) = (message.start, message.end);
        Ok(())
    }

    /// Below 128 the byte itself; else a byte `256 - k` and `k` bytes, big-endian. Leading zeros are as
    /// good for Go, eight bytes are the most.
    pub(super) fn uint(&mut self) -> Result<u64, Damage> {
        let first = self.bytes(1)?[0];
        if first < 0x80 {
            return Ok(first.into());
        }
        let bytes = match usize::from(first.wrapping_neg()) {
            len @ 1..=8 => self.bytes(len)?,
            _ => return Err(Damage::NotGob),
        };
        Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// The lowest bit says whether all others are inverted.
    pub(super) fn int(&mut self) -> Result<i64, Damage> {
        let bits = self.uint()?;
        let value = (bits >> 1).cast_signed();
        Ok(if bits & 1 == 0 { value } else { !value })
    }

    /// A count of things that follow. Go takes one beyond its `int` for a negative one, and so for none.
    pub(super) fn count(&mut self) -> Result<u64, Damage> {
        let count = self.uint()?;
        Ok(if i64::try_from(count).is_ok() { count } else { 0 })
    }

    /// A length and as many bytes, which are passed over: where they are.
    pub(super) fn counted(&mut self) -> Result<Range<usize>, Damage> {
        let len = usize::try_from(self.uint()?).map_err(|_| Damage::NotGob)?;
        let from = self.at;
        self.bytes(len)?;
        Ok(from..self.at)
    }

    /// A length and as many bytes.
    pub(super) fn text(&mut self) -> Result<&'a [u8], Damage> {
        self.counted().map(|place| &self.gob[place])
    }

    /// The number of the next field of a struct that has `count` of them, or `None` at the struct's end.
    ///
    /// Before each value stands its distance from the field before, and a zero after the last. Go does
    /// not miss the zero when the message ends there. `next` is the lowest number that can come.
    pub(super) fn field(&mut self, next: &mut u32, count: u32) -> Result<Option<u32>, Damage> {
        if self.at_end() {
            return Ok(None);
        }
        let Some(skipped) = self.uint()?.checked_sub(1) else { return Ok(None) };
        let number = u64::from(*next).checked_add(skipped);
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|&number| number < count).ok_or(Damage::NotGob)?;
        *next = number + 1;
        Ok(Some(number))
    }

    /// An array of bytes is one of numbers, each of which has to fit.
    pub(super) fn nonce(&mut self) -> Result<[u8; NONCE], Damage> {
        if self.uint()? != NONCE as u64 {
            return Err(Damage::NotGob);
        }
        let mut nonce = [0; NONCE];
        for byte in &mut nonce {
            *byte = u8::try_from(self.uint()?).map_err(|_| Damage::NotGob)?;
        }
        Ok(nonce)
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Damage> {
        let bytes = self.gob[self.at..self.end].get(..len).ok_or(Damage::NotGob)?;
        self.at += len;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads from a message that holds `bytes`.
    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader { gob: bytes, at: 0, end: bytes.len() }
    }

    #[test]
    fn numbers_may_have_leading_zeros_and_up_to_eight_bytes() {
        for (bytes, number) in [
            (&[0x00][..], Some(0)),
            (&[0x7f], Some(127)),
            (&[0xff, 0x80], Some(128)),
            (&[0xfe, 0x01, 0x00], Some(256)),
            (&[0xfe, 0x00, 0x01], Some(1)),
            (&[0xf8, 0, 0, 0, 0, 0, 0, 0, 7], Some(7)),
            (&[0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(u64::MAX)),
            (&[0xf7, 0, 0, 0, 0, 0, 0, 0, 0, 7], None),
            (&[0x80], None),
            (&[0xfe, 0x01], None),
            (&[], None),
        ] {
            assert_eq!(reader(bytes).uint().ok(), number, "{bytes:02x?}");
        }
    }

    #[test]
    fn the_lowest_bit_is_the_sign() {
        for (bytes, number) in [(&[0x00][..], 0), (&[0x01], -1), (&[0xff, 0x82], 65)] {
            assert_eq!(reader(bytes).int(), Ok(number), "{bytes:02x?}");
        }
        assert_eq!(reader(&[0xf8, 255, 255, 255, 255, 255, 255, 255, 255]).int(), Ok(i64::MIN));
    }

    #[test]
    fn fields_are_counted_from_the_one_before() {
        let mut reader = reader(&[0x01, 0x02, 0x00, 0x03, 0x04]);
        let mut next = 0;
        assert_eq!(reader.field(&mut next, 3), Ok(Some(0)));
        assert_eq!(reader.field(&mut next, 3), Ok(Some(2)));
        assert_eq!(reader.field(&mut next, 3), Ok(None));
        next = 0;
        assert_eq!(reader.field(&mut next, 3), Ok(Some(2)));
        assert_eq!(reader.field(&mut next, 3), Err(Damage::NotGob));
        assert_eq!(reader.field(&mut next, 3), Ok(None), "the end of the message");
    }
}
