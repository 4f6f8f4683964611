//! A Unix domain socket on which every connection has a thread of its own, until it is given up.
//!
//! It may not know what is said on a connection.

use std::collections::HashMap;
use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::lock;

/// Where it listens. Dropping it ends all its connections, also those that wait for a peer, and removes the socket.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    open: Arc<Open>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Open {
    stopping: AtomicBool,
    count: AtomicUsize,
    streams: Mutex<HashMap<usize, UnixStream>>,
}

impl Socket {
    pub(crate) fn start(
        path: &Path,
        serve: impl Fn(UnixStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let (open, serve) = (Arc::<Open>::default(), Arc::new(serve));
        let accepting = thread::spawn({
            let open = open.clone();
            move || {
                for stream in listener.incoming() {
                    if open.stopping.load(Ordering::SeqCst) {
                        return;
                    }
                    let Ok(stream) = stream else { continue };
                    let (open, serve) = (open.clone(), serve.clone());
                    let number = open.count.fetch_add(1, Ordering::SeqCst);
                    let Ok(kept) = stream.try_clone() else { continue };
                    lock(&open.streams).insert(number, kept);
                    thread::spawn(move || {
                        // How a connection ends is often what a test is about.
                        let _ = serve(stream);
                        if let Some(stream) = lock(&open.streams).remove(&number) {
                            let _ = stream.shutdown(Shutdown::Both);
                        }
                    });
                }
            }
        });
        Ok(Self { path: path.to_path_buf(), open, accepting: Some(accepting) })
    }

    pub(crate) fn connections(&self) -> usize {
        self.open.count.load(Ordering::SeqCst)
    }

    pub(crate) fn close_all(&self) {
        for stream in lock(&self.open.streams).values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.open.stopping.store(true, Ordering::SeqCst);
        // A connection of our own is what wakes the accepting thread.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            let _ = accepting.join();
        }
        self.close_all();
        let _ = std::fs::remove_file(&self.path);
    }
}
