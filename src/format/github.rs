//! GitHub Actions: masks for the log, and entries for the file `$GITHUB_ENV`
//! (docs.github.com, "Workflow commands for GitHub Actions").
//!
//! A mask covers one line of log, so a value of several lines needs one for each.

use secretary_secret::Secret;

use super::{Refused, text};

/// Appends `::add-mask::` commands to `masks` and the entry to `out`.
pub(super) fn print(
    name: &[u8],
    value: &[u8],
    masks: &mut Secret,
    out: &mut Secret,
) -> Result<(), Refused> {
    text(value)?;
    if value.last() == Some(&b'\r') {
        return Err(Refused("its value ends in a carriage return, which GitHub would drop"));
    }
    for line in value.split(|byte| b"\r\n".contains(byte)).filter(|line| !line.is_empty()) {
        masks.extend(b"::add-mask::");
        for byte in line {
            match byte {
                // The runner undoes this one escape in a command's data; line breaks can't occur.
                b'%' => masks.extend(b"%25"),
                byte => masks.extend(&[*byte]),
            }
        }
        masks.extend(b"\n");
    }
    let end = delimiter(value);
    for part in [name, b"<<", end.as_bytes(), b"\n", value, b"\n", end.as_bytes(), b"\n"] {
        out.extend(part);
    }
    Ok(())
}

/// A word that is no line of the value. There are more numbers than lines, so it is soon found.
fn delimiter(value: &[u8]) -> String {
    (0..)
        .map(|number: usize| format!("SECRETARY_END_{number}"))
        .find(|word| {
            !value.split(|byte| b"\r\n".contains(byte)).any(|line| line == word.as_bytes())
        })
        .expect("a value has fewer lines than there are numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_masked_and_the_entry_ends_where_it_should() {
        let (mut masks, mut out) = (Secret::default(), Secret::default());
        print(b"X", b"one 100%\n\nSECRETARY_END_0\r\ntwo", &mut masks, &mut out).expect("text");
        assert_eq!(
            masks.expose(),
            b"::add-mask::one 100%25\n::add-mask::SECRETARY_END_0\n::add-mask::two\n"
        );
        assert_eq!(
            out.expose(),
            b"X<<SECRETARY_END_1\none 100%\n\nSECRETARY_END_0\r\ntwo\nSECRETARY_END_1\n"
        );
    }
}
