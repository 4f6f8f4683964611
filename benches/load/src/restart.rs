//! A cluster that starts: containers of many apps at once, while Marathon takes its time.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::callers::{Caller, Work};
use crate::daemon::{Daemon, Setup};
use crate::measure::Worker;
use crate::scene::{APPS, Scene};
use crate::table::{Table, ratio};

/// How long Marathon takes for each call, of which the daemon makes sixteen at a time.
const LATENCY: Duration = Duration::from_millis(50);
const AT_ONCE: u32 = 16;

/// How much longer it may take than two calls for each app do. Who has waited for a turn for too long is told so, and comes
/// again.
const LONGER: f64 = 3.0;
/// How many calls there may be for each app, when answers get too old in the meantime.
const CALLS: f64 = 4.0;

/// Each asks for its hundred secrets once.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    table.title("1,000 containers of 1,000 apps at once, Marathon answers after 50 ms");
    let slow = Setup { marathon: "latency-50", ..Setup::default() };
    let daemon = Daemon::start(program, scene, slow)?;
    scene.cluster.reset();
    let mut starting = JoinSet::new();
    let start = Instant::now();
    for app in &scene.apps {
        let mut caller = Caller::new(scene, &daemon, app, Work::Hundred);
        starting.spawn(async move { (caller.work(0).await, start.elapsed()) });
    }
    let ended = starting.join_all().await;
    let failed = ended.iter().filter(|(result, _)| result.is_err()).count();
    if let Some((Err(why), _)) = ended.iter().find(|(result, _)| result.is_err()) {
        println!("  {why}");
    }
    let last = ended.iter().map(|(_, time)| *time).max().unwrap_or_default();
    table.at_most("containers that failed", failed as f64, 0.0, "");
    table.show("the last one has its secrets after", last.as_secs_f64(), " s");
    let least = LATENCY * 2 * u32::try_from(APPS).unwrap_or(u32::MAX) / AT_ONCE;
    table.at_most("the same / what the calls alone take", ratio(last, least), LONGER, "");
    let calls = scene.cluster.requests().len() as f64;
    table.at_most("calls of Marathon for each", calls / APPS as f64, CALLS, "");
    Ok(())
}
