//! The server is killed at any moment, again and again, while clients call it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::chance::{Chance, seed, setting};
use crate::client::{Client, Found, Listed};
use crate::lines::Reader;
use crate::server::{Place, Server, json};

/// How many call at once.
const CLIENTS: u64 = 8;

/// After how many rounds all values are read, and the log goes on in a new file.
const ALL: u64 = 25;

/// How much may be in SQLite's log, with all that a round adds to it.
const LONGEST_LOG: u64 = 12 << 20;

/// What came of all rounds.
#[derive(Debug, Default)]
struct Report {
    rounds: u64,
    writes: u64,
    reads: u64,
    unanswered: usize,
    found: Found,
    missing: Vec<String>,
    unasked: Vec<String>,
    longest_start: Duration,
    took: Duration,
}

struct Torture {
    place: Place,
    clients: Vec<Client>,
    chance: Chance,
    reader: Reader,
    /// The log's earlier files.
    before: Vec<PathBuf>,
    report: Report,
}

#[test]
fn a_server_that_is_killed_has_lost_nothing_that_it_answered() {
    let (rounds, writes) =
        (setting("SECRETARY_TORTURE_ROUNDS", 6), setting("SECRETARY_TORTURE_WRITES", 100));
    let seed = seed();
    let begun = Instant::now();
    let mut torture = Torture::new(seed);
    while torture.report.rounds < rounds || torture.report.writes < writes {
        torture.round();
        if !torture.report.is_good() {
            break;
        }
    }
    torture.finish();
    torture.report.took = begun.elapsed();
    torture.report.print(seed);
    assert!(torture.report.is_good(), "SECRETARY_TORTURE_SEED={seed}");
}

impl Torture {
    fn new(seed: u64) -> Self {
        Self {
            place: Place::new(),
            clients: (0..CLIENTS).map(|number| Client::new(number, seed)).collect(),
            chance: Chance::new(seed),
            reader: Reader::default(),
            before: Vec::new(),
            report: Report::default(),
        }
    }

    /// Starts it, looks at what it has, has it called, and kills it.
    fn round(&mut self) {
        let mut server = self.check();
        let after = self.chance.between(Duration::from_millis(10), Duration::from_millis(300));
        let port = server.port;
        thread::scope(|scope| {
            for client in &mut self.clients {
                scope.spawn(|| client.run(port));
            }
            thread::sleep(after);
            server.kill();
        });
        self.report.rounds += 1;
        if self.report.rounds.is_multiple_of(ALL) {
            self.rotate();
        }
        self.count();
    }

    /// Whether everything is there after the last round, and nothing else.
    fn check(&mut self) -> Server {
        let server = self.place.start();
        self.report.longest_start = self.report.longest_start.max(server.took);
        self.compare_lines();
        let listed = list(&server);
        self.clients.iter_mut().for_each(|client| client.settle(&listed));
        let is_unasked = |name: &&String| !self.clients.iter().any(|client| client.has(name));
        let unasked: Vec<_> = listed.keys().filter(is_unasked).cloned().collect();
        self.report.unasked.extend(unasked);
        let part = if self.report.rounds.is_multiple_of(ALL) { 1 } else { 4 };
        let port = server.port;
        thread::scope(|scope| {
            for client in &mut self.clients {
                scope.spawn(move || client.read_back(port, part));
            }
        });
        self.report.found.wrong.extend(self.place.damage());
        let log = self.place.log_of_store();
        if log > LONGEST_LOG {
            self.report.found.wrong.push(format!("SQLite's log has {log} bytes"));
        }
        self.count();
        server
    }

    /// Each answered call has its line, and no line is of a call that nobody has made.
    fn compare_lines(&mut self) {
        let (mut lines, again) = self.reader.read(self.place.audit_log());
        let answered = self.clients.iter().flat_map(|client| &client.answered);
        let missing = lines.missing(answered);
        // What was lost is written again.
        let missing = missing.into_iter().filter(|line| !again.contains(line));
        self.report.missing.extend(missing.map(|line| format!("{line:?}")));
        drop(lines.missing(self.clients.iter().flat_map(|client| &client.unanswered)));
        // A list is nobody's.
        let is_unasked = |line: &&&crate::lines::Line| !line.is_list();
        let unasked = lines.rest();
        self.report
            .unasked
            .extend(unasked.iter().filter(is_unasked).map(|line| format!("{line:?}")));
        for client in &mut self.clients {
            self.report.unanswered += client.unanswered.len();
            client.answered.clear();
            client.unanswered.clear();
        }
        // Earlier files don't change any more.
        self.verify(&[]);
    }

    fn verify(&mut self, before: &[PathBuf]) {
        if let Err(broken) = self.place.verify(before) {
            self.report.found.wrong.push(broken);
        }
    }

    /// Has the log go on in a new file, while calls come.
    fn rotate(&mut self) {
        let server = self.check();
        let log = self.place.audit_log().to_path_buf();
        let old = log.with_extension(format!("log.{}", self.before.len()));
        // What is read until now is in the old file.
        self.compare_lines();
        fs::rename(&log, &old).expect("renamed");
        let id = i32::try_from(server.id()).expect("a process id");
        kill(Pid::from_raw(id), Signal::SIGHUP).expect("it runs");
        let begun = Instant::now();
        while !log.exists() || !server.said().contains("files were read again") {
            assert!(begun.elapsed() < Duration::from_secs(60), "there is no new log");
            thread::sleep(Duration::from_millis(2));
        }
        self.reader.begin_anew();
        self.before.push(old);
    }

    fn count(&mut self) {
        for client in &mut self.clients {
            self.report.writes += std::mem::take(&mut client.writes);
            self.report.reads += std::mem::take(&mut client.reads);
            self.report.found.lost.append(&mut client.found.lost);
            self.report.found.wrong.append(&mut client.found.wrong);
        }
    }

    /// Looks at what the last round has left, and at what the look has left.
    fn finish(&mut self) {
        let rounds = std::mem::replace(&mut self.report.rounds, ALL);
        drop(self.check());
        drop(self.check());
        self.report.rounds = rounds;
        let before = std::mem::take(&mut self.before);
        self.verify(&before);
    }
}

/// All that the server lists.
fn list(server: &Server) -> Listed {
    let answer = server.connect().call("list", "{}").expect("it is answered");
    assert_eq!(answer.status, 200);
    let number = |value: &serde_json::Value| value.as_u64().expect("a number") as u32;
    let list = json(&answer.body);
    let secrets = list.as_array().map_or(&[][..], Vec::as_slice).iter().map(|secret| {
        let versions = secret["Versions"].as_array().expect("a list");
        let name = secret["Name"].as_str().expect("a name").to_string();
        (name, (versions.iter().map(number).collect(), number(&secret["ActiveVersion"])))
    });
    secrets.collect::<BTreeMap<_, _>>()
}

impl Report {
    fn is_good(&self) -> bool {
        self.found.is_empty() && self.missing.is_empty() && self.unasked.is_empty()
    }

    fn print(&self, seed: u64) {
        println!("killed while {CLIENTS} clients call, seed {seed}, {:.0?}", self.took);
        println!(
            "  rounds  writes answered   reads  unanswered  lost  corrupt  not asked for  audit lines missing  longest start"
        );
        println!(
            "  {:>6}  {:>15}  {:>6}  {:>10}  {:>4}  {:>7}  {:>13}  {:>19}  {:>10.0?}",
            self.rounds,
            self.writes,
            self.reads,
            self.unanswered,
            self.found.lost.len(),
            self.found.wrong.len(),
            self.unasked.len(),
            self.missing.len(),
            self.longest_start,
        );
        let all = [&self.found.lost, &self.found.wrong, &self.unasked, &self.missing];
        all.into_iter().flatten().take(20).for_each(|text| println!("  {text}"));
    }
}
