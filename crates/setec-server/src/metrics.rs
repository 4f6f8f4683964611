//! Numbers for Prometheus, in OpenMetrics text.
//!
//! A label's value is one of a few: nothing that a caller says becomes one.

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

/// The outcome of a call whose caller has gone.
const ABANDONED: &str = "abandoned";

type Labels = [(&'static str, &'static str); 2];

/// All numbers of a server.
pub struct Metrics {
    registry: Registry,
    calls: Family<Labels, Counter>,
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
    pub fn call(&self, path: Path) -> Timed {
        Timed {
            calls: self.calls.clone(),
            seconds: self.seconds.clone(),
            path,
            outcome: ABANDONED,
            started: Instant::now(),
            _present: Present::new(&self.in_flight),
        }
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
pub struct Timed {
    calls: Family<Labels, Counter>,
    seconds: Histogram,
    path: Path,
    outcome: &'static str,
    started: Instant,
    _present: Present,
}

impl Timed {
    /// It is answered.
    pub fn end(mut self, result: Result<(), Refusal>) {
        self.outcome = result.map_or_else(label, |()| "ok");
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let labels = [("path", self.path.as_str()), ("outcome", self.outcome)];
        self.calls.get_or_create(&labels).inc();
        self.seconds.observe(self.started.elapsed().as_secs_f64());
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

fn label(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Method | Refusal::ContentType | Refusal::Malformed => "bad_request",
        Refusal::InvalidVersion | Refusal::InvalidName => "invalid",
        Refusal::Browser => "browser",
        Refusal::Unidentified => "unidentified",
        Refusal::AccessDenied => "denied",
        Refusal::NotFound => "not_found",
        Refusal::NotChanged => "not_changed",
        Refusal::VersionClaimed => "claimed",
        Refusal::TooLarge => "too_large",
        Refusal::Sealed => "sealed",
        Refusal::Overloaded => "overloaded",
        _ => "internal_error",
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
