//! What the server saw.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::http::Request;
use crate::sigv4::{self, Credential};

/// What was asked of KMS since the start or the last reset. Requests for credentials, for this
/// record and for unknown settings count nowhere but where it says so.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// `GenerateDataKey`, refused ones too.
    pub generate: u64,
    /// `Decrypt`, refused ones too.
    pub decrypt: u64,
    /// All requests with the path of a setting.
    pub total: u64,
    /// Requests that are read and not yet answered.
    pub in_flight: u64,
    /// The most requests that were read and not yet answered at one time.
    pub max_in_flight: u64,
    /// Connections that carried a request to KMS.
    pub connections: u64,
    /// `X-Amz-Target` of each request in order.
    pub targets: Vec<String>,
    /// `METHOD /path` of each request for credentials in order.
    pub credentials: Vec<String>,
    /// The request that came last.
    pub last: Option<Seen>,
    turns: HashMap<String, u64>,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The path with the settings.
    pub path: String,
    /// Names in lower case; `authorization` ends before the signature.
    pub headers: BTreeMap<String, String>,
    /// The body, which is JSON.
    pub body: String,
    /// Whose signature it is, if it says so.
    pub access_key_id: Option<String>,
    /// The region it is signed for, if it says so.
    pub region: Option<String>,
}

impl Seen {
    fn of(request: &Request) -> Self {
        let mut headers = request.headers.clone();
        if let Some(value) = headers.get_mut("authorization") {
            *value = sigv4::without_signature(value).to_string();
        }
        let credential = Credential::claimed(request);
        Self {
            path: request.path.clone(),
            headers,
            body: String::from_utf8_lossy(&request.body).into_owned(),
            access_key_id: credential.as_ref().map(|credential| credential.access_key_id.clone()),
            region: credential.map(|credential| credential.region),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "path": self.path,
            "headers": self.headers,
            "body": self.body,
            "access_key_id": self.access_key_id,
            "region": self.region,
        })
    }
}

impl Requests {
    /// The same as JSON, with the names of the fields.
    pub fn to_json(&self) -> Value {
        json!({
            "generate": self.generate,
            "decrypt": self.decrypt,
            "total": self.total,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "connections": self.connections,
            "targets": self.targets,
            "credentials": self.credentials,
            "last": self.last.as_ref().map(Seen::to_json),
        })
    }

    fn add(&mut self, request: &Request, first_of_connection: bool) {
        let target = request.header("x-amz-target");
        self.generate += u64::from(target == "TrentService.GenerateDataKey");
        self.decrypt += u64::from(target == "TrentService.Decrypt");
        self.total += 1;
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
        self.connections += u64::from(first_of_connection);
        self.targets.push(target.to_string());
        self.last = Some(Seen::of(request));
    }
}

/// The record that all connections write to.
#[derive(Debug, Default)]
pub(crate) struct Record(Mutex<Requests>);

impl Record {
    /// A copy of what was seen so far.
    pub(crate) fn so_far(&self) -> Requests {
        self.lock().clone()
    }

    /// Begins again; what is in flight stays so.
    pub(crate) fn reset(&self) {
        let mut requests = self.lock();
        let in_flight = requests.in_flight;
        *requests = Requests { in_flight, max_in_flight: in_flight, ..Requests::default() };
    }

    /// Notes a request to KMS, and says how many came to its path before.
    pub(crate) fn begin(
        &self,
        request: &Request,
        first_of_connection: bool,
    ) -> (u64, InFlight<'_>) {
        let mut requests = self.lock();
        requests.add(request, first_of_connection);
        // "/a" and "/a/" are one path: clients differ in whether they add the slash.
        let turn = requests.turns.entry(request.segments().join("/")).or_default();
        *turn += 1;
        (*turn - 1, InFlight(self))
    }

    /// Notes a request for credentials.
    pub(crate) fn add_credentials(&self, request: &Request) {
        self.lock().credentials.push(format!("{} {}", request.method, request.path));
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is not answered yet; dropped when it is.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Record);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}
