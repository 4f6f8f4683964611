//! fish: `set -gx NAME 'value'`, one statement a line, for `secretary decrypt -e --format fish | source`.

use secretary_secret::Secret;

use super::Refused;

/// Appends the statement. Between single quotes fish knows `\'` and `\\`; any other byte is written
/// outside of them as `\Xhh`.
pub(super) fn print(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    for part in [b"set -gx ", name, b" '"] {
        out.extend(part);
    }
    let is_text = str::from_utf8(value).is_ok();
    for &byte in value {
        match byte {
            b'\'' | b'\\' => out.extend(&[b'\\', byte]),
            byte if byte.is_ascii_control() || (!is_text && !byte.is_ascii()) => {
                let digit = |n: u8| b"0123456789abcdef"[usize::from(n)];
                out.extend(&[b'\'', b'\\', b'X', digit(byte >> 4), digit(byte & 15), b'\'']);
            }
            byte => out.extend(&[byte]),
        }
    }
    out.extend(b"'\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_other_bytes_are_escaped() {
        let mut out = Secret::default();
        print(b"X", b"it's \\ $x\n\xff", &mut out).expect("any bytes");
        assert_eq!(out.expose(), b"set -gx X 'it\\'s \\\\ $x'\\X0a''\\Xff''\n");
    }
}
