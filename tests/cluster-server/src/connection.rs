//! One connection: its requests in order, each routed by its target and answered.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use secretary_test_kms::http::Request;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::cluster::Cluster;
use crate::routes::Routes;
use crate::settings::Settings;

/// What all connections of a server share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    routes: Mutex<Routes>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    requests: Vec<Request>,
    /// How many requests there were with the same settings.
    turns: HashMap<String, u64>,
}

impl Shared {
    /// Serves one connection to its end.
    pub(crate) fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = Request::read(&mut reader)? {
            let keeps_alive = request.keeps_alive();
            let answer = self.answer(request);
            answer.wire.send(&answer.response, &mut stream)?;
            if !keeps_alive {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.seen).requests.clone()
    }

    pub(crate) fn reset(&self) {
        *lock(&self.seen) = Seen::default();
    }

    pub(crate) fn routes(&self) -> MutexGuard<'_, Routes> {
        lock(&self.routes)
    }

    fn answer(&self, request: Request) -> Answer {
        let target = request.target();
        match (request.method.as_str(), target.as_str()) {
            ("GET", "/requests") => Answer::json(&self.requests().iter().map(to_json).collect()),
            ("GET", "/asked") => Answer::new(200, "text/plain", self.asked()),
            ("POST", "/reset") => {
                self.reset();
                Answer::new(200, "text/plain", "")
            }
            ("PUT", "/cluster") => match Cluster::parse(&request.body) {
                Ok(cluster) => {
                    *self.routes() = Routes::of(&cluster);
                    Answer::new(200, "text/plain", "")
                }
                Err(error) => Answer::new(400, "text/plain", error + "\n"),
            },
            _ => self.work(&target, request),
        }
    }

    /// A line for each request.
    fn asked(&self) -> String {
        let line = |request: &Request| format!("{} {}\n", request.method, request.target());
        self.requests().iter().map(line).collect()
    }

    fn work(&self, target: &str, request: Request) -> Answer {
        let (settings, text, rest) = Settings::split(target);
        let turn = self.begin(text, request.clone());
        // Found before it is asked, so that a slow answer holds up no other.
        let route = self.routes().find(rest);
        let work = || route.map_or_else(|| Answer::status(404), |route| route(&request));
        let answer = settings.apply(turn, &request, rest, work);
        thread::sleep(settings.latency);
        answer
    }

    /// Notes a request, and says how many with the same settings came before.
    fn begin(&self, settings: &str, request: Request) -> u64 {
        let mut seen = lock(&self.seen);
        seen.requests.push(request);
        let turn = seen.turns.entry(settings.to_string()).or_default();
        *turn += 1;
        *turn - 1
    }
}

fn to_json(request: &Request) -> Value {
    json!({
        "method": request.method,
        "target": request.target(),
        "headers": request.headers,
        "body": String::from_utf8_lossy(&request.body),
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
