//! Numbers for Prometheus, in OpenMetrics text.
//!
//! A label's value is a `&'static str`, one of a few: what a caller or an upstream says becomes none, or
//! whoever asks for a million apps would fill the memory, here and at Prometheus. So no app is named either; the
//! audit log does that.
//!
//! What takes time is counted when its [`Timed`] is dropped, exactly once, however it ends.

#[cfg(test)]
mod reader;
mod timed;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use secretary_envelope::Kind;

use crate::flights::Source;
use crate::metrics::timed::{ABANDONED, Counters, Labels};
use crate::refusal::{Refusal, Upstream};

pub use timed::{Present, Timed};

/// What [`Metrics::render`] answers with.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds in seconds: from a request without a question to an upstream that never answers.
const BUCKETS: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// All numbers of a daemon.
pub struct Metrics {
    registry: Registry,
    requests: Counters<1>,
    request_seconds: Histogram,
    requests_in_flight: Gauge,
    secrets: Counters<2>,
    upstream_requests: Counters<2>,
    upstream_seconds: Family<Labels<1>, Histogram>,
    upstream_requests_in_flight: Family<Labels<1>, Gauge>,
    upstream_answers: Counters<2>,
    connections: Gauge,
    connections_refused: Counter,
    audit_lines: Counter,
    audit_errors: Counter,
}

impl Metrics {
    /// All of them at zero, in a program of this version.
    pub fn new(version: &str) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("secretary"),
            requests: Counters::default(),
            request_seconds: histogram(),
            requests_in_flight: Gauge::default(),
            secrets: Counters::default(),
            upstream_requests: Counters::default(),
            upstream_seconds: Family::new_with_constructor(histogram),
            upstream_requests_in_flight: Family::default(),
            upstream_answers: Counters::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            audit_lines: Counter::default(),
            audit_errors: Counter::default(),
        };
        metrics.show_zeros();
        metrics.registered(version)
    }

    #[rustfmt::skip] // a table
    fn registered(mut self, version: &str) -> Self {
        let all = &mut self.registry;
        let build = Info::new([("version", version.to_string())]);
        all.register("build", "The program that answers here", build);
        all.register("requests", "Requests to decrypt, by what came of them", self.requests.clone());
        all.register_with_unit("request", "From the end of a request's head to its answer",
            Unit::Seconds, self.request_seconds.clone());
        all.register("requests_in_flight", "Requests to decrypt that are not answered yet",
            self.requests_in_flight.clone());
        all.register("secrets", "Secrets that were asked for, by whether they were given out",
            self.secrets.clone());
        all.register("upstream_requests", "Requests to Marathon and Mesos, by what came of them",
            self.upstream_requests.clone());
        all.register_with_unit("upstream", "From a request to Marathon or Mesos to the end of its answer",
            Unit::Seconds, self.upstream_seconds.clone());
        all.register("upstream_requests_in_flight", "Requests to Marathon and Mesos that are not answered yet",
            self.upstream_requests_in_flight.clone());
        all.register("upstream_answers", "Questions to Marathon and Mesos, by whether a request was made for them",
            self.upstream_answers.clone());
        all.register("connections", "Open connections", self.connections.clone());
        all.register("connections_refused", "Connections closed at once because there were too many",
            self.connections_refused.clone());
        all.register("audit_lines", "Lines written to the audit log", self.audit_lines.clone());
        all.register("audit_errors", "Lines that could not be written to the audit log", self.audit_errors.clone());
        self
    }

    /// What is counted from nothing on can be compared with what comes; a number that first appears as
    /// 1 was never increased, says Prometheus. Refusals are too many for that.
    fn show_zeros(&self) {
        let _ = self.requests.get_or_create(&[("outcome", "granted")]);
        for kind in Kind::SEALED {
            for outcome in ["granted", "refused"] {
                let _ =
                    self.secrets.get_or_create(&[("kind", kind_label(kind)), ("outcome", outcome)]);
            }
        }
        for upstream in Upstream::ALL {
            let label = ("upstream", upstream.label());
            let _ = self.upstream_requests.get_or_create(&[("outcome", "answered"), label]);
            let _ = self.upstream_seconds.get_or_create(&[label]);
            let _ = self.upstream_requests_in_flight.get_or_create(&[label]);
            for source in [Source::Asked, Source::Shared, Source::Remembered] {
                let _ =
                    self.upstream_answers.get_or_create(&[("from", source_label(source)), label]);
            }
        }
    }

    /// A request to decrypt begins.
    pub fn request(&self) -> Timed<1> {
        let present = Present::new(&self.requests_in_flight);
        let labels = [("outcome", ABANDONED)];
        Timed::begin(present, &self.requests, self.request_seconds.clone(), labels, "granted")
    }

    /// A secret was given out or refused.
    pub fn secret<T>(&self, kind: Kind, outcome: &Result<T, Refusal>) {
        let outcome = if outcome.is_ok() { "granted" } else { "refused" };
        self.secrets.get_or_create(&[("kind", kind_label(kind)), ("outcome", outcome)]).inc();
    }

    /// A request to an upstream begins.
    pub fn upstream_request(&self, upstream: Upstream) -> Timed<2> {
        let label = ("upstream", upstream.label());
        let present = Present::new(&self.upstream_requests_in_flight.get_or_create(&[label]));
        let seconds = self.upstream_seconds.get_or_create_owned(&[label]);
        let labels = [("outcome", ABANDONED), label];
        Timed::begin(present, &self.upstream_requests, seconds, labels, "answered")
    }

    /// A question to an upstream has an answer, good or bad, and maybe without a request.
    pub fn upstream_answer(&self, upstream: Upstream, source: Source) {
        let labels = [("from", source_label(source)), ("upstream", upstream.label())];
        self.upstream_answers.get_or_create(&labels).inc();
    }

    /// A connection is open as long as the answer lives.
    pub fn connection(&self) -> Present {
        Present::new(&self.connections)
    }

    /// A connection was closed at once.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Lines are in the audit log.
    pub fn audit_lines(&self, count: u64) {
        self.audit_lines.inc_by(count);
    }

    /// Lines did not get into the audit log.
    pub fn audit_errors(&self, count: u64) {
        self.audit_errors.inc_by(count);
    }

    /// All of them as text of [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes any text");
        text
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

fn kind_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Nacl => "nacl",
        Kind::Kms => "kms",
        // Nobody asks a daemon for one.
        Kind::Setec => "setec",
    }
}

fn source_label(source: Source) -> &'static str {
    match source {
        Source::Asked => "asked",
        Source::Shared => "shared",
        Source::Remembered => "remembered",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::reader::read;
    use std::collections::BTreeSet;

    fn value(metrics: &Metrics, key: &str) -> Option<f64> {
        read(&metrics.render()).values().find_map(|block| block.samples.get(key).copied())
    }

    const REFUSED: Result<(), Refusal> = Err(Refusal::Status(Upstream::Mesos, 404));

    #[test]
    fn names_types_and_units_are_those_that_dashboards_rely_on() {
        let text = Metrics::new("1.2.3").render();
        let blocks = read(&text);
        let found: Vec<(&str, &str, Option<&str>)> = blocks
            .iter()
            .map(|(name, block)| (name.as_str(), block.kind.as_str(), block.unit.as_deref()))
            .collect();
        assert_eq!(
            found,
            [
                ("secretary_audit_errors", "counter", None),
                ("secretary_audit_lines", "counter", None),
                ("secretary_build", "info", None),
                ("secretary_connections", "gauge", None),
                ("secretary_connections_refused", "counter", None),
                ("secretary_request_seconds", "histogram", Some("seconds")),
                ("secretary_requests", "counter", None),
                ("secretary_requests_in_flight", "gauge", None),
                ("secretary_secrets", "counter", None),
                ("secretary_upstream_answers", "counter", None),
                ("secretary_upstream_requests", "counter", None),
                ("secretary_upstream_requests_in_flight", "gauge", None),
                ("secretary_upstream_seconds", "histogram", Some("seconds")),
            ]
        );
        let helps: BTreeSet<&str> = blocks.values().map(|block| block.help.as_str()).collect();
        assert_eq!(helps.len(), blocks.len(), "each has a help of its own");
        assert!(helps.iter().all(|help| help.len() > 10 && help.ends_with('.')), "{helps:?}");
        assert_eq!(text.matches("# EOF").count(), 1);
        assert!(text.contains("\nsecretary_build_info{version=\"1.2.3\"} 1\n"));
    }

    #[test]
    fn what_can_be_is_there_before_it_happens() {
        let blocks = read(&Metrics::new("1").render());
        let count = |name: &str| blocks[name].samples.len();
        assert_eq!(count("secretary_requests"), 1);
        assert_eq!(count("secretary_secrets"), 4);
        assert_eq!(count("secretary_upstream_requests"), 2);
        assert_eq!(count("secretary_upstream_answers"), 6);
        assert_eq!(count("secretary_upstream_requests_in_flight"), 2);
        assert_eq!(count("secretary_upstream_seconds"), 2 * (BUCKETS.len() + 3));
        let is_zero = |name: &str| blocks[name].samples.values().all(|value| *value == 0.0);
        assert!(blocks.keys().all(|name| name == "secretary_build" || is_zero(name)));
    }

    #[test]
    fn a_request_is_counted_once_however_it_ends() {
        let metrics = Metrics::new("1");
        let open = metrics.request();
        assert_eq!(value(&metrics, "secretary_requests_in_flight"), Some(1.0));
        open.end(&Ok(()));
        metrics.request().end(&REFUSED);
        drop(metrics.request());
        let count = |outcome| {
            value(&metrics, &format!("secretary_requests_total{{outcome=\"{outcome}\"}}"))
        };
        for outcome in ["granted", "upstream_status", "abandoned"] {
            assert_eq!(count(outcome), Some(1.0), "{outcome}");
        }
        assert_eq!(value(&metrics, "secretary_requests_in_flight"), Some(0.0));
        assert_eq!(value(&metrics, "secretary_request_seconds_count"), Some(3.0));
    }

    #[test]
    fn upstreams_are_apart() {
        let metrics = Metrics::new("1");
        let open = metrics.upstream_request(Upstream::Mesos);
        let in_flight = |upstream| {
            value(
                &metrics,
                &format!("secretary_upstream_requests_in_flight{{upstream=\"{upstream}\"}}"),
            )
        };
        assert_eq!((in_flight("marathon"), in_flight("mesos")), (Some(0.0), Some(1.0)));
        open.end(&REFUSED);
        metrics.upstream_request(Upstream::Marathon).end(&Ok(()));
        metrics.upstream_answer(Upstream::Marathon, Source::Asked);
        metrics.upstream_answer(Upstream::Marathon, Source::Remembered);
        metrics.upstream_answer(Upstream::Marathon, Source::Remembered);
        for (key, expected) in [
            ("requests_in_flight{upstream=\"mesos\"}", Some(0.0)),
            ("requests_total{outcome=\"upstream_status\",upstream=\"mesos\"}", Some(1.0)),
            ("requests_total{outcome=\"answered\",upstream=\"mesos\"}", Some(0.0)),
            ("requests_total{outcome=\"answered\",upstream=\"marathon\"}", Some(1.0)),
            ("requests_total{outcome=\"upstream_status\",upstream=\"marathon\"}", None),
            ("seconds_count{upstream=\"mesos\"}", Some(1.0)),
            ("answers_total{from=\"asked\",upstream=\"marathon\"}", Some(1.0)),
            ("answers_total{from=\"remembered\",upstream=\"marathon\"}", Some(2.0)),
            ("answers_total{from=\"remembered\",upstream=\"mesos\"}", Some(0.0)),
        ] {
            assert_eq!(value(&metrics, &format!("secretary_upstream_{key}")), expected, "{key}");
        }
    }

    #[test]
    fn secrets_connections_and_lines_are_counted() {
        let metrics = Metrics::new("1");
        metrics.secret(Kind::Kms, &Ok(()));
        metrics.secret(Kind::Nacl, &REFUSED);
        let two = (metrics.connection(), metrics.connection());
        metrics.connection_refused();
        metrics.audit_lines(3);
        metrics.audit_errors(2);
        for (key, expected) in [
            ("secrets_total{kind=\"kms\",outcome=\"granted\"}", 1.0),
            ("secrets_total{kind=\"kms\",outcome=\"refused\"}", 0.0),
            ("secrets_total{kind=\"nacl\",outcome=\"refused\"}", 1.0),
            ("connections", 2.0),
            ("connections_refused_total", 1.0),
            ("audit_lines_total", 3.0),
            ("audit_errors_total", 2.0),
        ] {
            assert_eq!(value(&metrics, &format!("secretary_{key}")), Some(expected), "{key}");
        }
        drop(two);
        assert_eq!(value(&metrics, "secretary_connections"), Some(0.0));
    }

    #[test]
    fn times_are_in_the_buckets_that_they_fit_in() {
        let metrics = Metrics::new("1");
        for seconds in [0.0004, 0.2, 29.0, 31.0] {
            metrics.request_seconds.observe(seconds);
        }
        let bucket =
            |le| value(&metrics, &format!("secretary_request_seconds_bucket{{le=\"{le}\"}}"));
        for (le, expected) in [
            ("0.0005", 1.0),
            ("0.1", 1.0),
            ("0.25", 2.0),
            ("10.0", 2.0),
            ("30.0", 3.0),
            ("+Inf", 4.0),
        ] {
            assert_eq!(bucket(le), Some(expected), "{le}");
        }
    }
}
