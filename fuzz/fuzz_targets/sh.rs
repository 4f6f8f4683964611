//! What is printed for a POSIX shell gives the exact value, under `eval "$(..)"` and `eval $(..)`.
//!
//! The shell here is a model that knows the statements we print and nothing else, so any other is a
//! finding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use secretary::format::sh::statement;
use secretary_secret::Secret;

fuzz_target!(|value: &[u8]| {
    // No variable can hold a NUL byte; it is refused before a statement is made.
    if value.contains(&0) {
        return;
    }
    let mut printed = Secret::default();
    statement(b"NAME", value, &mut printed);
    let printed = printed.expose();
    survives_without_quotes(printed);
    assert_eq!(evaluate(printed), value);
});

/// Unquoted, the shell cuts the text into words, replaces those that are patterns, and joins what
/// it has with single blanks.
fn survives_without_quotes(printed: &[u8]) {
    assert!(!printed.iter().any(|byte| b"*?[\n\t".contains(byte)));
    let words = printed.split(|byte| b" \t\n".contains(byte)).filter(|word| !word.is_empty());
    assert_eq!(words.collect::<Vec<_>>().join(b" ".as_slice()), printed);
}

fn evaluate(printed: &[u8]) -> Vec<u8> {
    let mut rest = Rest(printed);
    if rest.take_if(b"export NAME=") {
        let value = rest.single_quoted();
        rest.end();
        return value.to_vec();
    }
    let mut value = None;
    while !rest.take_if(b"export NAME") {
        rest.take(b"NAME=\"");
        value = Some(rest.double_quoted(value));
        rest.take(b"\";");
    }
    rest.end();
    value.expect("assigned to before it is exported")
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take_if(&mut self, expected: &[u8]) -> bool {
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take(&mut self, expected: &[u8]) {
        assert!(self.take_if(expected), "{:?}", String::from_utf8_lossy(self.0));
    }

    fn end(&self) {
        assert!(self.0.is_empty(), "{:?}", String::from_utf8_lossy(self.0));
    }

    /// `$(printf '..')`, also with `$NAME` behind it, or `${NAME%_}`.
    fn double_quoted(&mut self, old: Option<Vec<u8>>) -> Vec<u8> {
        if self.take_if(b"${NAME%_}") {
            let mut value = String::from_utf8(old.expect("assigned to")).expect(BASH_READS_BEYOND);
            // The shell would leave a value without the `_` as it is, and hide that it was lost.
            assert_eq!(value.pop(), Some('_'));
            return value.into_bytes();
        }
        self.take(b"$(printf ");
        let mut value = printf(self.single_quoted());
        self.take(b")");
        while value.last() == Some(&b'\n') {
            value.pop();
        }
        if self.take_if(b"$NAME") {
            value.extend(old.expect("assigned to"));
        }
        value
    }

    /// Every byte up to the next quote means itself.
    fn single_quoted(&mut self) -> &'a [u8] {
        self.take(b"'");
        let end = self.0.iter().position(|&byte| byte == b'\'').expect("a closing quote");
        let (value, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        value
    }
}

const BASH_READS_BEYOND: &str = "bash 5.2 reads beyond bytes that are no UTF-8 here";

/// POSIX lets a format have `\` and one to three octal digits. Shells disagree on some of the other
/// escapes, and a `%` would ask for an argument, so neither may stand there.
fn printf(format: &[u8]) -> Vec<u8> {
    assert!(!format.starts_with(b"-"), "an option, to some shells");
    let mut value = Vec::new();
    let mut rest = format.iter();
    while let Some(&byte) = rest.next() {
        assert_ne!(byte, b'%');
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let octal = (0..3).fold(0, |number, _| {
            let digit = *rest.next().expect("three digits");
            assert!((b'0'..=b'7').contains(&digit));
            number * 8 + u32::from(digit - b'0')
        });
        value.push(u8::try_from(octal).expect("a byte"));
    }
    value
}
