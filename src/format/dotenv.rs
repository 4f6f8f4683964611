//! A `.env` file.
//!
//! There is no one grammar. Every value printed here is read back the same by python-dotenv, by the
//! dotenv package of Node.js and by our own `--env-file`; a value they disagree on is refused.

use secretary_secret::Secret;

use super::{Refused, text};

/// Appends the assignment.
pub(super) fn print(name: &[u8], value: &[u8], out: &mut Secret) -> Result<(), Refused> {
    let value = text(value)?;
    // python-dotenv puts other variables in here, whatever the quotes.
    if value.contains("${") {
        return Err(Refused("its value has ${, which some dotenv readers replace"));
    }
    let quote = if fits_single_quotes(value) {
        b"'"
    } else if fits_double_quotes(value) {
        b"\""
    } else {
        return Err(Refused("its value has characters that dotenv readers disagree on"));
    };
    for part in [name, b"=", quote] {
        out.extend(part);
    }
    for byte in value.bytes() {
        match byte {
            b'\r' => out.extend(b"\\r"),
            byte => out.extend(&[byte]),
        }
    }
    out.extend(quote);
    out.extend(b"\n");
    Ok(())
}

/// No quote that ends it, no backslash that some take for an escape, no carriage return, which Node
/// drops.
fn fits_single_quotes(value: &str) -> bool {
    !value.contains(['\'', '\r']) && !value.contains("\\\\") && !value.ends_with('\\')
}

/// Carriage returns can be escaped here, but hardly anything else agrees.
fn fits_double_quotes(value: &str) -> bool {
    !value.contains(['"', '\\', '$', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: &str) -> Option<String> {
        let mut out = Secret::default();
        print(b"X", value.as_bytes(), &mut out).ok()?;
        Some(String::from_utf8(out.expose().to_vec()).expect("text"))
    }

    #[test]
    fn quotes_are_chosen_by_what_is_in_the_value() {
        assert_eq!(printed("a b\n$c \"d\" # \\n").as_deref(), Some("X='a b\n$c \"d\" # \\n'\n"));
        assert_eq!(printed("it's\r\n").as_deref(), Some("X=\"it's\\r\n\"\n"));
    }

    #[test]
    fn what_readers_disagree_on_is_refused() {
        for value in ["${A}", "it's $5", "it's \"", "a\\\\b", "a\\"] {
            assert_eq!(printed(value), None, "{value}");
        }
    }
}
