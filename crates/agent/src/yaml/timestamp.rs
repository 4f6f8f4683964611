//! Which texts are timestamps. They stay texts, but yaml.v2 writes them in quotes.

/// Whether yaml.v2 takes a plain scalar for a timestamp. Its four forms, as Go writes them:
///
/// ```text
/// 2006-1-2T15:4:5.999999999Z07:00
/// 2006-1-2t15:4:5.999999999Z07:00
/// 2006-1-2 15:4:5.999999999
/// 2006-1-2
/// ```
pub(super) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if year != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let year = bytes[..4].iter().fold(0, |year, digit| year * 10 + u32::from(digit - b'0'));
    let mut rest = &bytes[5..];
    let date = date(year, &mut rest);
    date.is_some() && (rest.is_empty() || time(rest).is_some())
}

fn date(year: u32, rest: &mut &[u8]) -> Option<()> {
    let month = number(rest)?;
    literal(rest, b'-')?;
    let day = number(rest)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(())
}

fn time(mut rest: &[u8]) -> Option<()> {
    let (separator, after) = rest.split_first()?;
    rest = after;
    let zoned = match separator {
        b'T' | b't' => true,
        b' ' => {
            rest = &rest[rest.iter().take_while(|byte| **byte == b' ').count()..];
            false
        }
        _ => return None,
    };
    number(&mut rest).filter(|hour| *hour < 24)?;
    literal(&mut rest, b':')?;
    number(&mut rest).filter(|minute| *minute < 60)?;
    literal(&mut rest, b':')?;
    number(&mut rest).filter(|second| *second < 60)?;
    if let [b'.' | b',', b'0'..=b'9', ..] = rest {
        rest = &rest[1..];
        rest = &rest[rest.iter().take_while(|byte| byte.is_ascii_digit()).count()..];
    }
    match (zoned, rest) {
        (true, b"Z") | (false, b"") => Some(()),
        (true, zone) => offset(zone),
        (false, _) => None,
    }
}

/// `+07:00`. Go lets an offset have 24 hours and 60 minutes, since some people write them.
fn offset(zone: &[u8]) -> Option<()> {
    let [b'+' | b'-', hours @ .., b':', tens, ones] = zone else { return None };
    let pair = |digits: &[u8]| match digits {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        _ => None,
    };
    (pair(hours)? <= 24 && pair(&[*tens, *ones])? <= 60).then_some(())
}

/// One digit or two.
fn number(rest: &mut &[u8]) -> Option<u32> {
    let count = rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, after) = rest.split_at(count);
    *rest = after;
    digits.iter().map(|digit| u32::from(digit - b'0')).reduce(|number, digit| number * 10 + digit)
}

fn literal(rest: &mut &[u8], byte: u8) -> Option<()> {
    *rest = rest.strip_prefix(&[byte])?;
    Some(())
}
