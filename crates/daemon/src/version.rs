//! The version of a Marathon app: a time in RFC 3339, compared as a time.
//!
//! What is read is what Go 1.19's `time.Parse(time.RFC3339, ..)` reads: a comma may begin the fraction, of which nine
//! digits count, and there is no leap second. A text that is no time is no version, and so
//! equals nothing.

/// The most bytes in a version.
const MAX_VERSION: usize = 128;

/// A moment, and how it was written.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    /// Since the Unix epoch.
    seconds: i64,
    nanoseconds: u32,
}

impl Version {
    /// Reads `text`, or nothing when it is no time.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_VERSION {
            return None;
        }
        let mut reader = Reader(text.as_bytes());
        let [year, month, day] =
            [reader.number(4)?, reader.after(b'-', 2)?, reader.after(b'-', 2)?];
        let [hour, minute, second] =
            [reader.after(b'T', 2)?, reader.after(b':', 2)?, reader.after(b':', 2)?];
        let is_date = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
        if !is_date || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let nanoseconds = reader.fraction()?;
        let offset = reader.offset()?;
        reader.0.is_empty().then_some(())?;
        let seconds =
            days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Self { text: text.to_string(), seconds: seconds - offset, nanoseconds })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is 1970-01-01T00:00:00Z, Metronome's way of saying that there is no version.
    pub fn is_unix_epoch(&self) -> bool {
        (self.seconds, self.nanoseconds) == (0, 0)
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, less than nothing before it.
    pub fn unix_seconds(&self) -> i64 {
        self.seconds
    }
}

impl PartialEq for Version {
    /// Two texts that mean the same moment are the same version.
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanoseconds) == (other.seconds, other.nanoseconds)
    }
}

impl Eq for Version {}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self, wanted: u8) -> Option<()> {
        let rest = self.0.strip_prefix(&[wanted])?;
        self.0 = rest;
        Some(())
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
        number.iter().try_fold(0, |sum, byte| Some(sum * 10 + digit(byte)?))
    }

    fn after(&mut self, separator: u8, digits: usize) -> Option<i64> {
        self.byte(separator)?;
        self.number(digits)
    }

    /// Nanoseconds. A point without a digit behind it is not the start of a fraction, but of rubbish.
    fn fraction(&mut self) -> Option<u32> {
        if !matches!(self.0.first(), Some(b'.' | b',')) {
            return Some(0);
        }
        let digits = self.0[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(1 + digits);
        self.0 = rest;
        let digit = |n: usize| fraction.get(1 + n).map_or(0, |byte| u32::from(byte - b'0'));
        (digits > 0).then(|| (0..9).fold(0, |sum, n| sum * 10 + digit(n)))
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.byte(b'Z').is_some() {
            return Some(0);
        }
        let sign = if self.byte(b'-').is_some() { -1 } else { self.byte(b'+').map(|()| 1)? };
        let (hours, minutes) = (self.number(2)?, self.after(b':', 2)?);
        (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the Gregorian calendar, which is taken to have been used for ever.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the day that is sometimes missing is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use secretary_access::time::rfc3339;
    use std::time::{Duration, SystemTime};

    #[test]
    fn every_day_of_four_centuries_is_read_as_it_is_written() {
        for day in 0..157_055 {
            // An odd number of seconds, so that hours, minutes and seconds come by, too.
            let seconds = day * 86_400 + day * 7919 % 86_400;
            let text = rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let version = Version::parse(&text).unwrap_or_else(|| panic!("{text} is a time"));
            assert_eq!(version.unix_seconds(), i64::try_from(seconds).unwrap(), "{text}");
        }
    }

    #[test]
    fn seconds_are_those_of_utc() {
        let seconds = |text| Version::parse(text).expect("a time").unix_seconds();
        assert_eq!(seconds("2015-12-04T13:25:08.999+01:00"), 1_449_231_908);
        assert_eq!(seconds("1969-12-31T23:59:59Z"), -1);
    }
}
