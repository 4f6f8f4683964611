//! One line: its bytes, its hash, and reading it back. No file, and no clock.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::entry::are_members;
use crate::time::{self, is_rfc3339, rfc3339_bytes};

/// The most bytes a line has, with its line feed.
pub const MAX_LINE: usize = 64 * 1024;

/// The longest word for an event.
pub(super) const MAX_EVENT: usize = 32;

/// What all of a line but the caller's members has at the most.
const MAX_FRAME: usize =
    r#"{"seq":,"prev":"","time":"","event":"","#.len() + 20 + 64 + time::LEN + MAX_EVENT + TAIL + 1;

/// The most bytes that the caller's members have, as JSON and without the braces.
pub const MAX_MEMBERS: usize = MAX_LINE - MAX_FRAME;

/// The first line of a file.
pub(super) const OPENED: &str = "opened";
/// A process goes on with a file.
pub(super) const STARTED: &str = "started";
/// A process has ended as it should.
pub(super) const STOPPED: &str = "stopped";

/// What comes behind the bytes that are hashed: `,"hash":"<64>"}`.
const TAIL: usize = HASH.len() + 64 + END.len();
const HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";

/// SHA-256 of a line.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineHash([u8; 32]);

impl LineHash {
    /// Before the first line.
    pub const NONE: Self = Self([0; 32]);

    fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// 64 hexadecimal digits in lower case.
    fn digits(self) -> [u8; 64] {
        let mut digits = [0; 64];
        let (pairs, _) = digits.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(self.0) {
            *pair = [digit(byte >> 4), digit(byte & 15)];
        }
        digits
    }

    fn parse(digits: &[u8]) -> Option<Self> {
        let mut hash = [0; 32];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Self(hash))
    }
}

/// Computed and not looked up, so that the processor makes many at once.
fn digit(nibble: u8) -> u8 {
    nibble + if nibble < 10 { b'0' } else { b'a' - 10 }
}

/// Upper case is another text, and in a line it is a change.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for LineHash {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).expect("digits are ASCII"))
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LineHash({self})")
    }
}

/// A text that is no hash of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes 64 hexadecimal digits, in lower case")]
pub struct NoHash;

impl FromStr for LineHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        Self::parse(text.as_bytes()).ok_or(NoHash)
    }
}

/// Where a chain has got to: its last line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    /// Its number.
    pub seq: u64,
    /// Its hash.
    pub hash: LineHash,
}

impl Head {
    /// A chain without a line.
    pub const START: Self = Self { seq: 0, hash: LineHash::NONE };

    /// Writes the line behind this one to `out`. `rest` is what a [`Draft`](super::entry::Draft) has: the event, and
    /// the caller's members.
    pub(super) fn write_next(self, out: &mut Vec<u8>, time: SystemTime, rest: &[u8]) -> Self {
        let start = out.len();
        let seq = self.seq + 1;
        out.reserve(MAX_FRAME + rest.len());
        out.extend(br#"{"seq":"#);
        out.extend(itoa::Buffer::new().format(seq).as_bytes());
        out.extend(br#","prev":""#);
        out.extend(&self.hash.digits());
        out.extend(br#"","time":""#);
        out.extend(&rfc3339_bytes(time));
        out.extend(br#"","#);
        out.extend(rest);
        let hash = LineHash::of(&out[start..]);
        out.extend(HASH);
        out.extend(&hash.digits());
        out.extend(END);
        out.push(b'\n');
        Self { seq, hash }
    }
}

/// What is wrong with a line, or with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// Longer than [`MAX_LINE`].
    #[error("it is longer than a line of an audit log can be")]
    TooLong,
    /// Without a line feed.
    #[error("it has no end, so it is being written, or a crash or a cut has left it so")]
    Torn,
    /// Of another form.
    #[error("it is no line of an audit log")]
    NotALine,
    /// Another hash than the one it has.
    #[error("it was changed: its bytes have another hash than it says")]
    Changed,
    /// Another number than the one to come.
    #[error(
        "number {expected} is to come here and this is number {found}: lines were removed, added or moved"
    )]
    Order {
        /// The number that is to come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// Another line was before it.
    #[error("the line before it was replaced by another one")]
    Replaced,
    /// The first line of a file is another one than `opened`.
    #[error("it is the first of its file and does not open it: lines before it were removed")]
    Start,
    /// A chain begins behind another one.
    #[error(
        "a new chain begins here, so nothing shows what was between this file and the one before"
    )]
    NewChain,
    /// No line at all.
    #[error("the file is empty, and the first line of every log says that it was opened")]
    Empty,
    /// The chain has no such line.
    #[error(
        "this is the last line and none has the expected hash: lines behind it were removed, or all were replaced"
    )]
    Head,
}

/// A line as it was read, unchanged since it was written if its chain holds.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) head: Head,
    pub(super) prev: LineHash,
    pub(super) event: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads a line, without its line feed.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, Wrong> {
        let (content, tail) =
            line.len().checked_sub(TAIL).map(|end| line.split_at(end)).ok_or(Wrong::NotALine)?;
        let digits = tail.strip_prefix(HASH).and_then(|tail| tail.strip_suffix(END));
        let hash = digits.and_then(LineHash::parse).ok_or(Wrong::NotALine)?;
        // Before anything is made of its content, so that a change is called a change.
        if LineHash::of(content) != hash {
            return Err(Wrong::Changed);
        }
        let parsed = Self::parse_content(content, hash).ok_or(Wrong::NotALine)?;
        match are_members(line) {
            true => Ok(parsed),
            false => Err(Wrong::NotALine),
        }
    }

    /// Strict to the byte: another JSON text of the same meaning is not what was written.
    fn parse_content(content: &'a [u8], hash: LineHash) -> Option<Self> {
        let rest = content.strip_prefix(br#"{"seq":"#)?;
        let (seq, rest) = split(rest, rest.iter().take_while(|b| b.is_ascii_digit()).count())?;
        let number = str::from_utf8(seq).ok()?.parse().ok()?;
        // A zero before it would be no JSON.
        if number == 0 {
            return None;
        }
        let (prev, rest) = split(rest.strip_prefix(br#","prev":""#)?, 64)?;
        let (time, rest) = split(rest.strip_prefix(br#"","time":""#)?, 27)?;
        let rest = rest.strip_prefix(br#"","event":""#)?;
        let (event, rest) = split(rest, rest.iter().position(|&byte| byte == b'"')?)?;
        let is_end = rest == b"\"" || rest.starts_with(b"\",");
        if !is_end || !is_rfc3339(time) || !is_event(event) || !content.is_ascii() {
            return None;
        }
        Some(Self { head: Head { seq: number, hash }, prev: LineHash::parse(prev)?, event })
    }
}

fn split(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(at)
}

/// Whether `word` can be an event's.
pub(super) fn is_event(word: &[u8]) -> bool {
    (1..=MAX_EVENT).contains(&word.len())
        && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn rest(event: &str, members: &str) -> Vec<u8> {
        let comma = if members.is_empty() { "" } else { "," };
        format!(r#""event":"{event}"{comma}{members}"#).into_bytes()
    }

    fn line(members: &str) -> (Head, Vec<u8>) {
        let mut line = Vec::new();
        let time = UNIX_EPOCH + Duration::from_micros(1_772_366_400_123_456);
        let head = Head::START.write_next(&mut line, time, &rest("decrypt", members));
        assert_eq!(line.pop(), Some(b'\n'));
        (head, line)
    }

    /// The hash is what `sha256sum` prints.
    #[test]
    fn has_the_bytes_that_are_documented() {
        let (head, line) = line(r#""app":"/web""#);
        let zeros = "0".repeat(64);
        let expected = format!(
            r#"{{"seq":1,"prev":"{zeros}","time":"2026-03-01T12:00:00.123456Z","event":"decrypt","app":"/web","hash":"{}"}}"#,
            head.hash
        );
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        assert_eq!(head.seq, 1);
    }

    #[test]
    fn is_read_back() {
        for members in ["", r#""a":{"hash":"x"},"b":[1,"\u001b"]"#] {
            let (head, line) = line(members);
            let read = Line::parse(&line).unwrap();
            assert_eq!((read.head, read.prev), (head, LineHash::NONE));
            assert_eq!(read.event, b"decrypt");
        }
    }

    #[test]
    fn every_changed_bit_is_found() {
        let (_, line) = line(r#""app":"/web","n":10"#);
        for bit in 0..line.len() * 8 {
            let mut changed = line.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Line::parse(&changed).is_err(), "bit {bit}");
        }
        for end in 0..line.len() {
            assert!(Line::parse(&line[..end]).is_err(), "{end} bytes");
        }
    }

    /// Whoever computes the hashes anew can't hide another meaning in a line either.
    #[test]
    fn a_right_hash_alone_makes_no_line() {
        let (_, good) = line(r#""a":1"#);
        let good = String::from_utf8(good).unwrap();
        let content = good.split(r#","hash""#).next().unwrap();
        let with_hash =
            |content: &str| format!(r#"{content},"hash":"{}"}}"#, LineHash::of(content.as_bytes()));
        assert!(Line::parse(with_hash(content).as_bytes()).is_ok());
        for (old, new) in [
            ("\"seq\":1", "\"seq\":01"),
            ("\"seq\":1", "\"seq\":0"),
            ("\"seq\":1", "\"seq\":1e0"),
            ("\"seq\":1", "\"seq\":18446744073709551616"),
            ("\"seq\":1", "\"seq\": 1"),
            ("\"prev\":\"0", "\"prev\":\"A"),
            ("T12:", " 12:"),
            ("decrypt", ""),
            ("decrypt", "de crypt"),
            ("decrypt\"", "decrypt\" "),
            ("\"a\":1", "\"a\":1,\"a\":2"),
            ("\"a\":1", "\"seq\":1"),
            ("\"a\":1", "\"hash\":1"),
            ("\"a\":1", "\"a\":"),
            ("\"a\":1", "\"a\":1}"),
            ("\"a\":1", "\"a\":\"é\""),
            ("\"a\":1", "\"a\":\"\t\""),
        ] {
            let changed = content.replacen(old, new, 1);
            assert_ne!(changed, content);
            let line = with_hash(&changed);
            assert_eq!(Line::parse(line.as_bytes()).unwrap_err(), Wrong::NotALine, "{line}");
        }
    }

    #[test]
    fn a_hash_has_one_text() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<LineHash>().unwrap().to_string(), text);
        for bad in [&text[1..], &text.to_uppercase(), &format!("{text}0"), "", &"é".repeat(32)] {
            assert_eq!(bad.parse::<LineHash>(), Err(NoHash), "{bad}");
        }
    }

    #[test]
    fn the_longest_members_make_the_longest_line() {
        let members = format!(r#""a":"{}""#, "x".repeat(MAX_MEMBERS - 6));
        let mut line = Vec::new();
        let head = Head { seq: u64::MAX - 1, hash: LineHash::NONE };
        head.write_next(&mut line, UNIX_EPOCH, &rest(&"e".repeat(MAX_EVENT), &members));
        assert_eq!(line.len(), MAX_LINE);
    }
}
