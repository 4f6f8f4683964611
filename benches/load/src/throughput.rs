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

const SPAN: u64 = 3;

/// Prints a row for each number of clients, and compares.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    let rows = Rows { program, scene };
    let mut all = Vec::new();
    header("one secret a request, each decision synced to a file");
    let mut synced = Vec::new();
    for count in [1, 8, 64, 1000] {
        synced.push(rows.row(count, Work::One, Setup::default()).await?);
    }
    header("the same, decisions to standard error and not synced");
    let stderr = Setup { audit: Audit::Stderr, ..Setup::default() };
    let mut unsynced = Vec::new();
    for count in [1, 8, 64, 1000] {
        unsynced.push(rows.row(count, Work::One, stderr).await?);
    }
    header("over a new connection each time");
    let anew = rows.row(64, Work::OneAnew, Setup::default()).await?;
    header("over TLS and a new connection each time");
    let tls = Setup { transport: Transport::Tls, ..Setup::default() };
    let mut over_tls = Vec::new();
    for count in [1, 8, 64, 1000] {
        over_tls.push(rows.row(count, Work::OneAnew, tls).await?);
    }
    header("a hundred secrets a request");
    let mut batches = Vec::new();
    for count in [1, 8, 64] {
        batches.push(rows.row(count, Work::Hundred, Setup::default()).await?);
    }
    header("the status, which costs no more than HTTP does");
    let status = rows.status(64).await?;

    let bare = bare::one_request(scene);
    table.title("compared");
    let (one, many) = (&synced[2], &batches[2]);
    table.show("bare boxes of a request", micros(bare), " us");
    table.show("CPU of a request / bare boxes", ratio(one.cpu, bare), "");
    table.show("CPU of a request / of the status", ratio(one.cpu, status.cpu), "");
    let per_secret = many.cpu / SECRETS as u32;
    table.show("CPU of a secret of 100 / of a request for 1", ratio(per_secret, one.cpu), "");
    table.show(
        "1,000 clients: speed synced / not",
        synced[3].per_second() / unsynced[3].per_second(),
        "",
    );
    table.show(
        "64 clients: speed synced / not",
        synced[2].per_second() / unsynced[2].per_second(),
        "",
    );
    table.show(
        "1,000 clients: p99 / p50",
        ratio(synced[3].quantile(0.99), synced[3].quantile(0.5)),
        "",
    );
    table.show(
        "speed of 1,000 clients / of 64",
        synced[3].per_second() / synced[2].per_second(),
        "",
    );
    all.extend(
        synced.into_iter().chain(unsynced).chain(over_tls).chain(batches).chain([anew, status]),
    );
    let failed: u64 = all.iter().map(|measured| measured.failed).sum();
    if let Some(why) = all.iter().find_map(|measured| measured.why.as_deref()) {
        println!("  {why}");
    }
    table.at_most("requests that failed", failed as f64, 0.0, "");
    Ok(())
}

struct Rows<'a> {
    program: &'a Path,
    scene: &'a Scene,
}

impl Rows<'_> {
    /// Each has a daemon of its own: what it remembers of requests takes memory, too.
    async fn row(&self, count: usize, work: Work, setup: Setup<'_>) -> io::Result<Measured> {
        let daemon = Daemon::start(self.program, self.scene, setup)?;
        let callers = Caller::many(self.scene, &daemon, count, work);
        self.measured(&daemon, count, callers).await
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
            daemon.peak_memory()? as f64 / f64::from(1 << 20),
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
