//! How many requests are answered, how fast, and with how much memory.

use std::io;
use std::path::Path;

use tokio::net::TcpStream;

use crate::bare;
use crate::callers::{Caller, Work};
use crate::daemon::{Audit, Daemon, Setup, Transport};
use crate::measure::{Measured, Span, Worker, measure};
use crate::raw;
use crate::scene::{SECRETS, Scene};
use crate::table::{Table, micros, millis, ratio};

const SPAN: u64 = 2;

/// How many clients there are, in the rows of most kinds.
const CLIENTS: [usize; 4] = [1, 8, 64, 1000];

/// What HTTP, JSON, the form, the audit log and the system take, as so many times the cryptography.
const OVER_BARE: f64 = 20.0;
/// The same as so many times an answer that is always the same.
const OVER_STATUS: f64 = 15.0;
/// What one of a hundred secrets takes, as a part of a request for one.
const OF_ONE: f64 = 0.4;
/// How much of its speed it keeps at least with as many clients as a cluster has, and with a disk to wait for. Without a
/// sync for many decisions at once it would keep a tenth.
const KEPT: f64 = 0.25;
/// How much longer the last in a hundred waits than those in the middle.
const FAIR: f64 = 10.0;
/// For a thousand clients, in MiB.
const MEMORY: f64 = 64.0;

/// Prints a row for each number of clients, and compares.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    let rows = Rows { program, scene };
    let unsynced = Setup { audit: Audit::Stderr, ..Setup::default() };
    let tls = Setup { transport: Transport::Tls, ..Setup::default() };
    header("one secret a request, each decision synced to a file");
    let synced = rows.of(&CLIENTS, Work::One, Setup::default()).await?;
    header("the same, with decisions on standard error and not synced");
    let unsynced = rows.of(&CLIENTS, Work::One, unsynced).await?;
    header("the same as the first, over a new connection each time");
    let anew = rows.of(&CLIENTS[2..3], Work::OneAnew, Setup::default()).await?;
    header("the same over TLS");
    let over_tls = rows.of(&CLIENTS, Work::OneAnew, tls).await?;
    header("a hundred secrets a request");
    let hundred = rows.of(&CLIENTS[..3], Work::Hundred, Setup::default()).await?;
    header("the status, which is always the same");
    let status = rows.status(CLIENTS[2]).await?;

    table.title("compared");
    let [_, _, few, many] = &synced[..] else { return Ok(()) };
    let bare = bare::one_request(scene);
    table.show("boxes of a request, by themselves", micros(bare), " us");
    table.at_most("CPU of a request / of its boxes", ratio(few.cpu, bare), OVER_BARE, "");
    table.at_most("CPU of a request / of the status", ratio(few.cpu, status.cpu), OVER_STATUS, "");
    let secrets = hundred[2].per_second() * SECRETS as f64;
    table.show("secrets a second, a hundred a request", secrets, "");
    let of_one = ratio(hundred[2].cpu, few.cpu) / SECRETS as f64;
    table.at_most("CPU of one of a hundred / of a request for one", of_one, OF_ONE, "");
    let kept = many.per_second() / few.per_second();
    table.at_least("speed with 1,000 clients / with 64", kept, KEPT, "");
    let kept = many.per_second() / unsynced[3].per_second();
    table.at_least("speed with 1,000 clients, synced / not", kept, KEPT, "");
    let fair = ratio(many.quantile(0.99), many.quantile(0.5));
    table.at_most("1,000 clients: p99 / p50", fair, FAIR, "");
    table.at_most("1,000 clients: memory", many.mebibytes(), MEMORY, " MiB");
    table.at_most("1,000 clients over TLS: memory", over_tls[3].mebibytes(), MEMORY, " MiB");
    let all = [synced, unsynced, anew, over_tls, hundred, vec![status]].concat();
    all.iter().for_each(Measured::tell);
    let failed: u64 = all.iter().map(|measured| measured.failed).sum();
    table.at_most("requests that failed", failed as f64, 0.0, "");
    Ok(())
}

struct Rows<'a> {
    program: &'a Path,
    scene: &'a Scene,
}

impl Rows<'_> {
    /// Each has a daemon of its own: what it remembers of requests takes memory, too.
    async fn of(
        &self,
        counts: &[usize],
        work: Work,
        setup: Setup<'_>,
    ) -> io::Result<Vec<Measured>> {
        let mut rows = Vec::new();
        for &count in counts {
            let daemon = Daemon::start(self.program, self.scene, setup)?;
            let callers = Caller::many(self.scene, &daemon, count, work);
            rows.push(self.measured(&daemon, count, callers).await?);
        }
        Ok(rows)
    }

    async fn status(&self, count: usize) -> io::Result<Measured> {
        let daemon = Daemon::start(self.program, self.scene, Setup::default())?;
        let mut askers = Vec::new();
        for _ in 0..count {
            askers.push(Asker(TcpStream::connect(daemon.address()).await?));
        }
        self.measured(&daemon, count, askers).await
    }

    async fn measured(
        &self,
        daemon: &Daemon,
        count: usize,
        workers: Vec<impl Worker>,
    ) -> io::Result<Measured> {
        let measured = measure(daemon, workers, Span::seconds(SPAN)).await?;
        println!(
            "  {:<20} {:>10.0} {:>9.2} {:>9.2} {:>9.0} {:>9.1}",
            format!("{count} clients"),
            measured.per_second(),
            millis(measured.quantile(0.5)),
            millis(measured.quantile(0.99)),
            micros(measured.cpu),
            measured.mebibytes(),
        );
        Ok(measured)
    }
}

fn header(what: &str) {
    println!("{what}");
    println!(
        "  {:<20} {:>10} {:>9} {:>9} {:>9} {:>9}",
        "", "requests/s", "p50 ms", "p99 ms", "CPU us", "peak MiB"
    );
}

/// Asks for the status over a connection.
struct Asker(TcpStream);

impl Worker for Asker {
    async fn work(&mut self, _: usize) -> Result<(), String> {
        raw::exchange(&mut self.0, &raw::status()).await.map_err(|error| error.to_string())
    }
}
