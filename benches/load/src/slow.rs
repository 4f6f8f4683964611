//! Clients that take their time on purpose, and whether those that do not notice.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::callers::{Caller, Work};
use crate::daemon::{Daemon, Setup};
use crate::measure::{Measured, Paced, Span, measure};
use crate::raw;
use crate::scene::Scene;
use crate::table::{Table, millis, ratio};

/// How many there are of each kind at any time: who is cut off comes again.
const ATTACKERS: usize = 2000;

/// How many ask as they should, each over a new connection.
const HONEST: usize = 8;

/// What a head and a body may take, in seconds, and how much later the end may be seen here.
const CUT_OFF: f64 = 10.0 + 2.0;

/// How much longer the honest ones may have to wait, as they share the machine with those who attack; and with those
/// who come again and again because there is no place for them.
const SLOWER: f64 = 10.0;
const SLOWER_IN_A_CROWD: f64 = 30.0;

/// Longer than it takes until all attackers are cut off.
const ATTACK: Span = Span { warm_up: Duration::from_secs(3), measured: Duration::from_secs(12) };

const SHORT_ATTACK: Span =
    Span { warm_up: Duration::from_secs(3), measured: Duration::from_secs(5) };

/// Compares what the honest ones see alone and beside the others.
pub async fn run(program: &Path, scene: &Scene, table: &Table) -> io::Result<()> {
    table.title("8 clients over new connections, and 6,000 that send or read a byte a second");
    let daemon = Daemon::start(program, scene, Setup::default())?;
    let alone = measure(&daemon, honest(scene, &daemon), Span::seconds(5)).await?;
    let attacked = attack(scene, &daemon, ATTACK).await?;
    table.at_least("connections at once", attacked.connections, 3.0 * ATTACKERS as f64, "");
    compare(table, &alone, &attacked.honest, SLOWER, 0.0);
    let cut_off = attacked.lasted.len() as f64;
    table.at_least("heads and bodies cut off", cut_off, 2.0 * ATTACKERS as f64, "");
    let last = attacked.lasted.iter().max().copied().unwrap_or_default();
    table.at_most("the last of them after", last.as_secs_f64(), CUT_OFF, " s");

    table.title("the same, with room for 1,000 connections");
    let full = Setup { connections: 1000, ..Setup::default() };
    let daemon = Daemon::start(program, scene, full)?;
    let attacked = attack(scene, &daemon, SHORT_ATTACK).await?;
    table.at_least("connections at once", attacked.connections, 990.0, "");
    // One may be sent away itself, when many have come since it did and before it has sent its request.
    let few = 0.01 * attacked.honest.count() as f64;
    compare(table, &alone, &attacked.honest, SLOWER_IN_A_CROWD, few);
    Ok(())
}

fn honest(scene: &Scene, daemon: &Daemon) -> impl Iterator<Item = Paced<Caller>> {
    Paced::all(Caller::many(scene, daemon, HONEST, Work::OneAnew))
}

fn compare(table: &Table, alone: &Measured, beside: &Measured, limit: f64, failed: f64) {
    for (what, measured) in [("alone", alone), ("beside them", beside)] {
        table.show(&format!("requests a second {what}"), measured.per_second(), "");
        table.show(&format!("p99 {what}"), millis(measured.quantile(0.99)), " ms");
    }
    beside.tell();
    table.at_most("requests that failed", (alone.failed + beside.failed) as f64, failed, "");
    let slower = ratio(beside.quantile(0.99), alone.quantile(0.99));
    table.at_most("p99 beside them / alone", slower, limit, "");
}

/// What came of an attack.
struct Attacked {
    honest: Measured,
    /// How many connections there were in the middle of it.
    connections: f64,
    /// After how much time heads and bodies were cut off, or were not, at its end.
    lasted: Vec<Duration>,
}

async fn attack(scene: &Scene, daemon: &Daemon, span: Span) -> io::Result<Attacked> {
    let (stop, stopped) = watch::channel(());
    let mut attackers = JoinSet::new();
    for attack in [Attack::Head, Attack::Body, Attack::Answer] {
        for _ in 0..ATTACKERS {
            attackers.spawn(attack.again_and_again(daemon.address(), stopped.clone()));
        }
    }
    let connections = async {
        sleep(span.warm_up + Duration::from_secs(2)).await;
        raw::metric(daemon.admin_address()?, "secretary_connections").await
    };
    let (honest, connections) =
        tokio::join!(measure(daemon, honest(scene, daemon), span), connections);
    drop(stop);
    let lasted = attackers.join_all().await.into_iter().flatten().collect();
    Ok(Attacked { honest: honest?, connections: connections?, lasted })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attack {
    /// A head, a byte a second.
    Head,
    /// A body, a byte a second.
    Body,
    /// Twenty answers, of which a byte is read each second. They are cut off, too, but later than is waited for here.
    Answer,
}

impl Attack {
    /// Attacks until it is `stopped`, and answers how long each head or body lasted that was cut off, or that lasts
    /// for too long.
    async fn again_and_again(
        self,
        address: SocketAddr,
        stopped: watch::Receiver<()>,
    ) -> Vec<Duration> {
        let mut lasted = Vec::new();
        while stopped.has_changed().is_ok() {
            if let Ok(mut stream) = self.connect(address).await {
                let start = Instant::now();
                let mut stop = stopped.clone();
                let is_cut_off = tokio::select! {
                    () = self.go_on(&mut stream) => true,
                    _ = stop.changed() => false,
                };
                let is_late = start.elapsed().as_secs_f64() > CUT_OFF;
                if self != Self::Answer && (is_cut_off || is_late) {
                    lasted.push(start.elapsed());
                }
            }
            sleep(Duration::from_secs(1)).await;
        }
        lasted
    }

    /// A connection on which it has begun.
    async fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if self == Self::Answer {
            // The least that the system gives, so that answers have to wait for their reader.
            socket.set_recv_buffer_size(1)?;
        }
        let mut stream = socket.connect(address).await?;
        let begin = match self {
            Self::Head => b"G".to_vec(),
            Self::Body => raw::head_of_body(1000),
            Self::Answer => raw::status().repeat(20),
        };
        stream.write_all(&begin).await?;
        Ok(stream)
    }

    /// Goes on, a byte a second, until the other end does not.
    async fn go_on(self, stream: &mut TcpStream) {
        let line = [&b"ET /v1/status HTTP/1.1\r\nX: "[..], &[b'x'; 900]].concat();
        for byte in line {
            let second = Duration::from_secs(1);
            let goes_on = match self {
                Self::Answer => {
                    sleep(second).await;
                    matches!(stream.read(&mut [0]).await, Ok(1))
                }
                Self::Head | Self::Body => {
                    timeout(second, end(stream)).await.is_err()
                        && stream.write_all(&[byte]).await.is_ok()
                }
            };
            if !goes_on {
                return;
            }
        }
    }
}

/// Waits for the end of what comes. What is answered is of no interest.
async fn end(stream: &mut TcpStream) {
    while matches!(stream.read(&mut [0; 512]).await, Ok(1..)) {}
}
