//! PowerShell: `$env:NAME = 'value'`, one statement a line, for
//! `secretary decrypt -e --format powershell | Out-String | Invoke-Expression`.
//!
//! A line break would end the statement there, so control characters are joined on as `[char]`
//! (about_Quoting_Rules). PowerShell before 7.5 takes an empty value for "remove the variable".

use secretary_secret::Secret;

use super::{Refused, text};

/// Appends the statement.
pub(super) fn print(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    let value = text(value)?;
    for part in [b"$env:", name, b" = '"] {
        out.extend(part);
    }
    for character in value.chars() {
        match character {
            // Typographic quotation marks close a quotation as well.
            '\'' | '\u{2018}'..='\u{201b}' => {
                let mut bytes = [0; 4];
                let quote = character.encode_utf8(&mut bytes).as_bytes();
                out.extend(quote);
                out.extend(quote);
            }
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                out.extend(format!("' + [char]{} + '", character as u32).as_bytes());
            }
            _ => out.extend(character.encode_utf8(&mut [0; 4]).as_bytes()),
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
        print(b"X", "it's $x `n \u{2019}\n".as_bytes(), &mut out).expect("text");
        assert_eq!(
            out.expose(),
            "$env:X = 'it''s $x `n \u{2019}\u{2019}' + [char]10 + ''\n".as_bytes()
        );
        assert!(print(b"X", b"\xff", &mut out).is_err());
    }
}
