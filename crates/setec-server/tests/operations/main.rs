//! Any sequence of operations, on one thread and on several, does what a model does that has nothing clever in it.

mod concurrent;
mod model;
mod order;
mod random;
mod run;
mod sequences;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secretary_access::audit::AuditLog;
use secretary_secret::Secret;
use secretary_setec_server::audit::Audit;
use secretary_setec_server::seal::KeyFile;
use secretary_setec_server::vault::NewNames;
use secretary_setec_server::{Caller, MemoryStore, Principal, Rule, SqliteStore, Store, Vault};
use tempfile::TempDir;

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("no network, no time")
        .block_on(future)
}

/// The vault of a store, which may have been open before.
fn open<S: Store>(store: S) -> Vault<S> {
    let key = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = KeyFile::parse(&Secret::from(key.as_slice())).expect("a key");
    let log = AuditLog::to_writer(Box::new(std::io::sink()), "test").expect("it takes all");
    let audit = block_on(Audit::open(log.into(), &store, Arc::new(|_| ()))).expect("no notes");
    block_on(Vault::open(store.into(), &key, audit.into(), NewNames::Any))
        .expect("the key it was made with")
}

/// Somebody who may do everything.
fn caller() -> Caller {
    Caller { principal: Principal::default(), rules: [Rule::everything()].into() }
}

fn memory() -> Vault<MemoryStore> {
    open(MemoryStore::default())
}

fn sqlite(path: &Path) -> Vault<SqliteStore> {
    open(SqliteStore::open(path).expect("nobody else has it"))
}

/// In memory if there is such a place: what is tested here is not the disk.
fn folder() -> (TempDir, PathBuf) {
    let shared = Path::new("/dev/shm");
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let folder = folder.expect("a folder");
    let path = folder.path().join("store");
    (folder, path)
}
