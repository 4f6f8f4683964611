//! A case of the table: calls, and for each the answer and the lines of the audit log, exactly.
//!
//! Cases share a server, and none sees another: each calls from an address of its own, by which its lines are known, and
//! `$/` stands for the beginning that its names have alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::IpAddr;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::exchange::{Answer, Connection, HEADERS, request};
use crate::machine::{Machine, Server, an_address};

/// The members of each line that are another time and again.
const OF_THE_LOG: [&str; 6] = ["seq", "prev", "time", "hash", "event", "id"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) callers: BTreeMap<String, Caller>,
    pub(crate) cases: Vec<Box<RawValue>>,
}

/// Somebody in a tailnet, and who that is in the audit log. Without a machine it is nobody.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caller {
    pub(crate) machine: Option<Whois>,
    /// What the audit log has, but for the address.
    #[serde(default)]
    principal: Map<String, Value>,
}

/// What tailscaled says.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whois {
    pub(crate) host: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) login: String,
    /// The rules, which need not be any.
    #[serde(default)]
    pub(crate) rules: Vec<Value>,
    /// Those below the old name of the capability.
    #[serde(default)]
    pub(crate) old_rules: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "id")]
    _id: String,
    what: String,
    /// Those of this case alone.
    #[serde(default)]
    callers: BTreeMap<String, Caller>,
    /// What is done before, and has to be answered with 200.
    #[serde(default)]
    before: Vec<Before>,
    steps: Vec<Step>,
}

/// A call by somebody who may do everything.
#[derive(Deserialize)]
struct Before(String, Value);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default = "everything")]
    caller: String,
    /// The path, which is below `/api/` if it does not begin with a slash.
    call: String,
    #[serde(default = "post")]
    method: String,
    /// In the place of the two that setec wants.
    headers: Option<Vec<(String, String)>>,
    /// The body: JSON as it stands here, or the text or the bytes in hexadecimal.
    body: Option<Box<RawValue>>,
    text: Option<String>,
    hex: Option<String>,
    #[serde(default = "ok")]
    status: u16,
    /// The answer's body, as it stands here.
    #[serde(default, deserialize_with = "present")]
    answer: Option<Box<RawValue>>,
    /// The same of a refusal, without the newline that it has to end with.
    refusal: Option<String>,
    /// The lines that it leaves, without what all of them have.
    audit: Vec<Value>,
}

/// What is there, also if it is `null`.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

fn everything() -> String {
    "everything".to_string()
}

fn post() -> String {
    "POST".to_string()
}

fn ok() -> u16 {
    200
}

/// Where cases run.
pub(crate) struct Scene<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) server: &'a Server<'a>,
    pub(crate) callers: &'a BTreeMap<String, Caller>,
}

/// The number in setec's list, and what tells its cases apart.
pub(crate) fn id_of(case: &RawValue) -> String {
    let case: Value = serde_json::from_str(case.get()).expect("JSON");
    case["id"].as_str().expect("an id").to_string()
}

impl Scene<'_> {
    /// Runs a case, and says what was otherwise.
    pub(crate) fn run(&self, case: &RawValue) -> Result<(), String> {
        let id = id_of(case);
        let text = case.get().replace("$/", &format!("c{id}/"));
        let case: Case = serde_json::from_str(&text).map_err(|error| format!("{id}: {error}"))?;
        let from = an_address();
        let mut run = Run {
            scene: self,
            from,
            connection: self.server.connect_from(from),
            log: File::open(self.machine.path("state/audit.log")).expect("it is there"),
            own: &case.callers,
        };
        for Before(call, body) in &case.before {
            run.before(call, body).map_err(|error| format!("{id} ({}): {error}", case.what))?;
        }
        for (number, step) in case.steps.iter().enumerate() {
            let what = format!("{id}, step {} ({})", number + 1, case.what);
            run.step(step).map_err(|error| format!("{what}: {error}"))?;
        }
        run.connection.end();
        Ok(())
    }
}

struct Run<'a> {
    scene: &'a Scene<'a>,
    from: IpAddr,
    connection: Connection,
    log: File,
    own: &'a BTreeMap<String, Caller>,
}

impl Run<'_> {
    fn become_caller(&self, name: &str) -> Caller {
        let found = self.own.get(name).or_else(|| self.scene.callers.get(name));
        let caller = found.unwrap_or_else(|| panic!("nobody is called {name}")).clone();
        self.scene.machine.tailnet.set(self.from, caller.machine.as_ref());
        caller
    }

    fn before(&mut self, call: &str, body: &Value) -> Result<(), String> {
        self.become_caller("everything");
        let answer = self.connection.call(call, body.to_string().as_bytes());
        same("what came before", &answer.status, &200)
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let caller = self.become_caller(&step.caller);
        self.log.seek(SeekFrom::End(0)).expect("a file");
        self.connection.write_all(&step.request()).map_err(|error| error.to_string())?;
        let answer = self.connection.answer().map_err(|error| error.to_string())?;
        step.compare(&answer)?;
        same("audit lines", &self.audited(&caller)?, &step.audit)
    }

    /// What the step has written into the log, without what all lines have.
    fn audited(&mut self, caller: &Caller) -> Result<Vec<Value>, String> {
        let mut text = String::new();
        self.log.read_to_string(&mut text).map_err(|error| error.to_string())?;
        let own = format!("\"ip\":\"{}\"", self.from);
        let mut lines = Vec::new();
        for line in text.lines().filter(|line| line.contains(&own)) {
            let mut line: Map<String, Value> =
                serde_json::from_str(line).map_err(|error| format!("{line}: {error}"))?;
            if line["event"] != "access" || !line["id"].is_u64() {
                return Err(format!("this is no line about a call: {line:?}"));
            }
            let mut principal = json!({"ip": self.from.to_string()});
            principal.as_object_mut().expect("it is one").extend(caller.principal.clone());
            same("principal", &line.remove("principal"), &Some(principal))?;
            line.retain(|name, _| !OF_THE_LOG.contains(&name.as_str()));
            lines.push(line.into());
        }
        Ok(lines)
    }
}

impl Step {
    fn request(&self) -> Vec<u8> {
        let path = match self.call.starts_with('/') {
            true => self.call.clone(),
            false => format!("/api/{}", self.call),
        };
        let body = match (&self.body, &self.text, &self.hex) {
            (Some(json), None, None) => json.get().as_bytes().to_vec(),
            (None, Some(text), None) => text.clone().into_bytes(),
            (None, None, Some(hex)) => bytes(hex),
            _ => panic!("one of the three"),
        };
        let headers: Vec<(&str, &str)> = match &self.headers {
            Some(headers) => headers.iter().map(|(name, value)| (&**name, &**value)).collect(),
            None => HEADERS.to_vec(),
        };
        request(&self.method, &path, &headers, &body)
    }

    fn compare(&self, answer: &Answer) -> Result<(), String> {
        let body = match (&self.answer, &self.refusal) {
            (Some(json), None) => json.get().to_string(),
            (None, Some(text)) => format!("{text}\n"),
            (None, None) if self.status == 304 => String::new(),
            _ => panic!("one of the two"),
        };
        same("answer", &answer.short(), &(self.status, body))?;
        same("headers", &head_of(answer), &expected_head(answer))
    }
}

/// Without the date, which there has to be.
fn head_of(answer: &Answer) -> Vec<(&str, &str)> {
    let headers = answer.headers.iter().map(|(name, value)| match name.as_str() {
        "date" => ("date", ""),
        name => (name, value.as_str()),
    });
    headers.collect()
}

/// The headers that an answer has to have, and no others, in the order in which the server writes them.
fn expected_head(answer: &Answer) -> Vec<(&str, &str)> {
    let length = ("content-length", answer.header("content-length").unwrap_or("none"));
    let no_store = ("cache-control", "no-store");
    match answer.status {
        200 => vec![("content-type", "application/json"), no_store, length, ("date", "")],
        304 => vec![("date", "")],
        _ => vec![
            ("x-content-type-options", "nosniff"),
            ("content-type", "text/plain; charset=utf-8"),
            no_store,
            length,
            ("date", ""),
        ],
    }
}

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}:\n    found    {found:?}\n    expected {expected:?}")),
    }
}
