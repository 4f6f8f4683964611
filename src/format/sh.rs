//! POSIX shell: `export NAME='value'`.
//!
//! The statement must survive `eval $(secretary decrypt -e)` without quotes, which is what existing
//! entrypoints say: there the shell cuts the text at white space, replaces words that look like
//! patterns by the names of matching files, and joins what it has with single blanks before it is
//! evaluated. So no such character may stand in the text itself, not even inside quotes. A value
//! that has one is written with `printf` and octal escapes:
//!
//! ```sh
//! NAME="$(printf 'it\047s\012_')";export NAME="${NAME%_}"
//! ```
//!
//! The `_` keeps `$(..)` from dropping line feeds at the end. A shell without `printf` fails at the
//! first of the two statements, which ends a script under `set -e`.

use secretary_secret::Secret;

use super::Variable;

/// Appends a statement for each of `variables`, whose names are shell identifiers.
///
/// There is a `;` between two, and none after the last: a single plain value gives the very bytes the
/// Go program gave.
pub(super) fn print(variables: &[Variable<'_>], out: &mut Secret) {
    for (number, (name, value)) in variables.iter().enumerate() {
        if number > 0 {
            out.extend(b";\n");
        }
        statement(name.as_encoded_bytes(), value.expose(), out);
    }
    if !variables.is_empty() {
        out.extend(b"\n");
    }
}

/// Appends the statement that exports `value`, which has no NUL byte, as `name`.
pub fn statement(name: &[u8], value: &[u8], out: &mut Secret) {
    if is_plain(value) {
        for part in [b"export ", name, b"='", value, b"'"] {
            out.extend(part);
        }
        return;
    }
    for part in [name, b"=\"$(printf '"] {
        out.extend(part);
    }
    for &byte in value {
        match byte {
            byte if byte.is_ascii_alphanumeric() || b"_-./:=@+,".contains(&byte) => {
                out.extend(&[byte])
            }
            byte => {
                out.extend(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)])
            }
        }
    }
    for part in [b"_')\";export ", name, b"=\"${", name, b"%_}\""] {
        out.extend(part);
    }
}

/// Whether `value` means itself between single quotes in every shell, both under `eval "$(..)"` and
/// under `eval $(..)`.
fn is_plain(value: &[u8]) -> bool {
    let no_special = value.iter().all(|&byte| match byte {
        b'\'' | b'\\' => false,
        // File name patterns, also those of bash's extglob and zsh's globsubst.
        b'*' | b'?' | b'[' | b'(' | b')' | b'|' | b'<' | b'>' | b'^' | b'~' | b'#' => false,
        byte => !byte.is_ascii_control(),
    });
    // A single blank is put back as it was; of several one would be left.
    no_special && !value.windows(2).any(|two| two == b"  ") && str::from_utf8(value).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: &[u8]) -> String {
        let mut out = Secret::default();
        statement(b"X", value, &mut out);
        String::from_utf8(out.expose().to_vec()).expect("text")
    }

    #[test]
    fn plain_values_stand_in_single_quotes() {
        for value in
            ["", "secret", "pässwörd-密码", "correct horse", "$HOME `id` \"q\" !x;&", "a=b%20c{}"]
        {
            assert_eq!(printed(value.as_bytes()), format!("export X='{value}'"));
        }
    }

    #[test]
    fn other_values_are_written_in_octal() {
        assert_eq!(printed(b"it's\n"), "X=\"$(printf 'it\\047s\\012_')\";export X=\"${X%_}\"");
        assert_eq!(printed(b"\xff%"), "X=\"$(printf '\\377\\045_')\";export X=\"${X%_}\"");
    }

    #[test]
    fn nothing_printed_can_be_cut_or_taken_for_a_pattern() {
        for byte in 1..=255 {
            for value in [vec![byte], vec![byte; 2], vec![b'a', byte, b'b']] {
                let text = printed(&value);
                let harmful = text.contains(['\n', '\t', '*', '?', '[']) || text.contains("  ");
                assert!(!harmful, "{text}");
            }
        }
    }
}
