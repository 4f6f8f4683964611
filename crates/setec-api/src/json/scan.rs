//! The grammar of JSON: where the first value of a text ends.

use super::Malformed;

/// What Go allows to be open at a time.
const MAX_DEPTH: usize = 10_000;

/// Splits `text` behind its first value. There may be white space before the value, and anything at all behind it.
///
/// It does not call itself, so that nesting takes no stack.
pub(super) fn split(text: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut scanner = Scanner { text, at: 0, inmost: None, outer: Vec::new() };
    scanner.first_value()?;
    let (value, rest) = text.split_at(scanner.at);
    Ok((value.trim_ascii_start(), rest))
}

/// White space, of which JSON has less than ASCII.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What is open around a value.
#[derive(Clone, Copy)]
enum Open {
    Object,
    Array,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    inmost: Option<Open>,
    /// What is open around that. An object without others in it needs no memory.
    outer: Vec<Open>,
}

impl Scanner<'_> {
    fn first_value(&mut self) -> Result<(), Malformed> {
        loop {
            let has_ended = match self.token()? {
                b'{' => self.opened(Open::Object)?,
                b'[' => self.opened(Open::Array)?,
                b'"' => self.string()?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                first @ (b'-' | b'0'..=b'9') => self.number(first)?,
                _ => return Err(Malformed),
            };
            if has_ended && self.all_ended()? {
                return Ok(());
            }
        }
    }

    /// Whether the value that has begun has ended already, which an empty one has.
    fn opened(&mut self, open: Open) -> Result<bool, Malformed> {
        if self.inmost.is_some() && self.outer.len() + 1 == MAX_DEPTH {
            return Err(Malformed);
        }
        let end = match open {
            Open::Object => b'}',
            Open::Array => b']',
        };
        if self.peek()? == end {
            self.at += 1;
            return Ok(true);
        }
        self.outer.extend(self.inmost.replace(open));
        if matches!(open, Open::Object) {
            self.key()?;
        }
        Ok(false)
    }

    /// Closes what ends behind a value, and answers whether that was everything. Otherwise a value follows.
    fn all_ended(&mut self) -> Result<bool, Malformed> {
        while let Some(open) = self.inmost {
            match (open, self.token()?) {
                (Open::Object, b',') => return self.key().map(|()| false),
                (Open::Array, b',') => return Ok(false),
                (Open::Object, b'}') | (Open::Array, b']') => self.inmost = self.outer.pop(),
                _ => return Err(Malformed),
            };
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<(), Malformed> {
        if self.token()? != b'"' {
            return Err(Malformed);
        }
        self.string()?;
        if self.token()? == b':' { Ok(()) } else { Err(Malformed) }
    }

    /// What follows the quotation mark at the beginning of a string.
    fn string(&mut self) -> Result<bool, Malformed> {
        loop {
            let rest = &self.text[self.at..];
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            self.at += rest.iter().position(special).ok_or(Malformed)? + 1;
            match self.text[self.at - 1] {
                b'"' => return Ok(true),
                b'\\' => self.escape()?,
                _ => return Err(Malformed),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4).ok_or(Malformed)?;
                self.at += 4;
                if digits.iter().all(u8::is_ascii_hexdigit) { Ok(()) } else { Err(Malformed) }
            }
            _ => Err(Malformed),
        }
    }

    fn word(&mut self, rest: &[u8]) -> Result<bool, Malformed> {
        if !self.text[self.at..].starts_with(rest) {
            return Err(Malformed);
        }
        self.at += rest.len();
        Ok(true)
    }

    /// What follows the first character of a number. That nothing else follows the number is for others to see.
    fn number(&mut self, first: u8) -> Result<bool, Malformed> {
        let first = if first == b'-' { self.next()? } else { first };
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return Err(Malformed),
        }
        if self.skip_one(b".") {
            self.digits()?;
        }
        if self.skip_one(b"eE") {
            self.skip_one(b"+-");
            self.digits()?;
        }
        Ok(true)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        if !self.next()?.is_ascii_digit() {
            return Err(Malformed);
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while self.skip_one(b"0123456789") {}
    }

    fn skip_one(&mut self, of: &[u8]) -> bool {
        let is_there = self.text.get(self.at).is_some_and(|byte| of.contains(byte));
        self.at += usize::from(is_there);
        is_there
    }

    /// The next byte that is no white space, which is passed over.
    fn token(&mut self) -> Result<u8, Malformed> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn peek(&mut self) -> Result<u8, Malformed> {
        while self.skip_one(b" \t\r\n") {}
        self.text.get(self.at).copied().ok_or(Malformed)
    }

    fn next(&mut self) -> Result<u8, Malformed> {
        let next = self.text.get(self.at).copied().ok_or(Malformed);
        self.at += 1;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(text: &str) -> Result<&str, Malformed> {
        let (value, rest) = split(text.as_bytes())?;
        assert_eq!([value, rest].concat(), text.trim_start().as_bytes());
        Ok(str::from_utf8(rest).expect("cut between characters"))
    }

    #[test]
    fn a_value_ends_where_it_is_complete() {
        for (text, expected) in [
            ("0", ""),
            (" -1.5e+3 ", " "),
            ("01", "1"),
            ("1.0E-0x", "x"),
            ("nullx", "x"),
            ("true,", ","),
            ("false", ""),
            ("[ ] ]", " ]"),
            ("{}{", "{"),
            ("\t\r\n{ \"a\" : [ 1 , { \"b\" : \"}\" } ] } x", " x"),
            (r#""\"\\\/\b\f\n\r\t\u00e9" """#, r#" """#),
        ] {
            assert_eq!(rest(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        for text in [
            "",
            " ",
            "-",
            "+1",
            ".5",
            "1.",
            "1.x",
            "1e",
            "1e+",
            "tru",
            "nul",
            "NaN",
            "'a'",
            "\u{feff}1",
            "\u{b}1",
            "\"",
            "\"a",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "\"\0\"",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1}",
            "]",
            "{",
            "{1:2}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":1,}",
            "{\"a\":1]",
            "{\"a\":1 \"b\":2}",
            "{,}",
            "{'a':1}",
            "{\"a\":01}",
            "{\"a\" 1}",
            "}",
            ",",
            ":",
        ] {
            assert_eq!(rest(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn only_so_much_may_be_open() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(rest(&nested(MAX_DEPTH)), Ok(""));
        assert_eq!(rest(&nested(MAX_DEPTH + 1)), Err(Malformed));
        let empty = |depth| ["[".repeat(depth), "{}".to_string(), "]".repeat(depth)].concat();
        assert_eq!(rest(&empty(MAX_DEPTH - 1)), Ok(""));
        assert_eq!(rest(&empty(MAX_DEPTH)), Err(Malformed));
    }
}
