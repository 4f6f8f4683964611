//! Numbers as Go's `strconv` reads and writes them.

/// Whether each `_` is between two digits, where Go allows it.
pub(super) fn separates_digits(text: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    let marks = (0..bytes.len()).filter(|index| bytes[*index] == b'_');
    marks.into_iter().all(|index| {
        digit(index.checked_sub(1).and_then(|index| bytes.get(index)))
            && digit(bytes.get(index + 1))
    })
}

/// A whole number, signed if it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Signed(i64),
    Unsigned(u64),
}

/// What Go makes of digits with a sign and a prefix: `0x`, `0o`, `0b`, and `0` alone for octal.
pub(super) fn parse_whole(text: &str) -> Option<Whole> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    if let Some(binary) = digits.strip_prefix("0b").filter(|_| !signed)
        && binary.starts_with(['+', '-'])
    {
        // yaml.v2 reads what is behind `0b` once more, a sign included.
        return i64::from_str_radix(binary, 2).ok().map(Whole::Signed);
    }
    let magnitude = parse_magnitude(digits)?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(number)) => Some(Whole::Signed(number)),
        (true, _) => 0_i64.checked_sub_unsigned(magnitude).map(Whole::Signed),
        (false, Err(_)) => Some(Whole::Unsigned(magnitude)).filter(|_| !signed),
    }
}

fn parse_magnitude(text: &str) -> Option<u64> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &text[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &text[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &text[2..]),
        [b'0'] => return Some(0),
        [b'0', ..] => (8, &text[1..]),
        _ => (10, text),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// A number in decimal, with an optional fraction and exponent, unless it is too large.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(unsigned);
    let mut rest = &unsigned[whole..];
    if let Some(after) = rest.strip_prefix(b".") {
        let fraction = digits(after);
        if whole + fraction == 0 {
            return None;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return None;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = after.strip_prefix(b"+").or(after.strip_prefix(b"-")).unwrap_or(after);
        let exponent = digits(after);
        if exponent == 0 {
            return None;
        }
        rest = &after[exponent..];
    }
    let number = text.parse::<f64>().ok().filter(|_| rest.is_empty())?;
    number.is_finite().then_some(number)
}

/// The shortest text for a number, as Go's `%g`, with YAML's names for what has no digits.
pub(super) fn format_float(number: f64) -> String {
    if number.is_nan() {
        return ".nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').expect("this format has an exponent");
    let exponent: i32 = exponent.parse().expect("it is a number");
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}
