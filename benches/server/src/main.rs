//! The secrets server under load, over TLS on connections that are kept: secretary-server-load PROGRAM FOLDER
//!
//! FOLDER is on the disk that puts and audit lines are synced to. What counts is how a figure compares with a bare one of
//! the same run: a sync of a file in that folder, and an answer of the same server that is always the same. Everything is
//! measured several times, in turns, and the best of each is taken, so that what else the machine does matters least.
//! Leaves with 1 when a limit is missed.

mod load;
mod server;
mod table;
mod work;

use std::collections::BTreeMap;
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
const KINDS: [Kind; 4] = [Kind::Static, Kind::Get, Kind::Unchanged, Kind::Put];

const FEW: u64 = 100;
const MANY: u64 = 100_000;

/// How often each is measured, and for how long.
const ROUNDS: u64 = 5;
const SPAN: Duration = Duration::from_millis(700);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [program, folder] = &args[..] else {
        eprintln!("usage: secretary-server-load PROGRAM FOLDER");
        return ExitCode::from(2);
    };
    let table = Table::default();
    match run(program, folder, &table) {
        Ok(()) if table.is_met() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("secretary-server-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A server with so many secrets, and the best that was measured with it.
struct Subject {
    secrets: u64,
    place: Place,
    server: Server,
    best: BTreeMap<(Kind, usize), Measured>,
}

fn run(program: &Path, folder: &Path, table: &Table) -> io::Result<()> {
    let mut many = Subject::new(program, folder, MANY)?;
    many.start(table)?;
    let mut few = Subject::new(program, folder, FEW)?;
    let mut syncs = 0_f64;
    for round in 0..ROUNDS {
        for clients in CLIENTS {
            for kind in KINDS {
                syncs = syncs.max(bare_syncs(few.place.path())?);
                // Whoever is first has a disk with less to do.
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
    compare(&few, &many, syncs, table);
    Ok(())
}

impl Subject {
    /// Starts a server and fills it.
    fn new(program: &Path, folder: &Path, secrets: u64) -> io::Result<Self> {
        let place = Place::new(program, folder)?;
        let server = place.start()?;
        let mut work = Work::new(Kind::Fill, secrets, 0);
        let begun = Instant::now();
        Load::connect(&place, &server, 256)?.run(&mut work, Duration::MAX / 4)?;
        println!("{secrets} secrets made in {:.1?}", begun.elapsed());
        Ok(Self { secrets, place, server, best: BTreeMap::new() })
    }

    /// Starts it anew, a few times, and looks at it before anybody calls.
    fn start(&mut self, table: &Table) -> io::Result<()> {
        let (mut took, mut memory) = (Duration::MAX, (f64::MAX, f64::MAX));
        for _ in 0..3 {
            self.server.end()?;
            self.server = self.place.start()?;
            took = took.min(self.server.took);
            std::thread::sleep(Duration::from_millis(300));
            memory = self.server.memory()?;
        }
        println!("started with {} versions", self.secrets);
        table.at_most("start until it listens", took.as_secs_f64(), 1.0, " s");
        table.at_most("memory before anybody calls", memory.0, 25.0, " MiB");
        println!("  {:<58} {:>8.2} MiB", "of which are no pages of the program's file", memory.1);
        Ok(())
    }

    fn measure(&mut self, kind: Kind, clients: usize, round: u64) -> io::Result<()> {
        let mut work = Work::new(kind, self.secrets, round * 1000 + clients as u64 + 1);
        let measured = Load::connect(&self.place, &self.server, clients)?.run(&mut work, SPAN)?;
        let best = self.best.entry((kind, clients)).or_insert(measured);
        if measured.rate > best.rate {
            *best = measured;
        }
        Ok(())
    }

    fn rate(&self, kind: Kind, clients: usize) -> f64 {
        self.best[&(kind, clients)].rate
    }

    fn print(&self) {
        println!("with {} secrets", self.secrets);
        println!(
            "  {:<28} {:>10} {:>16} {:>22}",
            "", "answers/s", "server's CPU us", "CPU that clients take"
        );
        for ((kind, clients), measured) in &self.best {
            let what = match kind {
                Kind::Static => "no such path",
                Kind::Get => "get",
                Kind::Unchanged => "get, unchanged",
                Kind::Put | Kind::Fill => "put",
            };
            let what = format!("{what}, {clients} clients");
            let (rate, cpu, share) = (measured.rate, measured.cpu, measured.share * 100.0);
            println!("  {what:<28} {rate:>10.0} {cpu:>16.0} {share:>20.0} %");
        }
    }
}

fn compare(few: &Subject, many: &Subject, syncs: f64, table: &Table) {
    println!("compared, {FEW} secrets and {MANY}");
    println!("  {:<58} {syncs:>8.0}", "bare syncs of a file a second");
    for (clients, least) in [(1, 0.8), (8, 2.0), (64, 4.0)] {
        for subject in [few, many] {
            let what = format!("puts / syncs, {clients} clients, {} secrets", subject.secrets);
            table.at_least(&what, subject.rate(Kind::Put, clients) / syncs, least, "");
        }
    }
    for (kind, what, least) in [(Kind::Get, "gets", 0.3), (Kind::Unchanged, "unchanged gets", 0.7)]
    {
        for subject in [few, many] {
            let of_static = subject.rate(kind, 64) / subject.rate(Kind::Static, 64);
            let what = format!("{what} / no such path, 64 clients, {} secrets", subject.secrets);
            table.at_least(&what, of_static, least, "");
        }
    }
    for clients in CLIENTS {
        let longer = few.rate(Kind::Put, clients) / many.rate(Kind::Put, clients);
        let what = format!("time of a put with {MANY} secrets / with {FEW}, {clients} clients");
        table.at_most(&what, longer, 1.2, "");
    }
}

/// How often a second a small block can be appended to a file in `folder` and synced.
fn bare_syncs(folder: &Path) -> io::Result<f64> {
    let path = folder.join("bare");
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let begun = Instant::now();
    let mut count = 0;
    while begun.elapsed() < Duration::from_millis(200) {
        file.write_all(&[b'x'; 512])?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / begun.elapsed().as_secs_f64())
}
