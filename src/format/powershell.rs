//! PowerShell: `$env:NAME = 'value'`, one statement a line, for
//! `secretary decrypt -e --format powershell | Out-String | Invoke-Expression`.
//!
//! A line break would end the statement there, so it is joined on as `[char]` (about_Quoting_Rules). So is
//! all that is not ASCII: PowerShell decodes what it reads by the console's code page, in which a part
//! of a letter may be a typographic quotation mark, and those end a quotation too. PowerShell before
//! 7.5 takes an empty value for "remove the variable".

use std::io::Write;

use secretary_secret::Secret;

use super::{Refused, text};

/// Appends the statement.
pub(super) fn print(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    let value = text(value)?;
    for part in [b"$env:", name, b" = '"] {
        out.extend(part);
    }
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'\'') => out.extend(b"''"),
            Ok(byte @ b' '..=b'~') => out.extend(&[byte]),
            // Straight into the wiped buffer, whose `Write` does not fail.
            _ => write!(out, "' + [char]{unit} + '").expect("memory takes any bytes"),
        }
    }
    out.extend(b"'\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotation_marks_are_doubled_and_line_breaks_joined_on() {
        let mut out = Secret::default();
        print(b"X", "it's $x `n \u{2019}\n😀".as_bytes(), &mut out).expect("text");
        let expected = "$env:X = 'it''s $x `n ' + [char]8217 + '' + [char]10 + '' + [char]55357 + '' + [char]56832 + ''\n";
        assert_eq!(out.expose(), expected.as_bytes());
        assert!(print(b"X", b"\xff", &mut out).is_err());
    }
}
