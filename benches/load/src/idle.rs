//! What connections cost that nothing happens on.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::daemon::{Daemon, Setup, Transport};
use crate::raw;
use crate::scene::Scene;
use crate::table::Table;

const CONNECTIONS: usize = 10_000;

/// KiB for each. Most of it are buffers that are made when the first byte of a request comes.
const PLAIN: f64 = 15.0;
/// With keys, counters and a buffer for records.
const OVER_TLS: f64 = 32.0;

/// Memory for each of so many connections: fresh ones, and those that have asked once.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    table.title("10,000 idle connections, daemon's memory for each");
    let daemon = Daemon::start(program, scene, Setup::default())?;
    let before = daemon.memory()?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(TcpStream::connect(daemon.address()).await?);
    }
    Idle { scene, table, daemon, before, limit: PLAIN }.measure("over HTTP", streams).await?;

    let setup = Setup { transport: Transport::Tls, ..Setup::default() };
    let daemon = Daemon::start(program, scene, setup)?;
    let before = daemon.memory()?;
    let connector = raw::tls(scene)?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        streams.push(raw::connect(&connector, daemon.address()).await?);
    }
    Idle { scene, table, daemon, before, limit: OVER_TLS }.measure("over TLS", streams).await
}

struct Idle<'a> {
    scene: &'a Scene,
    table: &'a Table,
    daemon: Daemon,
    /// Memory without connections.
    before: u64,
    limit: f64,
}

impl Idle<'_> {
    async fn measure(
        &self,
        what: &str,
        mut streams: Vec<impl AsyncRead + AsyncWrite + Unpin>,
    ) -> io::Result<()> {
        let fresh = self.each().await?;
        self.table.at_most(&format!("{what}, nothing sent yet"), fresh, self.limit, " KiB");
        let request = raw::decrypt(self.scene, &self.scene.apps[0]);
        for stream in &mut streams {
            raw::exchange(stream, &request).await?;
        }
        let used = self.each().await?;
        self.table.at_most(&format!("{what}, after a request"), used, self.limit, " KiB");
        Ok(())
    }

    /// KiB for each connection, when all of them are there.
    async fn each(&self) -> io::Result<f64> {
        let admin = self.daemon.admin_address()?;
        while raw::metric(admin, "secretary_connections").await? < CONNECTIONS as f64 {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(500)).await;
        let bytes = self.daemon.memory()?.saturating_sub(self.before);
        Ok(bytes as f64 / 1024.0 / CONNECTIONS as f64)
    }
}
