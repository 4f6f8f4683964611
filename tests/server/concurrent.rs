//! Many callers at once: whatever they were answered, the calls about each secret have an order.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::exchange::Connection;
use crate::machine::{Machine, Server};
use crate::model::{Answer, Operation};
use crate::order::{self, has_order, overlaps};
use crate::random::Random;

const THREADS: u64 = 8;
const EACH: u64 = 7;
const ROUNDS: u64 = 60;

/// What a caller sees: an answer, or the status of a refusal, which several have in common.
type Seen = Result<Answer, u16>;
type Call = order::Call<Seen>;

fn seen(answer: &Answer) -> Seen {
    Err(match answer {
        Answer::Unchanged => 304,
        Answer::InvalidVersion => 400,
        Answer::NotFound => 404,
        Answer::Claimed => 412,
        Answer::IsActive | Answer::Exhausted | Answer::ZeroVersion => 500,
        answer => return Ok(answer.clone()),
    })
}

fn run(operation: &Operation, name: &str, connection: &mut Connection) -> Seen {
    let encoded = |value: &[u8]| BASE64_STANDARD.encode(value);
    let (call, body) = match operation {
        Operation::Put(value) => ("put", json!({"Name": name, "Value": encoded(value)})),
        Operation::Create(version, value) => {
            ("create-version", json!({"Name": name, "Version": version, "Value": encoded(value)}))
        }
        Operation::Activate(version) => ("activate", json!({"Name": name, "Version": version})),
        Operation::DeleteVersion(version) => {
            ("delete-version", json!({"Name": name, "Version": version}))
        }
        Operation::Delete => ("delete", json!({"Name": name})),
        Operation::Get(version) => ("get", json!({"Name": name, "Version": version})),
        Operation::GetIfChanged(version) => {
            ("get", json!({"Name": name, "Version": version, "UpdateIfChanged": true}))
        }
        Operation::Info => ("info", json!({"Name": name})),
    };
    let answer = connection.call(call, body.to_string().as_bytes());
    match answer.status {
        200 => Ok(decoded(call, &serde_json::from_slice(&answer.body).expect("JSON"))),
        status => Err(status),
    }
}

fn decoded(call: &str, body: &Value) -> Answer {
    let number = |value: &Value| u32::try_from(value.as_u64().expect("a number")).expect("32 bits");
    match call {
        "put" => Answer::Version(number(body)),
        "get" => {
            let value = BASE64_STANDARD.decode(body["Value"].as_str().expect("text"));
            Answer::Value(value.expect("base64"), number(&body["Version"]))
        }
        "info" => {
            let versions = body["Versions"].as_array().expect("a list").iter().map(number);
            Answer::Info(versions.collect(), number(&body["ActiveVersion"]))
        }
        _ => Answer::Done,
    }
}

/// Has all threads do things to two secrets at once, each on a connection of its own.
fn round(server: &Server<'_>, number: u64) -> Vec<Call> {
    let (clock, start) = (AtomicU64::new(0), Barrier::new(THREADS as usize));
    let now = || clock.fetch_add(1, Ordering::SeqCst);
    let thread = |thread: u64| {
        let mut random = Random(number * THREADS + thread);
        let mut connection = server.connect();
        start.wait();
        let call = |_| {
            let name = format!("{number}/{}", random.one_of(&["a", "b"]));
            let operation = Operation::random(&mut random);
            let began = now();
            let answer = run(&operation, &name, &mut connection);
            Call { name, operation, answer, began, ended: now() }
        };
        (0..EACH).map(call).collect::<Vec<Call>>()
    };
    thread::scope(|scope| {
        let thread = &thread;
        let threads: Vec<_> = (0..THREADS).map(|n| scope.spawn(move || thread(n))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn calls_about_a_secret_have_an_order() {
    let machine = Machine::new();
    let server = machine.start(&[]);
    let mut at_once = 0;
    for number in 0..ROUNDS {
        let calls = round(&server, number);
        at_once += overlaps(&calls);
        for name in ["a", "b"] {
            let name = format!("{number}/{name}");
            let its: Vec<Call> = calls.iter().filter(|call| call.name == name).cloned().collect();
            assert!(has_order(&its, seen), "{its:#?}");
        }
    }
    assert!(at_once as u64 > ROUNDS * 10, "only {at_once} pairs ran at once: this shows nothing");
    server.stop();
    // And the log of it is one chain.
    let verified = machine.run(&["audit", "verify", "state/audit.log"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}
