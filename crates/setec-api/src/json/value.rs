//! A value whose grammar was checked, and what can be made of it.

use secretary_go_json::{plain, unescaped};
use secretary_secret::Secret;

use super::{Malformed, scan};

/// The text of one value, without white space around it. Only the scanner makes one.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a>(&'a [u8]);

impl<'a> Value<'a> {
    /// The first value of `text`, whatever is behind it: as Go's `Decoder` reads it.
    pub(crate) fn first(text: &'a [u8]) -> Result<Self, Malformed> {
        Ok(Self(scan::split(text)?.0))
    }

    /// The one value of `text`: as Go's `Unmarshal` reads it.
    pub(crate) fn whole(text: &'a [u8]) -> Result<Self, Malformed> {
        let (value, rest) = scan::split(text)?;
        if rest.iter().all(|&byte| scan::is_space(byte)) { Ok(Self(value)) } else { Err(Malformed) }
    }

    pub(crate) fn is_null(self) -> bool {
        self.0 == b"null"
    }

    /// Of a string what it stands for.
    pub(crate) fn text(self) -> Option<Secret> {
        self.raw_text().map(unescaped)
    }

    /// Of a string in which each byte stands for itself, those bytes: most are so, and need not be copied.
    pub(crate) fn plain_text(self) -> Option<&'a str> {
        self.raw_text().and_then(plain)
    }

    /// What is between the quotation marks of a string.
    fn raw_text(self) -> Option<&'a [u8]> {
        self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// A whole number without a sign, a fraction or an exponent.
    pub(crate) fn number(self) -> Result<u32, Malformed> {
        let digits = str::from_utf8(self.0).ok().filter(|text| !text.starts_with(['-', '+']));
        digits.and_then(|digits| digits.parse().ok()).ok_or(Malformed)
    }

    /// Hands each member of an object to `each`, with its name. `null` is an object without members.
    pub(crate) fn members(
        self,
        mut each: impl FnMut(Name<'a>, Value<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.is_null() {
            return Ok(());
        }
        let mut rest = self.inner(b'{', b'}')?;
        while let Some((name, behind)) = next(rest)? {
            let (value, behind) = next(behind)?.ok_or(Malformed)?;
            each(Name(name.raw_text().ok_or(Malformed)?), value)?;
            rest = behind;
        }
        Ok(())
    }

    /// Hands each item of an array to `each`.
    pub(crate) fn items(
        self,
        mut each: impl FnMut(Value<'a>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut rest = self.inner(b'[', b']')?;
        while let Some((item, behind)) = next(rest)? {
            each(item)?;
            rest = behind;
        }
        Ok(())
    }

    /// What is between the brackets.
    fn inner(self, first: u8, last: u8) -> Result<&'a [u8], Malformed> {
        let inner = self.0.strip_prefix(&[first]).and_then(|inner| inner.strip_suffix(&[last]));
        inner.ok_or(Malformed)
    }

    /// Takes the string over, or nothing for `null`.
    pub(crate) fn set_text(self, field: &mut String) -> Result<(), Malformed> {
        if let Some(plain) = self.plain_text() {
            *field = plain.to_string();
        } else if !self.is_null() {
            let text = self.text().ok_or(Malformed)?;
            *field = String::from_utf8_lossy(text.expose()).into_owned();
        }
        Ok(())
    }

    /// Takes the strings of an array over, and none for `null`. An item that is `null` is left as it was, and a new one
    /// empty.
    pub(crate) fn set_texts(self, field: &mut Vec<String>) -> Result<(), Malformed> {
        let mut count = 0;
        if !self.is_null() {
            self.items(|item| {
                if count == field.len() {
                    field.push(String::new());
                }
                count += 1;
                item.set_text(&mut field[count - 1])
            })?;
        }
        field.truncate(count);
        Ok(())
    }

    /// Takes the number over, or nothing for `null`.
    pub(crate) fn set_number(self, field: &mut u32) -> Result<(), Malformed> {
        if !self.is_null() {
            *field = self.number()?;
        }
        Ok(())
    }

    /// Takes `true` or `false` over, or nothing for `null`.
    pub(crate) fn set_flag(self, field: &mut bool) -> Result<(), Malformed> {
        match self.0 {
            b"null" => {}
            b"true" => *field = true,
            b"false" => *field = false,
            _ => return Err(Malformed),
        }
        Ok(())
    }
}

/// The next value behind the comma, colon and white space that `rest` begins with, which were checked before.
fn next(rest: &[u8]) -> Result<Option<(Value<'_>, &[u8])>, Malformed> {
    let between = |byte: &u8| scan::is_space(*byte) || matches!(byte, b',' | b':');
    let Some(start) = rest.iter().position(|byte| !between(byte)) else { return Ok(None) };
    let (value, behind) = scan::split(&rest[start..])?;
    Ok(Some((Value(value), behind)))
}

/// The name of a member, as it stands between its quotation marks.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a>(&'a [u8]);

impl Name<'_> {
    /// Whether it is that of `field`, in any case. Go folds case as Unicode does, where two letters that are not ASCII
    /// belong to one that is.
    pub(crate) fn is(self, field: &str) -> bool {
        // What is escaped, or no ASCII, is longer than the letter that it stands for.
        match self.0.len() > field.len() {
            true => !self.is_plain_ascii() && self.is_when_unescaped(field),
            false => self.0.eq_ignore_ascii_case(field.as_bytes()),
        }
    }

    fn is_plain_ascii(self) -> bool {
        self.0.iter().all(|byte| byte.is_ascii() && *byte != b'\\')
    }

    fn is_when_unescaped(self, field: &str) -> bool {
        let name = unescaped(self.0);
        let Ok(name) = str::from_utf8(name.expose()) else { return false };
        let folded = name.chars().map(|letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        });
        folded.eq(field.chars().map(|letter| letter.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name<'_> {
        Name(text.as_bytes())
    }

    #[test]
    fn names_match_as_unicode_folds_them() {
        for text in
            ["Versions", "VERSIONS", "versions", "Ver\u{17f}ion\u{17f}", r"\u0056ersion\u017f"]
        {
            assert!(name(text).is("Versions"), "{text}");
        }
        assert!(name("\u{212a}ey").is("Key"));
        for text in
            ["Version", "Versions ", "V\u{e9}rsions", "", "\u{fffd}ersions", r"\u0057ersions"]
        {
            assert!(!name(text).is("Versions"), "{text}");
        }
    }

    #[test]
    fn numbers_are_whole_and_not_too_large() {
        let number = |text: &str| Value::whole(text.as_bytes())?.number();
        assert_eq!((number("0"), number("4294967295")), (Ok(0), Ok(u32::MAX)));
        for text in ["-1", "-0", "4294967296", "1.0", "1e0", "\"1\"", "01", "null", "[1]", "99e99"]
        {
            assert_eq!(number(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn members_and_items_come_in_their_order() {
        let mut seen = Vec::new();
        let value = Value::whole(br#" { "a" : [ 1 , [2,3] , {} ] , "b":"x" ,"a":null} "#);
        let read = value.and_then(|value| {
            value.members(|name, value| {
                seen.push((name.is("a"), value.is_null()));
                let mut count = 0;
                let read = value.items(|_| {
                    count += 1;
                    Ok(())
                });
                assert_eq!((read.is_ok(), count == 3), (seen.len() == 1, seen.len() == 1));
                Ok(())
            })
        });
        assert_eq!(read, Ok(()));
        assert_eq!(seen, [(true, false), (false, false), (true, true)]);
    }
}
