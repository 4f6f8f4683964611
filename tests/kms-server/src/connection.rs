//! One connection: its requests in order, each routed by its path and answered.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::http::{Request, Response};
use crate::requests::{InFlight, Record};
use crate::settings::Settings;
use crate::wire::Wire;
use crate::{clock, credentials, kms};

/// What all connections of a server share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) record: Record,
    /// A line a request.
    log: Option<Mutex<File>>,
    /// Settings that come before those of each path.
    everywhere: Mutex<String>,
}

impl Shared {
    /// With a log, or without one.
    pub(crate) fn new(log: Option<File>) -> Self {
        Self { log: log.map(Mutex::new), ..Self::default() }
    }

    /// Puts settings before those of each path.
    pub(crate) fn set(&self, settings: &str) {
        *self.everywhere.lock().unwrap_or_else(PoisonError::into_inner) = settings.to_string();
    }

    /// Serves one connection to its end.
    pub(crate) fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut carried_kms = false;
        while let Some(request) = Request::read(&mut reader)? {
            let reply = self.route(&request, !carried_kms);
            carried_kms |= reply.in_flight.is_some();
            self.write_log(&request, &reply)?;
            reply.wire.send(&reply.response, &mut stream)?;
            if !request.keeps_alive() {
                break;
            }
        }
        Ok(())
    }

    fn route(&self, request: &Request, first_of_connection: bool) -> Reply<'_> {
        let segments = request.segments();
        match (request.method.as_str(), &segments[..]) {
            ("GET", ["requests"]) => Response::json(200, &self.record.so_far().to_json()).into(),
            ("POST", ["reset"]) => {
                self.record.reset();
                Response::text(200, "").into()
            }
            (_, ["latest" | "ecs-credentials" | "sts" | "sso", ..]) => {
                self.record.add_credentials(request);
                credentials::answer(request, clock::now()).into()
            }
            _ => match self.settings(&segments) {
                Err(text) => Response::text(404, text).into(),
                Ok(_) if request.method != "POST" => {
                    Response::text(405, "KMS takes POST alone\n").into()
                }
                Ok(settings) => self.ask_kms(request, &settings, first_of_connection),
            },
        }
    }

    fn settings(&self, segments: &[&str]) -> Result<Settings, String> {
        let everywhere = self.everywhere.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let everywhere = everywhere.split('/').filter(|segment| !segment.is_empty());
        Settings::parse(&everywhere.chain(segments.iter().copied()).collect::<Vec<_>>())
    }

    fn ask_kms(
        &self,
        request: &Request,
        settings: &Settings,
        first_of_connection: bool,
    ) -> Reply<'_> {
        let (turn, in_flight) = self.record.begin(request, first_of_connection);
        let response = kms::answer(request, settings, turn, clock::now());
        thread::sleep(settings.latency);
        Reply { response, wire: settings.wire(turn), in_flight: Some(in_flight) }
    }

    fn write_log(&self, request: &Request, reply: &Reply) -> io::Result<()> {
        let Some(log) = &self.log else {
            return Ok(());
        };
        let line = format!(
            "{} {} {} {} {} {:?}\n",
            clock::iso(clock::now()),
            request.method,
            request.path,
            request.headers.get("x-amz-target").map_or("-", String::as_str),
            reply.response.status,
            reply.wire
        );
        log.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())
    }
}

/// An answer and how it is sent.
struct Reply<'a> {
    response: Response,
    wire: Wire,
    /// Held until the answer is sent.
    in_flight: Option<InFlight<'a>>,
}

impl From<Response> for Reply<'_> {
    fn from(response: Response) -> Self {
        Self { response, wire: Wire::Whole, in_flight: None }
    }
}
