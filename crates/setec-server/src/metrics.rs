//! Numbers for Prometheus, in OpenMetrics text.
//!
//! A label's value is one of a few: nothing that a caller says becomes one.

use std::array;
use std::sync::OnceLock;
use std::time::Instant;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use secretary_serve::Counts;
use secretary_setec_api::{Path, Refusal};

/// What [`Metrics::render`] answers with.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds in seconds, from an unchanged conditional get to a disk that hangs.
const BUCKETS: [f64; 12] =
    [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

type Labels = [(&'static str, &'static str); 2];

/// All numbers of a server.
pub struct Metrics {
    registry: Registry,
    calls: Family<Labels, Counter>,
    counters: [[OnceLock<Counter>; Outcome::COUNT]; Path::ALL.len()],
    seconds: Histogram,
    in_flight: Gauge,
    connections: Gauge,
    connections_refused: Counter,
    sealed: Gauge,
}

impl Metrics {
    /// All of them at zero, in a program of this version, and sealed.
    pub fn new(version: &str) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("secretary_server"),
            calls: Family::default(),
            counters: array::from_fn(|_| array::from_fn(|_| OnceLock::new())),
            seconds: Histogram::new(BUCKETS),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            sealed: Gauge::default(),
        };
        metrics.sealed.set(1);
        metrics.register(version);
        metrics
    }

    fn register(&mut self, version: &str) {
        let registry = &mut self.registry;
        let build = Info::new([("version", version.to_string())]);
        registry.register("build", "The program", build);
        registry.register("calls", "Calls of the API by path and outcome", self.calls.clone());
        registry.register_with_unit(
            "call",
            "From the head of a call to its answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register("calls_in_flight", "Calls without an answer", self.in_flight.clone());
        registry.register("connections", "Connections that there are", self.connections.clone());
        let refused = self.connections_refused.clone();
        registry.register("connections_refused", "Connections closed at once", refused);
        registry.register("sealed", "1 until the store is open", self.sealed.clone());
    }

    /// The store is open.
    pub fn unsealed(&self) {
        self.sealed.set(0);
    }

    /// A call to `path` begins.
    pub fn call(&self, path: Path) -> Timed<'_> {
        self.in_flight.inc();
        Timed { metrics: self, path, outcome: Outcome::Abandoned, started: Instant::now() }
    }

    /// The counter of calls to `path` that came to this. From its first call on it is at hand: to find it among all
    /// labels takes a part of the time of a short call.
    fn counter(&self, path: Path, outcome: Outcome) -> &Counter {
        self.counters[path as usize][outcome as usize].get_or_init(|| {
            let labels = [("path", path.as_str()), ("outcome", outcome.as_str())];
            self.calls.get_or_create_owned(&labels)
        })
    }

    /// All of them as text of [`CONTENT_TYPE`].
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes any text");
        text
    }
}

impl Counts for Metrics {
    fn connection(&self) -> Box<dyn Send> {
        Box::new(Present::new(&self.connections))
    }

    fn connection_refused(&self) {
        self.connections_refused.inc();
    }
}

/// A call, counted and measured when this is dropped, also when nobody waited for its end.
#[must_use = "it is over when this is dropped"]
pub struct Timed<'a> {
    metrics: &'a Metrics,
    path: Path,
    outcome: Outcome,
    started: Instant,
}

impl Timed<'_> {
    /// It is answered.
    pub fn end(mut self, result: Result<(), Refusal>) {
        self.outcome = result.map_or_else(Outcome::of, |()| Outcome::Ok);
    }
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.metrics.counter(self.path, self.outcome).inc();
        self.metrics.seconds.observe(self.started.elapsed().as_secs_f64());
        self.metrics.in_flight.dec();
    }
}

/// One of the number that a gauge shows, until it is dropped.
#[must_use = "it is gone when this is dropped"]
pub struct Present(Gauge);

impl Present {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What a call came to.
#[derive(Clone, Copy)]
enum Outcome {
    Ok,
    BadRequest,
    Invalid,
    Browser,
    Unidentified,
    Denied,
    NotFound,
    NotChanged,
    Claimed,
    TooLarge,
    Sealed,
    Overloaded,
    InternalError,
    /// The caller has gone.
    Abandoned,
}

impl Outcome {
    const COUNT: usize = Self::Abandoned as usize + 1;

    fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Method | Refusal::ContentType | Refusal::Malformed => Self::BadRequest,
            Refusal::InvalidVersion | Refusal::InvalidName => Self::Invalid,
            Refusal::Browser => Self::Browser,
            Refusal::Unidentified => Self::Unidentified,
            Refusal::AccessDenied => Self::Denied,
            Refusal::NotFound => Self::NotFound,
            Refusal::NotChanged => Self::NotChanged,
            Refusal::VersionClaimed => Self::Claimed,
            Refusal::TooLarge => Self::TooLarge,
            Refusal::Sealed => Self::Sealed,
            Refusal::Overloaded => Self::Overloaded,
            _ => Self::InternalError,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::BadRequest => "bad_request",
            Self::Invalid => "invalid",
            Self::Browser => "browser",
            Self::Unidentified => "unidentified",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::NotChanged => "not_changed",
            Self::Claimed => "claimed",
            Self::TooLarge => "too_large",
            Self::Sealed => "sealed",
            Self::Overloaded => "overloaded",
            Self::InternalError => "internal_error",
            Self::Abandoned => "abandoned",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_calls_by_path_and_outcome_also_those_nobody_waits_for() {
        let metrics = Metrics::new("1.2.3");
        metrics.call(Path::Get).end(Ok(()));
        metrics.call(Path::Get).end(Err(Refusal::NotFound));
        drop(metrics.call(Path::Put));
        let connection = metrics.connection();
        let text = metrics.render();
        for line in [
            r#"secretary_server_calls_total{path="/api/get",outcome="ok"} 1"#,
            r#"secretary_server_calls_total{path="/api/get",outcome="not_found"} 1"#,
            r#"secretary_server_calls_total{path="/api/put",outcome="abandoned"} 1"#,
            "secretary_server_call_seconds_count 3",
            "secretary_server_calls_in_flight 0",
            "secretary_server_connections 1",
            "secretary_server_sealed 1",
            r#"secretary_server_build_info{version="1.2.3"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        drop(connection);
        metrics.unsealed();
        let text = metrics.render();
        assert!(text.contains("secretary_server_connections 0\n"), "{text}");
        assert!(text.contains("secretary_server_sealed 0\n"), "{text}");
    }
}
