//! A systemd `EnvironmentFile=` (systemd.exec(5)): `NAME="value"`.
//!
//! Between double quotes systemd takes every byte for itself, line breaks too, except that a
//! backslash goes before `"`, `\`, `` ` `` and `$`. It takes no value that is not UTF-8.

use secretary_secret::Secret;

use super::{Refused, text};

/// Appends the assignment.
pub(super) fn print(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    if text(value)?.chars().any(is_noncharacter) {
        return Err(Refused(
            "its value has a Unicode noncharacter, for which systemd leaves the variable out",
        ));
    }
    for part in [name, b"=\""] {
        out.extend(part);
    }
    for &byte in value {
        if b"\"\\`$".contains(&byte) {
            out.extend(b"\\");
        }
        out.extend(&[byte]);
    }
    out.extend(b"\"\n");
    Ok(())
}

/// Code points that stand for no character (Unicode, section 23.7). systemd takes them for bad UTF-8.
fn is_noncharacter(character: char) -> bool {
    let code = character as u32;
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_characters_are_escaped_and_line_breaks_stay() {
        let mut out = Secret::default();
        print(b"X", b"it's \"$x\" \\n `a`\nb", &mut out).expect("text");
        assert!(print(b"X", "\u{ffff}".as_bytes(), &mut out).is_err());
        assert_eq!(out.expose(), b"X=\"it's \\\"\\$x\\\" \\\\n \\`a\\`\nb\"\n");
    }
}
