//! The grammar of JSON with the errors of Go's scanner, byte by byte as it works.

/// What Go allows to be open at a time.
const MAX_DEPTH: usize = 10_000;

/// Checks that `text` is one JSON value and nothing else.
///
/// # Errors
///
/// Go's text for the first byte that can't stand where it is.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    let mut scanner = Scanner { state: State::Value, open: Vec::new() };
    for &byte in text {
        scanner.step(byte)?;
    }
    if scanner.state == State::End {
        return Ok(());
    }
    // At the end Go looks what a blank would do: it ends a number, and nothing else.
    scanner.step(b' ')?;
    match scanner.state {
        State::End => Ok(()),
        _ => Err("unexpected end of JSON input".to_string()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Key,
    Member,
    Item,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    /// Behind a value: what may come depends on what is open.
    Behind,
    String,
    Escape,
    /// Hexadecimal digits that are missing.
    Hex(u8),
    Minus,
    Zero,
    Digits,
    Dot,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    /// A word, and how many of its letters there were.
    Word(&'static str, usize),
    End,
}

struct Scanner {
    state: State,
    open: Vec<Open>,
}

impl Scanner {
    fn step(&mut self, byte: u8) -> Result<(), String> {
        let is_blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.state = match self.state {
            State::Value | State::ValueOrEnd | State::Key | State::KeyOrEnd | State::End
                if is_blank =>
            {
                return Ok(());
            }
            State::Value => self.value(byte)?,
            State::ValueOrEnd if byte == b']' => self.close(),
            State::ValueOrEnd => self.value(byte)?,
            State::KeyOrEnd if byte == b'}' => self.close(),
            State::Key | State::KeyOrEnd if byte == b'"' => State::String,
            State::Key | State::KeyOrEnd => {
                return wrong(byte, "looking for beginning of object key string");
            }
            State::Behind => return self.behind(byte, is_blank),
            State::String => match byte {
                b'"' => self.value_ended(),
                b'\\' => State::Escape,
                0..0x20 => return wrong(byte, "in string literal"),
                _ => State::String,
            },
            State::Escape => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::String,
                b'u' => State::Hex(4),
                _ => return wrong(byte, "in string escape code"),
            },
            State::Hex(left) if byte.is_ascii_hexdigit() => match left {
                1 => State::String,
                _ => State::Hex(left - 1),
            },
            State::Hex(_) => return wrong(byte, "in \\u hexadecimal character escape"),
            State::Word(word, done) if word.as_bytes()[done] == byte => match done + 1 {
                all if all == word.len() => self.value_ended(),
                more => State::Word(word, more),
            },
            State::Word(word, done) => {
                let expected = char::from(word.as_bytes()[done]);
                return wrong(byte, &format!("in literal {word} (expecting '{expected}')"));
            }
            State::End => return wrong(byte, "after top-level value"),
            number => match number_goes_on(number, byte)? {
                Some(state) => state,
                // The byte behind a number belongs to what is around it.
                None => {
                    self.state = self.value_ended();
                    return self.step(byte);
                }
            },
        };
        Ok(())
    }

    fn value(&mut self, byte: u8) -> Result<State, String> {
        Ok(match byte {
            b'{' => self.opened(byte, Open::Key, State::KeyOrEnd)?,
            b'[' => self.opened(byte, Open::Item, State::ValueOrEnd)?,
            b'"' => State::String,
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Digits,
            b't' => State::Word("true", 1),
            b'f' => State::Word("false", 1),
            b'n' => State::Word("null", 1),
            _ => return wrong(byte, "looking for beginning of value"),
        })
    }

    fn opened(&mut self, byte: u8, open: Open, state: State) -> Result<State, String> {
        self.open.push(open);
        if self.open.len() > MAX_DEPTH { wrong(byte, "exceeded max depth") } else { Ok(state) }
    }

    fn close(&mut self) -> State {
        self.open.pop();
        self.value_ended()
    }

    fn value_ended(&self) -> State {
        if self.open.is_empty() { State::End } else { State::Behind }
    }

    fn behind(&mut self, byte: u8, is_blank: bool) -> Result<(), String> {
        if is_blank {
            return Ok(());
        }
        let last = self.open.last_mut().expect("something is open behind a value");
        self.state = match (*last, byte) {
            (Open::Key, b':') => {
                *last = Open::Member;
                State::Value
            }
            (Open::Member, b',') => {
                *last = Open::Key;
                State::Key
            }
            (Open::Item, b',') => State::Value,
            (Open::Member, b'}') | (Open::Item, b']') => self.close(),
            (Open::Key, _) => return wrong(byte, "after object key"),
            (Open::Member, _) => return wrong(byte, "after object key:value pair"),
            (Open::Item, _) => return wrong(byte, "after array element"),
        };
        Ok(())
    }
}

/// The next state inside of a number, or nothing when it has ended before `byte`.
fn number_goes_on(state: State, byte: u8) -> Result<Option<State>, String> {
    Ok(match (state, byte) {
        (State::Minus, b'0') => Some(State::Zero),
        (State::Minus, b'1'..=b'9') => Some(State::Digits),
        (State::Minus, _) => return wrong(byte, "in numeric literal"),
        (State::Digits, b'0'..=b'9') => Some(State::Digits),
        (State::Zero | State::Digits, b'.') => Some(State::Dot),
        (State::Zero | State::Digits | State::Fraction, b'e' | b'E') => Some(State::Exponent),
        (State::Dot | State::Fraction, b'0'..=b'9') => Some(State::Fraction),
        (State::Dot, _) => return wrong(byte, "after decimal point in numeric literal"),
        (State::Exponent, b'+' | b'-') => Some(State::ExponentSign),
        (State::Exponent | State::ExponentSign | State::ExponentDigits, b'0'..=b'9') => {
            Some(State::ExponentDigits)
        }
        (State::Exponent | State::ExponentSign, _) => {
            return wrong(byte, "in exponent of numeric literal");
        }
        _ => None,
    })
}

fn wrong<T>(byte: u8, place: &str) -> Result<T, String> {
    Err(format!("invalid character {} {place}", quoted(byte)))
}

/// A byte as Go prints it: as the character with that number, whatever the text's encoding is.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_string(),
        b'\\' => "'\\\\'".to_string(),
        0x07 => "'\\a'".to_string(),
        0x08 => "'\\b'".to_string(),
        b'\t' => "'\\t'".to_string(),
        b'\n' => "'\\n'".to_string(),
        0x0b => "'\\v'".to_string(),
        0x0c => "'\\f'".to_string(),
        b'\r' => "'\\r'".to_string(),
        0..0x20 | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..=0xa0 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.26 prints.
    const RECORDED: [(&[u8], &str); 27] = [
        (b"", "unexpected end of JSON input"),
        (b"-", "invalid character ' ' in numeric literal"),
        (b"tr", "invalid character ' ' in literal true (expecting 'u')"),
        (b"{\"a\"", "unexpected end of JSON input"),
        (b"\"\\", "invalid character ' ' in string escape code"),
        (b"\"\x01", "invalid character '\\x01' in string literal"),
        (b"[1,", "unexpected end of JSON input"),
        (b"{1", "invalid character '1' looking for beginning of object key string"),
        (b"nulx", "invalid character 'x' in literal null (expecting 'l')"),
        (b"01", "invalid character '1' after top-level value"),
        (b"1.", "invalid character ' ' after decimal point in numeric literal"),
        (b"1e", "invalid character ' ' in exponent of numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"{\"a\" 1}", "invalid character '1' after object key"),
        (b"{\"a\":1 1}", "invalid character '1' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"\"\\uZ", "invalid character 'Z' in \\u hexadecimal character escape"),
        (b"\xff", "invalid character '\u{ff}' looking for beginning of value"),
        ("\u{a0}".as_bytes(), "invalid character '\u{c2}' looking for beginning of value"),
        (b"'", "invalid character '\\'' looking for beginning of value"),
        (b"\"\\u12", "invalid character ' ' in \\u hexadecimal character escape"),
        (b"{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
        (b"\x00", "invalid character '\\x00' looking for beginning of value"),
        (b"\x7f", "invalid character '\\x7f' looking for beginning of value"),
        (b"\xad", "invalid character '\\u00ad' looking for beginning of value"),
        (b"{\"a\":tru\n", "invalid character '\\n' in literal true (expecting 'e')"),
        (b"]", "invalid character ']' looking for beginning of value"),
    ];

    #[test]
    fn errors_are_gos() {
        for (text, expected) in RECORDED {
            assert_eq!(check(text), Err(expected.to_string()), "{}", text.escape_ascii());
        }
    }

    #[test]
    fn whole_values_pass() {
        for text in ["0", "-1.5e+3", " [ ] ", "{}", "[1,{\"a\":[true,false,null]}]", "\"\\u00e9\""]
        {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn only_so_much_may_be_open() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(check(nested(MAX_DEPTH).as_bytes()), Ok(()));
        let expected = "invalid character '[' exceeded max depth".to_string();
        assert_eq!(check(nested(MAX_DEPTH + 1).as_bytes()), Err(expected));
    }
}
