//! One of many that call a server at once. Its names are its own, so it knows what each call has to do.

use std::collections::BTreeMap;
use std::io;

use crate::chance::Chance;
use crate::http::Connection;
use crate::lines::Line;
use crate::model::{Call, Outcome, Secret, ValueId};

/// How many names each has.
const NAMES: u64 = 12;

/// How many versions a secret gets before it is deleted.
const MOST_VERSIONS: usize = 8;

/// What a list says of a secret: its versions and the active one.
pub(crate) type Listed = BTreeMap<String, (Vec<u32>, u32)>;

/// What it found to be otherwise than it has to be, a sentence for each.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Answered, and not there.
    pub(crate) lost: Vec<String>,
    /// There, and another thing than was asked for.
    pub(crate) wrong: Vec<String>,
}

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.wrong.is_empty()
    }
}

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    number: u64,
    secrets: BTreeMap<String, Secret>,
    chance: Chance,
    next_value: ValueId,
    /// What was sent and not answered.
    pending: Option<(String, Call)>,
    /// The lines that there have to be, since they were taken.
    pub(crate) answered: Vec<Line>,
    /// And those that there may be.
    pub(crate) unanswered: Vec<Line>,
    pub(crate) writes: u64,
    pub(crate) reads: u64,
    pub(crate) found: Found,
}

impl Client {
    pub(crate) fn new(number: u64, seed: u64) -> Self {
        let name = |n| format!("client/{number}/{n}");
        Self {
            number,
            secrets: (0..NAMES).map(|n| (name(n), Secret::default())).collect(),
            chance: Chance::new(seed ^ (number + 1) << 48),
            // Another one than those of the others.
            next_value: number << 40,
            pending: None,
            answered: Vec::new(),
            unanswered: Vec::new(),
            writes: 0,
            reads: 0,
            found: Found::default(),
        }
    }

    /// Calls until the connection breaks.
    pub(crate) fn run(&mut self, port: u16) {
        let Ok(mut connection) = Connection::open(port) else { return };
        while self.found.is_empty() {
            let (name, call) = self.choose();
            if self.call(&mut connection, &name, call).is_err() {
                return;
            }
        }
    }

    /// Makes a call and compares the answer.
    fn call(&mut self, connection: &mut Connection, name: &str, call: Call) -> io::Result<()> {
        let mut secret = self.secrets[name].clone();
        let outcome = secret.apply(call);
        let line = call.line(name, outcome);
        let (path, body) = call.request(name);
        let answer = match connection.call(path, &body) {
            Ok(answer) => answer,
            Err(error) => {
                self.pending = Some((name.to_string(), call));
                self.unanswered.push(line);
                return Err(error);
            }
        };
        if outcome.is(&answer) {
            *if call.is_write() { &mut self.writes } else { &mut self.reads } += 1;
            self.answered.push(line);
            self.secrets.insert(name.to_string(), secret);
            return Ok(());
        }
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let text = format!("{name}, {call:?}: {} {body:.200}, and not {outcome:?}", answer.status);
        let is_lost = answer.status == 404 && matches!(outcome, Outcome::Value(..));
        if is_lost { &mut self.found.lost } else { &mut self.found.wrong }.push(text);
        Ok(())
    }

    /// Most calls make something, a few have to be refused.
    fn choose(&mut self) -> (String, Call) {
        let name = format!("client/{}/{}", self.number, self.chance.below(NAMES));
        let secret = &self.secrets[&name];
        let present = secret.present();
        let highest = secret.versions.last_key_value().map_or(0, |(version, _)| *version);
        let some = self.chance.one_of(&present).unwrap_or(1);
        if secret.versions.len() >= MOST_VERSIONS {
            return (name, Call::Delete);
        }
        self.next_value += 1;
        let value = self.next_value;
        let call = match self.chance.below(100) {
            0..45 => Call::Put(value),
            45..60 => Call::CreateVersion(highest + 1 + self.chance.below(3) as u32, value),
            60..63 => Call::CreateVersion(some, value),
            63..73 => Call::Activate(some),
            73..75 => Call::Activate(highest + 7),
            75..83 => Call::DeleteVersion(some),
            83..86 => Call::Delete,
            // The same value again, which makes no version.
            86..89 => Call::Put(secret.versions.get(&highest).copied().flatten().unwrap_or(value)),
            89..95 => Call::Get(0),
            _ => Call::Get(some),
        };
        (name, call)
    }

    /// Finds out what came of the call that was not answered, and compares all that is listed.
    pub(crate) fn settle(&mut self, listed: &Listed) {
        let looks_as = |secret: &Secret, name: &str| match listed.get(name) {
            None => secret.versions.is_empty(),
            Some((versions, active)) => secret.looks_as(versions, *active),
        };
        if let Some((name, call)) = self.pending.take() {
            let secret = self.secrets.get_mut(&name).expect("a name of this client");
            let mut after = secret.clone();
            after.apply(call);
            if looks_as(&after, &name) {
                *secret = after;
            }
        }
        for (name, secret) in self.secrets.iter().filter(|(name, secret)| !looks_as(secret, name)) {
            let text =
                format!("{name}: {:?} is listed, and has to be {secret:?}", listed.get(name));
            let is_there = |version| listed.get(name).is_some_and(|it| it.0.contains(version));
            let is_lost = !secret.present().iter().all(is_there);
            if is_lost { &mut self.found.lost } else { &mut self.found.wrong }.push(text);
        }
    }

    /// Reads values: all of them, or those of one in `part` names.
    pub(crate) fn read_back(&mut self, port: u16, part: u64) {
        let mut connection = Connection::open(port).expect("it listens");
        let names: Vec<_> = self.secrets.keys().cloned().collect();
        for name in names {
            if self.chance.below(part) != 0 {
                continue;
            }
            for version in self.secrets[&name].present() {
                self.call(&mut connection, &name, Call::Get(version)).expect("it is answered");
            }
        }
    }

    /// Whether there may be a secret of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.secrets.contains_key(name)
    }
}
