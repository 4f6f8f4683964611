//! What a path asks the server to do: each of its segments is one setting.

use std::time::Duration;

use crate::refusal::Always;
use crate::wire::Wire;

/// All settings of one path.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// How long an answer is held back.
    pub(crate) latency: Duration,
    throttle: Share,
    fault: Share,
    wire: Wire,
    /// How many requests the wire's fault is for; `None` is all.
    wire_first: Option<u64>,
    pub(crate) answer: Answer,
    /// Data keys of this many bytes, whatever is asked for.
    pub(crate) data_key: Option<usize>,
    /// `Decrypt` answers another key than was sealed.
    pub(crate) wrong_key: bool,
    /// Only requests signed with this secret access key are heard.
    pub(crate) secret: Option<String>,
    /// Answers have no `Plaintext`.
    pub(crate) no_plaintext: bool,
}

/// What is answered to a request that no other setting refuses.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Answer {
    /// What was asked for.
    #[default]
    Work,
    Always(Always),
    /// 200, and no JSON.
    Garbage,
    /// A proxy's error page.
    Html500,
    /// 302 to a port where nobody listens.
    Redirect,
}

/// What becomes of the nth request of a path, before its meaning is looked at.
#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    Heard,
    Throttled,
    /// With the number of faults before it.
    Faulty(u64),
}

impl Settings {
    /// Reads the segments of a path; the error is the text for whoever typed it.
    pub(crate) fn parse(segments: &[&str]) -> Result<Self, String> {
        let mut settings = Self::default();
        for segment in segments {
            settings
                .set(segment)
                .ok_or_else(|| format!("secretary-test-kms knows no setting {segment:?}\n"))?;
        }
        Ok(settings)
    }

    fn set(&mut self, segment: &str) -> Option<()> {
        match segment {
            "throttle" => self.throttle = Share(10),
            "fault" => self.fault = Share(10),
            "garbage" => self.answer = Answer::Garbage,
            "html-500" => self.answer = Answer::Html500,
            "redirect" => self.answer = Answer::Redirect,
            "wrong-key" => self.wrong_key = true,
            "no-plaintext" => self.no_plaintext = true,
            _ => return self.set_wire(segment).or_else(|| self.set_with_value(segment)),
        }
        Some(())
    }

    fn set_wire(&mut self, segment: &str) -> Option<()> {
        let (name, first) = match segment.split_once("-first-") {
            Some((name, count)) => (name, Some(count.parse().ok()?)),
            None => (segment, None),
        };
        self.wire = Wire::find(name)?;
        self.wire_first = first;
        Some(())
    }

    fn set_with_value(&mut self, segment: &str) -> Option<()> {
        if let Some(always) = Always::find(segment) {
            self.answer = Answer::Always(always);
        } else if segment.starts_with("run-") {
            // Only makes the path another one, so that it is counted from its own first request.
        } else if let Some(milliseconds) = segment.strip_prefix("latency-") {
            self.latency = Duration::from_millis(milliseconds.parse().ok()?);
        } else if let Some(secret) = segment.strip_prefix("signed-with-") {
            self.secret = Some(secret.to_string());
        } else if let Some(percent) = segment.strip_prefix("throttle-") {
            self.throttle = Share::parse(percent)?;
        } else if let Some(percent) = segment.strip_prefix("fault-") {
            self.fault = Share::parse(percent)?;
        } else {
            let length = segment.strip_prefix("data-key-")?.parse().ok()?;
            self.data_key = (length <= 1 << 20).then_some(Some(length))?;
        }
        Some(())
    }

    /// How the answer to a path's nth request is sent, from 0.
    pub(crate) fn wire(&self, turn: u64) -> Wire {
        if self.wire_first.is_none_or(|first| turn < first) { self.wire } else { Wire::Whole }
    }

    /// Whether a path's nth request is heard, from 0. Faults are a share of what is not throttled.
    pub(crate) fn fate(&self, turn: u64) -> Fate {
        if self.throttle.has(turn) {
            return Fate::Throttled;
        }
        let turn = turn - self.throttle.before(turn);
        if self.fault.has(turn) { Fate::Faulty(self.fault.before(turn)) } else { Fate::Heard }
    }
}

/// So many of each ten requests, spread evenly, and the first one if any.
#[derive(Clone, Copy, Debug, Default)]
struct Share(u64);

impl Share {
    fn parse(percent: &str) -> Option<Self> {
        let percent: u64 = percent.parse().ok()?;
        (percent <= 100 && percent.is_multiple_of(10)).then_some(Self(percent / 10))
    }

    /// How many of the requests before this one are in the share.
    fn before(self, turn: u64) -> u64 {
        (turn * self.0).div_ceil(10)
    }

    fn has(self, turn: u64) -> bool {
        self.before(turn + 1) > self.before(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_in_each_ten_and_begins_at_once() {
        for percent in 0..=10 {
            let share = Share(percent);
            for ten in [0, 10, 50] {
                assert_eq!((ten..ten + 10).filter(|turn| share.has(*turn)).count() as u64, percent);
            }
            assert_eq!(share.has(0), percent > 0);
        }
    }

    #[test]
    fn faults_are_a_share_of_what_is_not_throttled() {
        let settings = Settings::parse(&["throttle-50", "fault-50"]).unwrap();
        let fates: Vec<_> = (0..6).map(|turn| settings.fate(turn)).collect();
        use Fate::*;
        assert_eq!(fates, [Throttled, Faulty(0), Throttled, Heard, Throttled, Faulty(1)]);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for segment in [
            "x",
            "throttle-55",
            "throttle-110",
            "latency-",
            "close-first-x",
            "data-key-9999999",
            "fault-first-1",
        ] {
            assert!(
                Settings::parse(&["throttle", segment]).unwrap_err().contains(segment),
                "{segment}"
            );
        }
    }
}
