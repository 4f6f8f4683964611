//! Text between quotes as Go writes it (`%q`), on one line and harmless to a terminal.

use std::fmt::Write as _;

/// `text` in double quotes; what can't be seen is escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    text.chars().for_each(|character| push(&mut quoted, character));
    quoted.push('"');
    quoted
}

fn push(quoted: &mut String, character: char) {
    let short = match character {
        '"' | '\\' => Some(character),
        '\x07' => Some('a'),
        '\x08' => Some('b'),
        '\x0c' => Some('f'),
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        '\x0b' => Some('v'),
        _ => None,
    };
    let code = u32::from(character);
    let _ = match short {
        Some(short) => write!(quoted, "\\{short}"),
        None if is_seen(character) => write!(quoted, "{character}"),
        None if code < 0x80 => write!(quoted, "\\x{code:02x}"),
        None if code < 0x1_0000 => write!(quoted, "\\u{code:04x}"),
        None => write!(quoted, "\\U{code:08x}"),
    };
}

/// What Rust would print as it is, Go does, too. A character that joins the one before it is asked about behind one, because
/// Rust escapes it where it stands alone.
fn is_seen(character: char) -> bool {
    let text: String = ['a', character].iter().collect();
    character == '\'' || text.escape_debug().eq(text.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, expected) in [
            ("", r#""""#),
            ("prod/db", r#""prod/db""#),
            ("it's", r#""it's""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            ("\0\x01\x1b\x7f", r#""\x00\x01\x1b\x7f""#),
            ("\u{80}\u{a0}\u{ad}", r#""\u0080\u00a0\u00ad""#),
            ("äö☺日本🔑", r#""äö☺日本🔑""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{200b}\u{202e}\u{2028}\u{feff}", r#""\u200b\u202e\u2028\ufeff""#),
            ("\u{3000}", r#""\u3000""#),
            ("\u{fffd}", "\"\u{fffd}\""),
            ("\u{e000}\u{e0001}\u{10ffff}", r#""\ue000\U000e0001\U0010ffff""#),
        ] {
            assert_eq!(quoted(text), expected, "{text:?}");
        }
    }
}
