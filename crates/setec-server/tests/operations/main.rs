//! Any sequence of operations, on one thread and on several, does what a model does that has nothing clever in it.

mod concurrent;
mod model;
mod random;
mod sequences;

use std::path::{Path, PathBuf};

use secretary_secret::Secret;
use secretary_setec_server::seal::KeyFile;
use secretary_setec_server::{MemoryStore, SqliteStore, Store, Vault};
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
    block_on(Vault::open(store, &key)).expect("the key it was made with")
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
