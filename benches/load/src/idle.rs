//! What connections cost that nothing happens on.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::daemon::{Daemon, Setup, Transport};
use crate::raw;
use crate::scene::Scene;
use crate::table::Table;

const CONNECTIONS: usize = 10_000;

/// Memory for each of so many connections: fresh ones, and those that have asked once.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    table.title("10,000 idle connections, daemon's memory for each");
    let plain = Daemon::start(program, scene, Setup::default())?;
    let before = plain.memory()?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(TcpStream::connect(plain.address()).await?);
    }
    let fresh = settled(&plain).await?;
    table.at_most("that have sent nothing", each(before, fresh), 15.0, " KiB");
    let request = raw::decrypt(scene, &scene.apps[0]);
    for stream in &mut streams {
        raw::exchange(stream, &request).await?;
    }
    let used = settled(&plain).await?;
    table.at_most("that have asked for a secret", each(before, used), 15.0, " KiB");
    drop((streams, plain));

    let daemon =
        Daemon::start(program, scene, Setup { transport: Transport::Tls, ..Setup::default() })?;
    let before = daemon.memory()?;
    let connector = raw::tls(scene)?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(raw::connect(&connector, daemon.address()).await?);
    }
    let fresh = settled(&daemon).await?;
    table.show("over TLS, that have sent nothing", each(before, fresh), " KiB");
    for stream in &mut streams {
        raw::exchange(stream, &request).await?;
    }
    let used = settled(&daemon).await?;
    table.show("over TLS, that have asked for a secret", each(before, used), " KiB");
    Ok(())
}

/// Memory after the last connection has been taken in.
async fn settled(daemon: &Daemon) -> io::Result<u64> {
    sleep(Duration::from_millis(500)).await;
    daemon.memory()
}

fn each(before: u64, after: u64) -> f64 {
    after.saturating_sub(before) as f64 / 1024.0 / CONNECTIONS as f64
}
