//! Writes secrets as fast as it can, and prints each version once it is durable: `write FILE THREADS`.
//!
//! Half of the threads put, the others create versions, which are to be active. A value says what it is, so that
//! whoever finds it can tell whether it is whole. The tests start this, to kill it.

use std::env;
use std::io::{self, Write};
use std::path::Path;

use secretary_secret::Secret;
use secretary_setec_server::seal::KeyFile;
use secretary_setec_server::{SqliteStore, Vault};

const KEY: &[u8] = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, threads] = &arguments[..] else { return Err("give FILE THREADS".into()) };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let store = SqliteStore::open(Path::new(path))?;
    let vault = runtime.block_on(Vault::open(store, &KeyFile::parse(&Secret::from(KEY))?))?;
    let threads: usize = threads.parse()?;
    let vault = &vault;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..threads).map(|n| scope.spawn(move || write(vault, n))).collect();
        writers.into_iter().try_for_each(|writer| writer.join().expect("no panic"))
    })
}

fn write(vault: &Vault<SqliteStore>, thread: usize) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (kind, puts) = if thread.is_multiple_of(2) { ("put", true) } else { ("created", false) };
    let name = format!("{kind}/{thread}");
    let info = runtime.block_on(vault.info(&name)).ok();
    let last = info.and_then(|info| info.versions().last()).map_or(0, |last| last.number());
    for version in last + 1.. {
        let value = Secret::from(
            format!("{name} {version} ").repeat(version as usize % 90 + 1).into_bytes(),
        );
        if puts {
            runtime.block_on(vault.put(&name, &value))?;
        } else {
            runtime.block_on(vault.create_version(&name, version, &value))?;
        }
        // In one piece, so that whoever kills this process finds no half line either.
        io::stdout().lock().write_all(format!("{name} {version}\n").as_bytes())?;
    }
    Ok(())
}
