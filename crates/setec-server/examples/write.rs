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
use secretary_setec_server::audit::Audit;
use secretary_setec_server::seal::KeyFile;
use secretary_setec_server::vault::NewNames;
use secretary_setec_server::{Caller, Principal, Rule, SqliteStore, Store, Vault};

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

struct Server {
    store: Arc<SqliteStore>,
    vault: Vault<SqliteStore>,
}

impl Server {
    async fn open(folder: &Path) -> Result<Self> {
        let store = Arc::new(SqliteStore::open(&folder.join("store"))?);
        let log = AuditLog::open(&folder.join("log"), env!("CARGO_PKG_VERSION"))?;
        let audit = Audit::open(Arc::new(log), &*store, Arc::new(|_| ())).await?;
        let key = KeyFile::parse(&Secret::from(KEY))?;
        let vault = Vault::open(Arc::clone(&store), &key, Arc::new(audit), NewNames::Any).await?;
        Ok(Self { store, vault })
    }
}

fn write(server: &Server, thread: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let caller = Caller { principal: Principal::default(), rules: [Rule::everything()].into() };
    let (action, puts) =
        if thread.is_multiple_of(2) { ("put", true) } else { ("create-version", false) };
    let name = format!("{action}/{thread}");
    let found = runtime.block_on(server.store.record(&name))?;
    let last = found.record.map_or(0, |record| record.latest().number());
    for version in last + 1.. {
        let value = format!("{name} {version} ").repeat(version as usize % 90 + 1);
        let value = Secret::from(value.into_bytes());
        if puts {
            runtime.block_on(server.vault.put(&caller, &name, &value))?;
        } else {
            runtime.block_on(server.vault.create_version(&caller, &name, version, &value))?;
        }
        // In one piece, so that whoever kills this process finds no half line either.
        io::stdout().lock().write_all(format!("{name} {version}\n").as_bytes())?;
    }
    Ok(())
}
