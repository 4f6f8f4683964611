//! Security identifiers: who somebody is, whatever name they have.

use std::fmt;
use std::str::FromStr;

/// As many numbers as there may be behind the authority.
const MAX_PARTS: usize = 15;

/// The first authority that is written in base 16.
const IN_HEX: u64 = 1 << 32;

/// A security identifier, `S-1-5-18` for one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid {
    /// 48 bits.
    authority: u64,
    parts: Vec<u32>,
}

/// The text or the bytes are no security identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a security identifier")]
pub struct NotASid;

impl Sid {
    /// The system itself, as which services run.
    pub fn local_system() -> Self {
        Self { authority: 5, parts: vec![18] }
    }

    /// The group Administrators of this machine, which is not the user Administrator.
    pub fn administrators() -> Self {
        Self { authority: 5, parts: vec![32, 544] }
    }

    /// Nobody.
    pub fn nobody() -> Self {
        Self { authority: 0, parts: vec![0] }
    }

    /// Reads the first bytes as the system lays them out; what comes behind is not looked at.
    ///
    /// ```text
    /// 01          revision
    /// 02          how many parts
    /// 00..05      authority, 48 bits, the high byte first
    /// 20 00 00 00 each part, 32 bits, the low byte first
    /// ```
    ///
    /// # Errors
    ///
    /// When it is of another revision, has more parts than there may be, or ends before the last.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASid> {
        let (head, rest) = bytes.split_first_chunk::<8>().ok_or(NotASid)?;
        let [1, count, authority @ ..] = *head else { return Err(NotASid) };
        let (parts, _) = rest.as_chunks::<4>();
        let parts = parts.get(..count.into()).filter(|parts| parts.len() <= MAX_PARTS);
        let parts = parts.ok_or(NotASid)?.iter().map(|part| u32::from_le_bytes(*part)).collect();
        let authority = authority.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(Self { authority, parts })
    }
}

impl FromStr for Sid {
    type Err = NotASid;

    fn from_str(text: &str) -> Result<Self, NotASid> {
        let mut words = text.split('-');
        let [Some("S" | "s"), Some("1"), Some(authority)] = [(); 3].map(|()| words.next()) else {
            return Err(NotASid);
        };
        let authority = match authority.strip_prefix("0x").or(authority.strip_prefix("0X")) {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u64::from_str_radix(digits, 16).map_err(|_| NotASid)?
            }
            Some(_) => return Err(NotASid),
            None => number(authority)?,
        };
        let parts = words.map(number).collect::<Result<Vec<u32>, _>>()?;
        let is_one = authority < 1 << 48 && parts.len() <= MAX_PARTS;
        if is_one { Ok(Self { authority, parts }) } else { Err(NotASid) }
    }
}

/// Digits alone: the standard library takes a sign as well.
fn number<N: FromStr>(word: &str) -> Result<N, NotASid> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    if digits { word.parse().map_err(|_| NotASid) } else { Err(NotASid) }
}

impl fmt::Display for Sid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.authority {
            small @ ..IN_HEX => write!(out, "S-1-{small}")?,
            large => write!(out, "S-1-0x{large:012x}")?,
        }
        self.parts.iter().try_for_each(|part| write!(out, "-{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_written() {
        for text in [
            "S-1-5-18",
            "S-1-5-32-544",
            "S-1-1-0",
            "S-1-5-21-3623811015-3361044348-30300820-1013",
            "S-1-0x100000000000-1",
            "S-1-16",
            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15",
        ] {
            assert_eq!(text.parse::<Sid>().expect(text).to_string(), text);
        }
        assert_eq!("S-1-5-18".parse(), Ok(Sid::local_system()));
        assert_eq!("S-1-5-32-544".parse(), Ok(Sid::administrators()));
        assert_eq!("s-1-0x5-18".parse(), Ok(Sid::local_system()));
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "S",
            "S-1",
            "S-1-",
            "S-2-5-18",
            "S-1-5-",
            "S-1-5-+18",
            "S-1-5--18",
            "S-1-5-4294967296",
            "S-1-281474976710656",
            "S-1-0x-1",
            "S-1-0x+5-1",
            "S-1-5-18 ",
            "BUILTIN\\Administrators",
            "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        ] {
            assert_eq!(text.parse::<Sid>(), Err(NotASid), "{text}");
        }
    }

    #[test]
    fn bytes_are_read_as_the_system_lays_them_out() {
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0, 99];
        assert_eq!(Sid::from_bytes(&bytes), Ok(Sid::administrators()));
        for end in 0..16 {
            assert_eq!(Sid::from_bytes(&bytes[..end]), Err(NotASid), "{end} bytes");
        }
        let mut sixteen = [0; 8 + 16 * 4];
        sixteen[..2].copy_from_slice(&[1, 16]);
        assert_eq!(Sid::from_bytes(&sixteen), Err(NotASid));
        let high = [1, 0, 0x12, 0, 0, 0, 0, 1];
        assert_eq!(Sid::from_bytes(&high).expect("one").to_string(), "S-1-0x120000000001");
    }
}
