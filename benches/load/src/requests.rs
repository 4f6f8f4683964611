//! How many requests a container with a hundred secrets makes, and how many are made for it.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::callers::{Caller, Work};
use crate::daemon::{Daemon, Setup};
use crate::measure::Worker;
use crate::raw;
use crate::scene::{SECRETS, Scene, Workload};
use crate::table::{Table, millis, ratio};

/// Counts what `secretary decrypt -e` does, and what a client does that asks for each secret by itself.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    table.title("`decrypt -e` in a container with 100 secrets");
    let workload = &scene.apps[0];
    let daemon = Daemon::start(program, scene, Setup::default())?;
    scene.cluster.reset();
    decrypt(program, scene, workload, &daemon, SECRETS)?;
    let (requests, calls) = counts(scene, &daemon).await?;
    table.at_most("requests to decrypt", requests, 1.0, "");
    table.at_most("calls of Marathon", calls, 2.0, "");

    let daemon = Daemon::start(program, scene, Setup::default())?;
    scene.cluster.reset();
    let mut caller = Caller::new(scene, &daemon, workload, Work::One);
    for number in 0..SECRETS {
        caller.work(number).await.map_err(io::Error::other)?;
    }
    let (requests, calls) = counts(scene, &daemon).await?;
    table.show("requests to decrypt, without batches", requests, "");
    table.show("calls of Marathon, without batches", calls, "");

    let fastest = |count| -> io::Result<Duration> {
        let times = (0..20).map(|_| decrypt(program, scene, workload, &daemon, count));
        Ok(times.collect::<io::Result<Vec<_>>>()?.into_iter().min().unwrap_or_default())
    };
    let (one, all) = (fastest(1)?, fastest(SECRETS)?);
    table.show("whole run with 1 secret", millis(one), " ms");
    table.show("whole run with 100 secrets", millis(all), " ms");
    table.at_most("100 secrets / 1 secret", ratio(all, one), 4.0, "");
    Ok(())
}

/// Runs the program as the container's first one would be, with so many of its secrets, and answers how long it took.
fn decrypt(
    program: &Path,
    scene: &Scene,
    workload: &Workload,
    daemon: &Daemon,
    count: usize,
) -> io::Result<Duration> {
    let environment = workload.environment(scene, &daemon.url());
    let mut command = Command::new(program);
    let names = environment.len() - SECRETS;
    command.args(["decrypt", "-e"]).env_clear().envs(environment.into_iter().take(names + count));
    let start = Instant::now();
    let output = command.output()?;
    let taken = start.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    match workload.secrets[..count].iter().all(|secret| text.contains(&secret.plaintext)) {
        true => Ok(taken),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// Requests to decrypt that there were so far, and those to Marathon.
async fn counts(scene: &Scene, daemon: &Daemon) -> io::Result<(f64, f64)> {
    let requests = raw::metric(daemon.admin_address()?, "secretary_requests_total").await?;
    Ok((requests, scene.cluster.requests().len() as f64))
}
