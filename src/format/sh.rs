//! POSIX shell: `export NAME='value'`.
//!
//! The statement must survive `eval $(secretary decrypt -e)` without quotes, which is what existing
//! entrypoints say: there the shell cuts the text at white space, replaces words that look like
//! patterns by the names of matching files, and joins what it has with single blanks before it is
//! evaluated. So no such character may stand in the text itself, not even inside quotes. A value
//! that has one is written with `printf` and octal escapes:
//!
//! ```sh
//! NAME="$(printf 'it\047s')";export NAME
//! NAME="$(printf '\012_')";NAME="${NAME%_}";NAME="$(printf 'line')$NAME";export NAME
//! ```
//!
//! The second is for a value that ends in line feeds, which `$(..)` drops: they are made first, with
//! a character after them. That character is not put after the value itself, because bash 5.2 reads
//! beyond the string when it takes one off bytes that are no UTF-8.
//!
//! Assigning and exporting are two statements so that a shell without `printf` fails at the first,
//! which ends a script under `set -e`.

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
    let end = value.iter().rposition(|&byte| byte != b'\n').map_or(0, |last| last + 1);
    let (body, newlines) = value.split_at(end);
    if !newlines.is_empty() {
        assign(name, newlines, b"_", b"", out);
        for part in [b";", name, b"=\"${", name, b"%_}\";"] {
            out.extend(part);
        }
    }
    let rest = if newlines.is_empty() { [b"".as_slice(), b""] } else { [b"$", name] };
    assign(name, body, b"", &rest.concat(), out);
    for part in [b";export ", name] {
        out.extend(part);
    }
}

/// `NAME="$(printf 'value..end')rest"`
fn assign(name: &[u8], value: &[u8], end: &[u8], rest: &[u8], out: &mut Secret) {
    for part in [name, b"=\"$(printf '"] {
        out.extend(part);
    }
    for &byte in value {
        match byte {
            // A format that starts with `-` would be taken for an option, so that is not among these.
            byte if byte.is_ascii_alphanumeric() || b"_./:=@+,".contains(&byte) => {
                out.extend(&[byte])
            }
            byte => {
                out.extend(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)])
            }
        }
    }
    for part in [end, b"')", rest, b"\""] {
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
    // And zsh's globsubst takes a word that starts with `=` for the path of a program.
    no_special
        && !value.windows(2).any(|two| two == b"  " || two == b" =")
        && str::from_utf8(value).is_ok()
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
        assert_eq!(printed(b"it's"), "X=\"$(printf 'it\\047s')\";export X");
        assert_eq!(printed(b"-n\t"), "X=\"$(printf '\\055n\\011')\";export X");
        assert_eq!(printed(b"\xff%"), "X=\"$(printf '\\377\\045')\";export X");
    }

    #[test]
    fn line_feeds_at_the_end_are_made_first() {
        assert_eq!(
            printed(b"a\nb\n\n"),
            "X=\"$(printf '\\012\\012_')\";X=\"${X%_}\";X=\"$(printf 'a\\012b')$X\";export X"
        );
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
