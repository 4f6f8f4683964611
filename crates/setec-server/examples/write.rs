//! Writes secrets as fast as it can, and prints each version once it is answered for: `write FOLDER THREADS`. In the
//! folder are the store, `store`, and the audit log, `log`.
//!
//! Half of the threads put, the others create versions, which are to be active. A value says what it is, so that
//! whoever finds it can tell whether it is whole. The tests start this, to kill it.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use secretary_access::audit::AuditLog;
use secretary_secret::Secret;
use secretary_setec_server::seal::{DataKeys, Header, KeyFile};
use secretary_setec_server::{Outbox, Outcome, SqliteStore, Store, Version, record};
use serde_json::json;

const KEY: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, threads] = &arguments[..] else { return Err("give FOLDER THREADS".into()) };
    let threads: usize = threads.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let server = &runtime.block_on(Server::open(Path::new(folder)))?;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..threads).map(|n| scope.spawn(move || write(server, n))).collect();
        writers.into_iter().try_for_each(|writer| writer.join().expect("no panic"))
    })
}

fn write(server: &Server, thread: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let event = if thread.is_multiple_of(2) { "put" } else { "create-version" };
    let name = format!("{event}/{thread}");
    let found = runtime.block_on(server.store.record(&name))?;
    let last = found.record.map_or(0, |record| record.latest().number());
    for version in last + 1.. {
        runtime.block_on(server.write(event, &name, version))?;
        // In one piece, so that whoever kills this process finds no half line either.
        io::stdout().lock().write_all(format!("{name} {version}\n").as_bytes())?;
    }
    Ok(())
}

struct Server {
    store: SqliteStore,
    keys: DataKeys,
    outbox: Outbox,
}

impl Server {
    async fn open(folder: &Path) -> Result<Self> {
        let store = SqliteStore::open(&folder.join("store"))?;
        let log = AuditLog::open(&folder.join("log"), env!("CARGO_PKG_VERSION"))?;
        let outbox = Outbox::open(Arc::new(log), &store).await?;
        let key = KeyFile::parse(&Secret::from(KEY))?;
        if store.header().await?.is_none() {
            let header = Header::generate(&key).await?;
            let _ = store.replace_header(None, &header).await?;
        }
        let header = store.header().await?.ok_or("there is one now")?;
        Ok(Self { store, keys: header.unwrap(&key).await?, outbox })
    }

    /// The next version of a secret that nobody else writes.
    async fn write(&self, event: &str, name: &str, version: u32) -> Result<()> {
        let found = self.store.record(name).await?;
        let number = Version::new(version).ok_or("versions begin with 1")?;
        let addition = match event {
            "put" => record::put(found.record.as_deref())?,
            _ => record::create_version(found.record.as_deref(), number)?,
        };
        drop(found.record);
        let value = format!("{name} {version} ").repeat(version as usize % 90 + 1);
        let sealed = self.keys.seal(name, number, &Secret::from(value.into_bytes()))?;
        let note = self.outbox.write(event, &json!({"name": name, "version": version})).await?;
        let change = addition.with(sealed);
        match self.store.commit(name, change, found.revision, Some(note)).await? {
            Outcome::Committed => Ok(()),
            Outcome::Conflict => Err("somebody else writes it".into()),
        }
    }
}
