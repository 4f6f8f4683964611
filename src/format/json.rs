//! One JSON object, names in their order.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secretary_secret::Secret;
use zeroize::Zeroizing;

use super::{Refused, Variable, text};
use crate::failure::Failure;

/// Appends the object and a newline. With `base64` every value is base64, so that any bytes fit.
pub(super) fn print(
    variables: &[Variable<'_>],
    base64: bool,
    out: &mut Secret,
) -> Result<(), Failure> {
    out.extend(b"{");
    for (number, (name, value)) in variables.iter().enumerate() {
        let word = name
            .to_str()
            .ok_or_else(|| Refused("its name is not UTF-8, which JSON needs").of(name))?;
        out.extend(if number > 0 { b"," } else { b"" });
        string(word, out);
        out.extend(b":");
        if base64 {
            string(&Zeroizing::new(STANDARD.encode(value.expose())), out);
        } else {
            let value = text(value.expose()).map_err(|_| {
                Refused("its value is not UTF-8; --base64 prints any bytes").of(name)
            })?;
            string(value, out);
        }
    }
    out.extend(b"}\n");
    Ok(())
}

fn string(text: &str, out: &mut Secret) {
    // Written straight into the wiped buffer, whose `Write` does not fail.
    serde_json::to_writer(out, text).expect("a string is always JSON");
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn keeps_the_order_and_escapes() {
        let variables = [
            (OsStr::new("B"), Secret::from(b"x\"\n\0".as_slice())),
            (OsStr::new("A"), Secret::from("é".as_bytes())),
        ];
        let mut out = Secret::default();
        print(&variables, false, &mut out).expect("text");
        assert_eq!(out.expose(), "{\"B\":\"x\\\"\\n\\u0000\",\"A\":\"é\"}\n".as_bytes());
    }

    #[test]
    fn any_bytes_fit_as_base64() {
        let variables = [(OsStr::new("A"), Secret::from(b"\xff".as_slice()))];
        assert!(print(&variables, false, &mut Secret::default()).is_err());
        let mut out = Secret::default();
        print(&variables, true, &mut out).expect("any bytes");
        assert_eq!(out.expose(), b"{\"A\":\"/w==\"}\n");
    }
}
