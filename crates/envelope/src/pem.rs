//! Keys as text: what Go's `encoding/pem` accepts, because that is what existing key files were
//! accepted by. It is more than RFC 7468 allows: any type, header lines, text around the block.
//!
//! The scan is linear: the position of the next `-----END ` only ever moves forward.

use memchr::memmem;
use secretary_secret::Secret;
use zeroize::Zeroizing;

use crate::base64;
use crate::key::KeyError;

const BEGIN: &[u8] = b"\n-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const DASHES: &[u8] = b"-----";

/// The 32 bytes in `text`, on the heap so that no copies of a private key stay behind: a PEM block, or the base64 alone.
pub(crate) fn decode(text: &[u8]) -> Result<Secret, KeyError> {
    let text = trim(text);
    if text.starts_with(b"-----BEGIN") {
        return first_block(text);
    }
    // The Go program makes a block of what is none. A text with a real block further down then has
    // two BEGIN lines, and the first one fails for want of its own END line.
    let mut wrapped = Zeroizing::new(Vec::with_capacity(text.len() + 48));
    wrapped.extend_from_slice(b"-----BEGIN KEY-----\n");
    wrapped.extend_from_slice(text);
    wrapped.extend_from_slice(b"\n-----END KEY-----");
    first_block(&wrapped)
}

/// The text of a key file: `-----BEGIN {label}-----`, one line of base64, `-----END {label}-----`.
pub(crate) fn encode(label: &str, key: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(128));
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    base64::encode(key, &mut text);
    for part in ["\n-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// The first block that parses decides, even when it does not hold 32 bytes.
fn first_block(text: &[u8]) -> Result<Secret, KeyError> {
    let mut rest = text;
    let mut next_end = None;
    loop {
        let label_line = if rest.starts_with(&BEGIN[1..]) {
            &rest[BEGIN.len() - 1..]
        } else {
            let begin = memmem::find(rest, BEGIN).ok_or(KeyError::NoKey)?;
            &rest[begin + BEGIN.len()..]
        };
        let (line, after) = split_line(label_line);
        rest = after;
        let Some(label) = line.strip_suffix(DASHES) else { continue };

        let (headers, body) = skip_headers(after);
        if body.is_empty() {
            return Err(KeyError::NoKey);
        }
        rest = body;
        let Some(encoded) = body_of_block(text, body, label, headers, &mut next_end) else {
            continue;
        };
        if let Some(key) = decode_body(encoded) {
            return key;
        }
    }
}

/// Leaves out `Name: value` lines and says how many there were.
fn skip_headers(mut rest: &[u8]) -> (usize, &[u8]) {
    let mut count = 0;
    while !rest.is_empty() {
        let (line, after) = split_line(rest);
        if !line.contains(&b':') {
            break;
        }
        count += 1;
        rest = after;
    }
    (count, rest)
}

/// The base64 up to the END line, if that line is well formed and of the same label.
///
/// `next_end` remembers where in `text` the END line after `body` was found; the largest number
/// stands for nowhere.
fn body_of_block<'a>(
    text: &'a [u8],
    body: &'a [u8],
    label: &[u8],
    headers: usize,
    next_end: &mut Option<usize>,
) -> Option<&'a [u8]> {
    let (encoded, trailer) = if headers == 0 && body.starts_with(&END[1..]) {
        (&body[..0], &body[END.len() - 1..])
    } else {
        let start = text.len() - body.len();
        if next_end.is_none_or(|end| end < start) {
            *next_end = Some(memmem::find(body, END).map_or(usize::MAX, |end| start + end));
        }
        let end = next_end.filter(|&end| end != usize::MAX)?;
        (&text[start..end], &text[end + END.len()..])
    };
    let after = trailer.strip_prefix(label)?.strip_prefix(DASHES)?;
    split_line(after).0.is_empty().then_some(encoded)
}

/// `None` when `text` is no base64 at all, so that the search goes on.
fn decode_body(text: &[u8]) -> Option<Result<Secret, KeyError>> {
    // Another BEGIN line in it is the common case of a broken text: the copy below is spared, and
    // with it the work of copying the same bytes once for every such line.
    if memchr::memchr(b'-', text).is_some() {
        return None;
    }
    let mut compact = Zeroizing::new(Vec::with_capacity(text.len()));
    compact.extend(text.iter().filter(|byte| !b" \t\r\n".contains(byte)));
    let mut bytes = Secret::default();
    bytes.resize(base64::decoded_bound(compact.len()));
    let len = base64::decode(&compact, bytes.expose_mut())?;
    bytes.resize(len);
    Some(if len == 32 { Ok(bytes) } else { Err(KeyError::Length(len)) })
}

/// The line without its line feed, carriage return and trailing blanks, and what follows it.
fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match memchr::memchr(b'\n', text) {
        Some(end) => (text[..end].strip_suffix(b"\r").unwrap_or(&text[..end]), &text[end + 1..]),
        None => (text, &text[text.len()..]),
    };
    let blanks = line.iter().rev().take_while(|&&b| b == b' ' || b == b'\t').count();
    (&line[..line.len() - blanks], rest)
}

/// Without the Unicode white space at both ends; bytes that are no UTF-8 stop it, as they do in Go.
fn trim(mut text: &[u8]) -> &[u8] {
    while let Some(chunk) = text.get(..text.len().min(4)).and_then(|head| head.utf8_chunks().next())
    {
        match chunk.valid().chars().next() {
            Some(first) if first.is_whitespace() => text = &text[first.len_utf8()..],
            _ => break,
        }
    }
    while let Some(last) = last_char(text).filter(|last| last.is_whitespace()) {
        text = &text[..text.len() - last.len_utf8()];
    }
    text
}

fn last_char(text: &[u8]) -> Option<char> {
    (1..=text.len().min(4)).find_map(|len| {
        let tail = str::from_utf8(&text[text.len() - len..]).ok()?;
        tail.chars().next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

    #[test]
    fn reads_what_it_writes() {
        let key: [u8; 32] = std::array::from_fn(|n| n as u8 + 1);
        let text = encode("NACL PUBLIC KEY", &key);
        assert_eq!(
            *text,
            format!("-----BEGIN NACL PUBLIC KEY-----\n{KEY}\n-----END NACL PUBLIC KEY-----\n")
        );
        assert_eq!(decode(text.as_bytes()).expect("a key").expose(), key);
        assert_eq!(decode(KEY.as_bytes()).expect("a key").expose(), key);
    }

    #[test]
    fn a_first_block_of_the_wrong_length_is_an_error_even_before_a_good_one() {
        let text = format!(
            "-----BEGIN A-----\nAAAA\n-----END A-----\n-----BEGIN A-----\n{KEY}\n-----END A-----\n"
        );
        assert_eq!(decode(text.as_bytes()), Err(KeyError::Length(3)));
    }

    #[test]
    fn an_empty_text_is_a_key_of_no_bytes() {
        assert_eq!(decode(b""), Err(KeyError::Length(0)));
        assert_eq!(decode(" \n\t\u{2003}".as_bytes()), Err(KeyError::Length(0)));
    }

    #[test]
    fn many_broken_blocks_are_searched_in_linear_time() {
        // Quadratic work on a mebibyte would take minutes, and the test with it.
        for unit in [
            "-----BEGIN A-----\n",
            "-----BEGIN \n",
            "-----BEGIN A-----\nA: b\n",
            "-----BEGIN A-----\nAAAA\n",
        ] {
            let text = unit.repeat((1 << 20) / unit.len());
            assert_eq!(decode(text.as_bytes()), Err(KeyError::NoKey));
            for end in ["\n-----END B-----\n", "\n-----END A-----\n"] {
                let text = format!("{text}{end}");
                assert!(decode(text.as_bytes()).is_err());
            }
        }
    }
}
