//! What one that does not answer, or answers late, does to who does not need it.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::callers::{Caller, Work};
use crate::daemon::{Daemon, Setup};
use crate::measure::{Measured, Paced, Span, Worker, measure};
use crate::raw;
use crate::scene::{Scene, Workload};
use crate::table::{Table, millis, ratio};

/// How many ask as they should.
const HONEST: usize = 8;

/// How many ask for what does not come.
const WAITING: usize = 500;

/// How much they may lose. Who has to wait for the others loses a hundred times as much.
const FEWER: f64 = 1.5;
const SLOWER: f64 = 10.0;

/// Seconds for which a request about a dead Marathon may last.
const DEAD: f64 = 6.0;

const SPAN: u64 = 3;

/// Marathon is dead, then AWS KMS is slow.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    table.title("8 clients, and 500 of Marathon, which does not answer");
    let dead = Setup { marathon: "hang", ..Setup::default() };
    let hanging = scene.apps.iter().take(WAITING);
    for (what, workload) in [("of the file", &scene.in_file), ("of Mesos", &scene.task)] {
        let daemon = Daemon::start(program, scene, dead)?;
        compare(&daemon, scene, table, (what, workload), hanging.clone()).await?;
    }
    let daemon = Daemon::start(program, scene, dead)?;
    let start = Instant::now();
    let mut stream = TcpStream::connect(daemon.address()).await?;
    let answer = raw::exchange(&mut stream, &raw::decrypt(scene, &scene.apps[0])).await;
    let is_refused = answer.is_err_and(|error| error.to_string().starts_with("HTTP/1.1 503 "));
    table.at_least("a request about Marathon is refused", f64::from(u8::from(is_refused)), 1.0, "");
    table.at_most("it is so after", start.elapsed().as_secs_f64(), DEAD, " s");

    table.title("8 clients with NaCl tokens, and 500 with those of AWS KMS, which takes a second");
    let slow = Setup { kms: "latency-1000", ..Setup::default() };
    let daemon = Daemon::start(program, scene, slow)?;
    let waiting = std::iter::repeat_n(&scene.with_kms, WAITING);
    compare(&daemon, scene, table, ("with NaCl", &scene.in_file), waiting).await
}

/// What those of the one workload see, alone and beside the others.
async fn compare(
    daemon: &Daemon,
    scene: &Scene,
    table: &Table,
    (what, honest): (&str, &Arc<Workload>),
    others: impl Iterator<Item = &Arc<Workload>>,
) -> io::Result<()> {
    let honest =
        || Paced::all((0..HONEST).map(|_| Caller::new(scene, daemon, honest, Work::One)).collect());
    let alone = measure(daemon, honest(), Span::seconds(SPAN)).await?;
    let mut waiting = JoinSet::new();
    for workload in others {
        let mut caller = Caller::new(scene, daemon, workload, Work::One);
        waiting.spawn(async move {
            for number in 0.. {
                let _ = caller.work(number).await;
            }
        });
    }
    let beside = measure(daemon, honest(), Span::seconds(SPAN)).await?;
    let in_flight = raw::metric(daemon.admin_address()?, "secretary_requests_in_flight").await?;
    waiting.shutdown().await;

    let p99 = |measured: &Measured| millis(measured.quantile(0.99));
    table.show(&format!("{what}: p99 alone"), p99(&alone), " ms");
    table.show(&format!("{what}: p99 beside the others"), p99(&beside), " ms");
    table.at_least("requests of the others that wait", in_flight, WAITING as f64 / 5.0, "");
    beside.tell();
    table.at_most("requests that failed", (alone.failed + beside.failed) as f64, 0.0, "");
    let fewer = alone.per_second() / beside.per_second();
    table.at_most("speed alone / beside them", fewer, FEWER, "");
    let slower = ratio(beside.quantile(0.99), alone.quantile(0.99));
    table.at_most("p99 beside them / alone", slower, SLOWER, "");
    Ok(())
}
