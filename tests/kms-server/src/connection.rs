//! One connection: its requests in order, each routed by its path and answered.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
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
    pub(crate) stopping: AtomicBool,
    /// A line a request.
    log: Option<Mutex<File>>,
    /// So that a stop ends what waits for a peer.
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Shared {
    /// With a log, or without one.
    pub(crate) fn new(log: Option<File>) -> Self {
        Self { log: log.map(Mutex::new), ..Self::default() }
    }

    /// Serves one connection to its end.
    pub(crate) fn serve(&self, number: u64, stream: TcpStream) {
        // How a connection ends is the peer's affair, and often what a test is about.
        let _ = self.register(number, &stream).and_then(|()| self.answer_all(stream));
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    /// Ends every connection.
    pub(crate) fn close_all(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn register(&self, number: u64, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(number, stream.try_clone()?);
        // Asked under the lock: a stop is either seen here or finds the connection in the list.
        if self.stopping.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn answer_all(&self, mut stream: TcpStream) -> io::Result<()> {
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
            _ => match Settings::parse(&segments) {
                Err(text) => Response::text(404, text).into(),
                Ok(_) if request.method != "POST" => {
                    Response::text(405, "KMS takes POST alone\n").into()
                }
                Ok(settings) => self.ask_kms(request, &settings, first_of_connection),
            },
        }
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
