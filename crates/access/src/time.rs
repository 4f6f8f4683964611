//! Points in time as RFC 3339 has them. Twenty lines, and not a crate that knows time zones.

use std::time::{SystemTime, UNIX_EPOCH};

/// The last second of the year 9999; later ones have no such text.
const LAST_SECOND: u64 = 253_402_300_799;

const DAY: u64 = 24 * 60 * 60;

/// How long every text is.
pub(crate) const LEN: usize = 27;

/// `2026-03-01T12:00:00.123456Z`: UTC, always as long. A clock that is off by centuries gives 1970 or 9999.
pub fn rfc3339(time: SystemTime) -> String {
    str::from_utf8(&rfc3339_bytes(time)).expect("all of it is ASCII").to_string()
}

/// The same without memory of its own. Every line of a log has one, so it goes without the formatting of texts.
pub(crate) fn rfc3339_bytes(time: SystemTime) -> [u8; LEN] {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since_1970.as_secs().min(LAST_SECOND);
    let (year, month, day) = date(seconds / DAY);
    let of_day = (seconds % DAY) as u32;
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[..4], year as u32);
    put(&mut text[5..7], month as u32);
    put(&mut text[8..10], day as u32);
    put(&mut text[11..13], of_day / 3600);
    put(&mut text[14..16], of_day / 60 % 60);
    put(&mut text[17..19], of_day % 60);
    put(&mut text[20..26], since_1970.subsec_micros());
    text
}

/// The last digits of `number`.
fn put(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The date that is `days` after 1970-01-01. Years begin in March, so that a leap day is the last of its
/// year, and 400 of them always have as many days.
fn date(days: u64) -> (u64, u64, u64) {
    const FROM_0000_03_01: u64 = 719_468;
    const IN_400_YEARS: u64 = 146_097;
    let days = days + FROM_0000_03_01;
    let day = days % IN_400_YEARS;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = year + days / IN_400_YEARS * 400;
    match month {
        0..10 => (year, month + 3, day),
        _ => (year + 1, month - 9, day),
    }
}

/// Whether `text` looks like one of [`rfc3339`]'s.
pub(crate) fn is_rfc3339(text: &[u8]) -> bool {
    let pattern: &[u8; LEN] = b"0000-00-00T00:00:00.000000Z";
    text.len() == LEN
        && text.iter().zip(pattern).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            _ => byte == like,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> String {
        rfc3339(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// What `date -u -d @.. +%FT%T` prints.
    #[test]
    fn writes_what_date_writes() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (951_868_800, "2000-03-01T00:00:00.000000Z"),
            (1_709_164_800, "2024-02-29T00:00:00.000000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000000Z"),
            (1_767_225_600, "2026-01-01T00:00:00.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
            (LAST_SECOND, "9999-12-31T23:59:59.000000Z"),
            (LAST_SECOND + 1, "9999-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(at(seconds), text);
        }
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), at(0));
        let micros = UNIX_EPOCH + Duration::from_nanos(1_234_999);
        assert_eq!(rfc3339(micros), "1970-01-01T00:00:00.001234Z");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before = (1969, 12, 31);
        for day in 0..146_097 {
            let (year, month, number) = date(day);
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let next = match before {
                (year, 12, 31) => (year + 1, 1, 1),
                (year, 2, 28) if is_leap => (year, 2, 29),
                (year, 2, 28 | 29) => (year, 3, 1),
                (year, month @ (4 | 6 | 9 | 11), 30) => (year, month + 1, 1),
                (year, month, 31) => (year, month + 1, 1),
                (year, month, day) => (year, month, day + 1),
            };
            assert_eq!((year, month, number), next);
            before = next;
        }
    }

    #[test]
    fn knows_its_own_texts() {
        assert!(is_rfc3339(at(1).as_bytes()));
        for text in ["", "2026-03-01T12:00:00Z", "2026-03-01 12:00:00.123456Z"] {
            assert!(!is_rfc3339(text.as_bytes()));
        }
    }
}
