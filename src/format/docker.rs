//! The file of `docker run --env-file`: `NAME=value` to the end of the line, no quoting at all.

use secretary_secret::Secret;

use super::{Refused, text};

/// Docker reads no longer line than this, in bytes.
const MAX_LINE: usize = 64 * 1024 - 1;

/// Appends the assignment, if a line can hold the value.
pub(super) fn print(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    text(value)?;
    if value.iter().any(|byte| b"\r\n".contains(byte)) {
        return Err(Refused("its value has a line break, which a Docker env-file can't express"));
    }
    if name.len() + 1 + value.len() > MAX_LINE {
        return Err(Refused("its value is longer than the 64 KiB line Docker reads"));
    }
    for part in [name, b"=", value, b"\n"] {
        out.extend(part);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_as_it_is_or_refused() {
        let mut out = Secret::default();
        print(b"X", b" it's \"$x\" # \\n ", &mut out).expect("one line");
        assert_eq!(out.expose(), b"X= it's \"$x\" # \\n \n");
        for value in [b"a\nb".as_slice(), b"a\r", b"\xff", &[b'x'; 65536]] {
            assert!(print(b"X", value, &mut out).is_err());
        }
    }
}
