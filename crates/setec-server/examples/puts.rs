//! How many puts a second are durable with their audit lines, beside what the disk can do: `puts FOLDER [ROUNDS]`.
//!
//! What is compared takes many short turns in the same run, because a disk is not as fast at one time as at another.
//! The measure is a block of 4 KiB that is appended to a file and synced (`fdatasync`), one after the other. Of all
//! turns there are the median, and the one that only a tenth is better than: on a machine that others use too, that
//! says more.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, iter, thread};

use secretary_access::audit::AuditLog;
use secretary_setec_server::record::put;
use secretary_setec_server::store::{Outcome, SqliteStore, Store};
use secretary_setec_server::{Outbox, Sealed};
use serde::Serialize;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long each takes its turn.
const TURN: Duration = Duration::from_millis(200);

/// About what the server says of a put.
#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    version: u32,
    principal: &'a str,
    addr: &'a str,
    authorized: bool,
}

/// What a put waits for beside the store.
#[derive(Clone, Copy)]
enum Audit {
    /// Nothing.
    None,
    /// That the line is written.
    Outbox,
    /// That the line is durable.
    Waiting,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, rounds) = match &arguments[..] {
        [folder] => (folder, 20),
        [folder, rounds] => (folder, rounds.parse::<usize>()?.max(1)),
        _ => return Err("give FOLDER [ROUNDS]".into()),
    };
    let folder = tempfile::tempdir_in(folder)?;
    let server = Server::open(folder.path())?;
    let measured: [(&str, Turn<'_>); 6] = [
        ("a block appended and synced", Box::new(|| blocks(folder.path()))),
        ("puts, 1 thread", Box::new(|| server.puts(1, Audit::Outbox))),
        ("  without an audit line", Box::new(|| server.puts(1, Audit::None))),
        ("  waiting for the line first", Box::new(|| server.puts(1, Audit::Waiting))),
        ("puts, 8 threads", Box::new(|| server.puts(8, Audit::Outbox))),
        ("puts, 64 threads", Box::new(|| server.puts(64, Audit::Outbox))),
    ];
    let mut rates = vec![Vec::new(); measured.len()];
    for _ in 0..rounds {
        for (rates, (_, turn)) in iter::zip(&mut rates, &measured) {
            rates.push(turn()?);
        }
    }
    for rates in &mut rates {
        rates.sort_by(f64::total_cmp);
    }
    let mut out = std::io::stdout();
    writeln!(out, "{:<30} {:>18}  {:>26}", "", "median", "best tenth")?;
    for (of, (name, _)) in iter::zip(&rates, &measured) {
        let [median, best] = [rounds / 2, rounds * 9 / 10].map(|place| {
            let (rate, disk) = (of[place], rates[0][place]);
            format!("{rate:>8.0}/s  {:>6.2} x disk", rate / disk)
        });
        writeln!(out, "{name:<30} {median}   {best}")?;
    }
    Ok(())
}

type Turn<'a> = Box<dyn Fn() -> Result<f64, Failure> + 'a>;

/// How often a second `once` can be done.
fn rate(mut once: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < TURN {
        once()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

fn blocks(folder: &Path) -> Result<f64, Failure> {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("blocks"))?;
    rate(|| {
        file.write_all(&[7; 4096])?;
        Ok(file.sync_data()?)
    })
}

struct Server {
    log: Arc<AuditLog>,
    outbox: Outbox,
    store: SqliteStore,
}

impl Server {
    fn open(folder: &Path) -> Result<Self, Failure> {
        let log = Arc::new(AuditLog::open(&folder.join("log"), "1")?);
        let store = SqliteStore::open(&folder.join("store"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let outbox = runtime.block_on(Outbox::open(Arc::clone(&log), &store))?;
        Ok(Self { log, outbox, store })
    }

    fn puts(&self, threads: usize, audit: Audit) -> Result<f64, Failure> {
        thread::scope(|scope| {
            let put = |thread| {
                move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                    let name = format!("secret/{thread}");
                    rate(|| runtime.block_on(self.put(&name, audit)))
                }
            };
            let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(put(thread))).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        })
    }

    async fn put(&self, name: &str, audit: Audit) -> Result<(), Failure> {
        let found = self.store.record(name).await?;
        let addition = put(found.record.as_ref())?;
        drop(found.record);
        let version = addition.version().number();
        let (principal, addr) = ("deploy@example.com", "192.0.2.7:50000");
        let entry = Entry { name, version, principal, addr, authorized: true };
        let note = match audit {
            Audit::None => None,
            Audit::Outbox => Some(self.outbox.write("put", &entry).await?),
            Audit::Waiting => self.log.append_and_wait("put", &entry).map(|_| None)?,
        };
        let change = addition.with(Sealed::from(&[7; 200][..]));
        match self.store.commit(name, change, found.revision, note).await? {
            Outcome::Committed => Ok(()),
            Outcome::Conflict => Err("nobody else writes this secret".into()),
        }
    }
}
