//! The secrets server under load, over TLS on connections that are kept:
//! secretary-server-load PROGRAM FOLDER [WHAT CLIENTS SECONDS SECRETS]
//!
//! FOLDER is on the disk that puts and audit lines are synced to. What counts is how a figure compares with a bare one of
//! the same run: a sync of a file in that folder, and an answer of the same server that is always the same. Each is
//! measured right beside what it is compared with, because what a disk or a machine can do changes from one second to
//! the next; the two are one ratio, of many such ratios the median counts. Leaves with 1 when a limit is missed.
//!
//! With WHAT, which is static, get, unchanged or put, it does that and nothing else, for who looks with a profiler.

mod load;
mod server;
mod table;
mod work;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::load::{Load, Measured};
use crate::server::{Place, Server};
use crate::table::Table;
use crate::work::{Kind, Work};

const CLIENTS: [usize; 3] = [1, 8, 64];
const KINDS: [Kind; 4] = [Kind::Put, Kind::Static, Kind::Get, Kind::Unchanged];

const FEW: u64 = 100;
const MANY: u64 = 100_000;

/// How often each is measured, and for how long.
const ROUNDS: u64 = 15;
const SPAN: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let table = Table::default();
    let done = match &args[..] {
        [program, folder] => run(program, folder, &table),
        [program, folder, what, clients, seconds, secrets] => {
            match (kind(what), number(clients), number(seconds), number(secrets)) {
                (Some(kind), Some(clients), Some(seconds), Some(secrets)) => {
                    let span = Duration::from_secs(seconds as u64);
                    run_one(program, folder, kind, clients, span, secrets as u64)
                }
                _ => return usage(),
            }
        }
        _ => return usage(),
    };
    match done {
        Ok(()) if table.is_met() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("secretary-server-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: secretary-server-load PROGRAM FOLDER [static|get|unchanged|put CLIENTS SECONDS SECRETS]"
    );
    ExitCode::from(2)
}

fn kind(word: &Path) -> Option<Kind> {
    KINDS.into_iter().find(|kind| format!("{kind:?}").to_lowercase() == word.to_string_lossy())
}

fn number(text: &Path) -> Option<usize> {
    text.to_str()?.parse().ok()
}

/// A server with so many secrets, and what was measured with it, round by round.
struct Subject {
    secrets: u64,
    place: Place,
    server: Server,
    loads: BTreeMap<usize, Load>,
    measured: BTreeMap<(Kind, usize), Vec<Measured>>,
    /// Bare syncs a second, before so many clients put.
    syncs: BTreeMap<usize, Vec<f64>>,
}

fn run(program: &Path, folder: &Path, table: &Table) -> io::Result<()> {
    // As many versions in two ways: the store has a row for each, and memory has each secret.
    Subject::new(program, folder, MANY / 100, MANY)?.judge_start(table)?;
    let mut many = Subject::new(program, folder, MANY, MANY)?;
    many.judge_start(table)?;
    let mut few = Subject::new(program, folder, FEW, FEW)?;
    for round in 0..ROUNDS {
        for clients in CLIENTS {
            for kind in KINDS {
                // Whoever is first has a machine with less to do.
                let mut subjects = [&mut few, &mut many];
                subjects.rotate_left(round as usize % 2);
                for subject in subjects {
                    subject.measure(kind, clients, round)?;
                }
            }
        }
    }
    few.print();
    many.print();
    compare(&few, &many, table);
    Ok(())
}

/// One kind of request, and nothing else.
fn run_one(
    program: &Path,
    folder: &Path,
    kind: Kind,
    clients: usize,
    span: Duration,
    secrets: u64,
) -> io::Result<()> {
    let mut subject = Subject::new(program, folder, secrets, secrets)?;
    subject.start()?;
    let Subject { place, server, .. } = subject;
    let syncs = bare_syncs(place.path())?;
    let mut work = Work::new(kind, secrets, 1);
    let measured = Load::connect(&place, &server, clients)?.run(&server, &mut work, span)?;
    println!("{measured:.2?}, {syncs:.0} syncs a second before");
    Ok(())
}

impl Subject {
    /// Starts a server and fills it.
    fn new(program: &Path, folder: &Path, secrets: u64, versions: u64) -> io::Result<Self> {
        let place = Place::new(program, folder)?;
        let server = place.start()?;
        let mut work = Work::fill(secrets, versions);
        let begun = Instant::now();
        Load::connect(&place, &server, 256)?.run(&server, &mut work, Duration::MAX / 4)?;
        println!("{secrets} secrets with {versions} versions made in {:.1?}", begun.elapsed());
        let (loads, measured, syncs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self { secrets, place, server, loads, measured, syncs })
    }

    /// Starts it anew, a few times, and looks at it before anybody calls: the shortest time, and MiB.
    fn start(&mut self) -> io::Result<(Duration, f64)> {
        let (mut took, mut memory) = (Duration::MAX, (0.0, 0.0));
        for _ in 0..3 {
            self.server.end()?;
            self.server = self.place.start()?;
            took = took.min(self.server.took);
            std::thread::sleep(Duration::from_millis(300));
            memory = self.server.memory()?;
        }
        println!("  started in {took:.0?}, {:.1} MiB, {:.1} of them no file's", memory.0, memory.1);
        Ok((took, memory.0))
    }

    fn judge_start(&mut self, table: &Table) -> io::Result<()> {
        let (took, memory) = self.start()?;
        table.at_most("start until it listens", took.as_secs_f64(), 1.0, " s");
        table.at_most("memory before anybody calls", memory, 25.0, " MiB");
        Ok(())
    }

    fn measure(&mut self, kind: Kind, clients: usize, round: u64) -> io::Result<()> {
        let mut work = Work::new(kind, self.secrets, round * 1000 + clients as u64 + 1);
        let load = match self.loads.entry(clients) {
            Entry::Occupied(load) => load.into_mut(),
            Entry::Vacant(none) => none.insert(Load::connect(&self.place, &self.server, clients)?),
        };
        if kind == Kind::Put {
            self.syncs.entry(clients).or_default().push(bare_syncs(self.place.path())?);
        }
        let measured = load.run(&self.server, &mut work, SPAN)?;
        self.measured.entry((kind, clients)).or_default().push(measured);
        Ok(())
    }

    /// Answers a second in each round.
    fn rates(&self, kind: Kind, clients: usize) -> Vec<f64> {
        self.measured[&(kind, clients)].iter().map(|measured| measured.rate).collect()
    }

    fn print(&self) {
        println!("with {} secrets", self.secrets);
        println!(
            "  {:<28} {:>10} {:>16} {:>22}",
            "", "answers/s", "server's CPU us", "CPU that clients take"
        );
        for ((kind, clients), rounds) in &self.measured {
            let what = match kind {
                Kind::Static => "no such path",
                Kind::Get => "get",
                Kind::Unchanged => "get, unchanged",
                Kind::Put | Kind::Fill => "put",
            };
            let what = format!("{what}, {clients} clients");
            let of = |what: fn(&Measured) -> f64| median(rounds.iter().map(what).collect());
            let (rate, cpu, share) = (of(|it| it.rate), of(|it| it.cpu), of(|it| it.share * 100.0));
            println!("  {what:<28} {rate:>10.0} {cpu:>16.0} {share:>20.0} %");
        }
    }
}

fn compare(few: &Subject, many: &Subject, table: &Table) {
    println!("compared, {FEW} secrets and {MANY}");
    let syncs = [few, many].iter().flat_map(|it| it.syncs.values().flatten()).copied().collect();
    println!("  {:<58} {:>8.0}", "bare syncs of a file a second", median(syncs));
    for (clients, least) in [(1, 0.8), (8, 2.0), (64, 4.0)] {
        for subject in [few, many] {
            let what = format!("puts / syncs, {clients} clients, {} secrets", subject.secrets);
            let ratio = ratio(&subject.rates(Kind::Put, clients), &subject.syncs[&clients]);
            table.at_least(&what, ratio, least, "");
        }
    }
    for (kind, what, least) in [(Kind::Get, "gets", 0.3), (Kind::Unchanged, "unchanged gets", 0.7)]
    {
        for subject in [few, many] {
            let of_static = ratio(&subject.rates(kind, 64), &subject.rates(Kind::Static, 64));
            let what = format!("{what} / no such path, 64 clients, {} secrets", subject.secrets);
            table.at_least(&what, of_static, least, "");
        }
    }
    for clients in CLIENTS {
        let longer = ratio(&few.rates(Kind::Put, clients), &many.rates(Kind::Put, clients));
        let what = format!("time of a put with {MANY} secrets / with {FEW}, {clients} clients");
        table.at_most(&what, longer, 1.2, "");
    }
}

/// The median of what one is of the other, round by round.
fn ratio(measured: &[f64], bare: &[f64]) -> f64 {
    median(measured.iter().zip(bare).map(|(measured, bare)| measured / bare).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How often a second a small block can be appended to a file in `folder` and synced.
fn bare_syncs(folder: &Path) -> io::Result<f64> {
    let path = folder.join("bare");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < SPAN {
        file.write_all(&[b'x'; 512])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}
