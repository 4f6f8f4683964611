//! Reading variables from a file: what a `.env` file and a systemd `EnvironmentFile=` have in common.
//!
//! ```text
//! # a comment, also with ;
//! NAME=value             to the end of the line, without the blanks around it
//! export NAME='value'    every byte as it is, line breaks too
//! NAME="value"           \" \\ \$ \` \n \r \t are escapes
//! ```
//!
//! Nothing is ever substituted: `$HOME` in a value is five characters. A line that the two kinds of file
//! read differently is refused, because a password that is read wrongly is found out much later than
//! one that is not read at all. The exceptions are the escapes between double quotes: `\n`, `\r` and `\t`
//! are those of dotenv, where systemd keeps the backslash; the others are those of systemd, where some
//! dotenv readers keep it. And a `#` within a word is a `#`, where Node's dotenv sees a comment.

use std::ffi::OsString;
use std::path::Path;

use secretary_secret::Secret;

use crate::environ::Environ;
use crate::failure::{Code, Failure};
use crate::input;
use crate::world::World;

/// Largest file that is read, in bytes.
pub const MAX_FILE: usize = 16 << 20;

/// What is wrong with a line, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// The line an assignment starts on.
    pub line: usize,
    /// What it is, without the line's text.
    pub why: &'static str,
}

/// Reads the file at `path`, or standard input for `-`.
///
/// # Errors
///
/// When it can't be read, is larger than [`MAX_FILE`] or has a line that [`parse`] refuses.
pub fn load(path: &Path, world: &World) -> Result<Environ, Failure> {
    let input = input::read(path, MAX_FILE, world)?;
    parse(input.bytes()).map_err(|bad| {
        let message = format!("{}:{}: {}", input::name_of(path), bad.line, bad.why);
        Failure::new(Code::Configuration, message)
            .hint("a line is NAME=value, NAME='value', NAME=\"value\" or a comment")
    })
}

/// Reads all assignments; of a name that comes twice the last one counts, as in both kinds of file.
///
/// # Errors
///
/// For the first line that is no assignment, or that can be read in two ways.
pub fn parse(text: &[u8]) -> Result<Environ, Bad> {
    // Windows programs start a file with a byte order mark, which is no part of the first name.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if let Some(at) = memchr(0, text) {
        let line = text[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        return Err(Bad { line, why: "it has a NUL byte, which no variable can hold" });
    }
    let mut reader = Reader { rest: text, line: 1 };
    let mut variables = Vec::new();
    while let Some(variable) = reader.next()? {
        variables.push(variable);
    }
    variables.reverse();
    let mut last_of_each: Vec<_> = Environ::first_of_each(variables)
        .iter()
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    last_of_each.reverse();
    Ok(Environ::first_of_each(last_of_each))
}

struct Reader<'a> {
    rest: &'a [u8],
    line: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Option<(OsString, OsString)>, Bad> {
        loop {
            self.skip(|byte| byte.is_ascii_whitespace());
            match self.rest.first() {
                None => return Ok(None),
                Some(b'#' | b';') => self.comment()?,
                Some(_) => return self.assignment().map(Some),
            }
        }
    }

    fn comment(&mut self) -> Result<(), Bad> {
        let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        if self.rest[..end].trim_ascii_end().ends_with(b"\\") {
            let why = "its comment ends in a backslash, after which systemd takes the next line for comment too";
            return Err(Bad { line: self.line, why });
        }
        self.skip_to(end);
        Ok(())
    }

    fn assignment(&mut self) -> Result<(OsString, OsString), Bad> {
        let bad = |why| Bad { line: self.line, why };
        let end = self
            .rest
            .iter()
            .position(|byte| b"=\n".contains(byte))
            .filter(|&end| self.rest[end] == b'=');
        let end = end.ok_or_else(|| bad("it is no NAME=value"))?;
        let name = self.rest[..end].trim_ascii();
        let name = match name.strip_prefix(b"export") {
            Some(after) if after.first().is_some_and(u8::is_ascii_whitespace) => after.trim_ascii(),
            _ => name,
        };
        if name.is_empty()
            || name.iter().any(|byte| byte.is_ascii_whitespace() || b"'\"#".contains(byte))
        {
            return Err(bad("what is before the = is no name"));
        }
        let name = os_string(name).ok_or_else(|| bad("its name is not UTF-8"))?;
        self.rest = &self.rest[end + 1..];
        self.skip(|byte| byte == b' ' || byte == b'\t');
        let line = self.line;
        let value = match self.rest.first() {
            Some(b'\'') => self.single_quoted()?,
            Some(b'"') => self.double_quoted()?,
            _ => self.unquoted()?,
        };
        let value = os_string(value.expose()).ok_or(Bad { line, why: "its value is not UTF-8" })?;
        Ok((name, value))
    }

    fn unquoted(&mut self) -> Result<Secret, Bad> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').unwrap_or(self.rest.len());
        let value = self.rest[..end].trim_ascii();
        let bad = |why| Err(Bad { line: self.line, why });
        if opens_a_token(value) {
            return bad(
                "a token starts here and does not end on this line; put it in quotes, or encrypt it without --wrap",
            );
        }
        let comment = value
            .iter()
            .enumerate()
            .any(|(at, byte)| *byte == b'#' && (at == 0 || value[at - 1].is_ascii_whitespace()));
        if comment || value.iter().any(|byte| b"\\'\"`\r".contains(byte)) {
            return bad(
                "it has a quote, a backslash, a carriage return or the start of a comment in a value without quotes, which dotenv and systemd read differently; put the value in quotes",
            );
        }
        let value = Secret::from(value);
        self.rest = &self.rest[end..];
        Ok(value)
    }

    fn single_quoted(&mut self) -> Result<Secret, Bad> {
        let value = &self.rest[1..];
        let end = memchr(b'\'', value)
            .ok_or(Bad { line: self.line, why: "its single quote is not closed" })?;
        let secret = Secret::from(&value[..end]);
        if value[..end].ends_with(b"\\") || value[..end].windows(2).any(|two| two == b"\\\\") {
            let why = "it has \\\\, or a \\ at the end, in single quotes, which dotenv and systemd read differently; use double quotes and twice as many";
            return Err(Bad { line: self.line, why });
        }
        self.skip_to(end + 2);
        self.end_of_line()?;
        Ok(secret)
    }

    fn double_quoted(&mut self) -> Result<Secret, Bad> {
        let mut value = Secret::with_capacity(memchr(b'\n', self.rest).unwrap_or(self.rest.len()));
        let mut at = 1;
        loop {
            match self.rest.get(at..) {
                None | Some([]) => {
                    return Err(Bad { line: self.line, why: "its double quote is not closed" });
                }
                Some([b'"', ..]) => break,
                Some([b'\\', escaped, ..]) => {
                    value.extend(match escaped {
                        b'n' => b"\n",
                        b'r' => b"\r",
                        b't' => b"\t",
                        b'"' | b'\\' | b'$' | b'`' => std::slice::from_ref(escaped),
                        _ => {
                            let why = "it has a backslash in double quotes before a character that is no escape; use single quotes";
                            return Err(Bad { line: self.line, why });
                        }
                    });
                    at += 2;
                }
                Some([byte, ..]) => {
                    value.extend(&[*byte]);
                    at += 1;
                }
            }
        }
        self.skip_to(at + 1);
        self.end_of_line()?;
        Ok(value)
    }

    /// After a closing quote only blanks and a comment may follow.
    fn end_of_line(&mut self) -> Result<(), Bad> {
        self.skip(|byte| b" \t\r".contains(&byte));
        match self.rest.first() {
            None | Some(b'\n' | b'#') => {
                self.skip(|byte| byte != b'\n');
                Ok(())
            }
            Some(_) => Err(Bad { line: self.line, why: "it goes on after the closing quote" }),
        }
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) {
        let end = self.rest.iter().position(|&byte| !skipped(byte)).unwrap_or(self.rest.len());
        self.skip_to(end);
    }

    fn skip_to(&mut self, end: usize) {
        self.line += self.rest[..end].iter().filter(|&&byte| byte == b'\n').count();
        self.rest = &self.rest[end..];
    }
}

/// Whether a token begins in `value` and does not end in it.
fn opens_a_token(value: &[u8]) -> bool {
    let last = value.windows(4).rposition(|window| window == b"ENC[");
    last.is_some_and(|at| !value[at..].contains(&b']'))
}

fn memchr(byte: u8, text: &[u8]) -> Option<usize> {
    text.iter().position(|&other| other == byte)
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()))
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Option<OsString> {
    str::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Bad> {
        let owned = |text: &std::ffi::OsStr| text.to_str().expect("text").to_string();
        Ok(parse(text.as_bytes())?.iter().map(|(n, v)| (owned(n), owned(v))).collect())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn reads_both_kinds_of_file() {
        let text = "# c\n; c\n\n A = b c \nexport B='x\n\"y\" \\n $Z'\r\nC=\"\\\"\\\\\\$\\n\" # c\nD=\nE=a-b";
        let expected = [
            pair("A", "b c"),
            pair("B", "x\n\"y\" \\n $Z"),
            pair("C", "\"\\$\n"),
            pair("D", ""),
            pair("E", "a-b"),
        ];
        assert_eq!(read(text), Ok(expected.to_vec()));
    }

    #[test]
    fn the_last_of_two_assignments_counts() {
        assert_eq!(read("A=1\nB=2\nA=3"), Ok(vec![pair("B", "2"), pair("A", "3")]));
    }

    #[test]
    fn lines_that_can_be_read_in_two_ways_are_refused_with_their_number() {
        for line in [
            "x",
            "=x",
            "A B=c",
            "A=a # b",
            "A=#b",
            "A=a\\b",
            "A=`a`",
            "A=a\rB=b",
            "A=ENC[NACL,AAAA",
            "A='a\\'",
            "A='a\\\\b'",
            "# c\\",
            "A=it's",
            "A='x",
            "A=\"x",
            "A=\"\\q\"",
            "A='x'y",
            "A\0B=c",
            "A=b\0",
            "A=\"",
            "A=\"\\",
        ] {
            let text = format!("OK='1\n2'\n{line}");
            assert_eq!(read(&text).map_err(|bad| bad.line), Err(3), "{line}");
        }
    }
}
