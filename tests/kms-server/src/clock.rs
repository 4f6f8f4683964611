//! Times in the two forms that AWS writes them in, without a time zone other than UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    since.as_secs() as i64
}

/// `20260131T235959Z`, the form in a signed request.
pub(crate) fn basic(seconds: i64) -> String {
    iso(seconds).replace(['-', ':'], "")
}

/// `2026-01-31T23:59:59Z`, the form in answers.
pub(crate) fn iso(seconds: i64) -> String {
    let (year, month, day) = date_of(seconds.div_euclid(86400));
    let second = seconds.rem_euclid(86400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Parses `20260131T235959Z`, and nothing that only resembles it.
pub(crate) fn parse_basic(text: &str) -> Option<i64> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let days = days_of(number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let seconds = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
    let parsed = days * 86400 + seconds;
    // Month 13, a missing letter or a sign would all read back as something else.
    (basic(parsed) == text).then_some(parsed)
}

/// The date that is so many days after 1970-01-01, by counting years that begin in March, so that
/// a leap day is a year's last day.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// The reverse of [`date_of`].
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_dates() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_767_225_600, "20260101T000000Z"),
        ] {
            assert_eq!(basic(seconds), text);
            assert_eq!(parse_basic(text), Some(seconds));
        }
        assert_eq!(iso(1_767_225_600), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in
            ["", "20261301T000000Z", "20260101 000000Z", "20260101T000000+", "2026-1-01T00000Z"]
        {
            assert_eq!(parse_basic(text), None, "{text}");
        }
    }
}
