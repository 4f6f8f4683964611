//! A port on which every connection has a thread of its own, until it is given up.
//!
//! It may not know what is said on a connection.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A port of 127.0.0.1. Dropping it ends all its connections, also those that wait for a peer.
pub struct Listener {
    address: SocketAddr,
    connections: Arc<Connections>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    /// Serves each connection with `serve`. How one ends is the peer's affair, and often what a test is
    /// about, so its error is of no interest.
    ///
    /// # Errors
    ///
    /// When the system has no port left.
    pub fn start(
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// The same at an address where nobody listens, or nobody any more.
    ///
    /// # Errors
    ///
    /// When somebody does.
    pub fn start_at(
        address: SocketAddr,
        serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections::default());
        let serve: Arc<Serve> = Arc::new(serve);
        let accepting = thread::spawn({
            let connections = connections.clone();
            move || accept(&listener, &connections, &serve)
        });
        Ok(Self { address, connections, accepting: Some(accepting) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, to which `/` and a path can be added.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.connections.stopping.store(true, Ordering::SeqCst);
        // A connection of our own is what wakes the accepting thread.
        let woken = TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            let _ = accepting.join();
        }
        self.connections.close_all();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listener({})", self.address)
    }
}

type Serve = dyn Fn(TcpStream) -> io::Result<()> + Send + Sync;

fn accept(listener: &TcpListener, connections: &Arc<Connections>, serve: &Arc<Serve>) {
    for (number, stream) in (0_u64..).zip(listener.incoming()) {
        if connections.stopping.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(stream) = stream {
            let (connections, serve) = (connections.clone(), serve.clone());
            thread::spawn(move || {
                let _ = connections.register(number, &stream).and_then(|()| serve(stream));
                connections.open().remove(&number);
            });
        }
    }
}

/// Those that are open, so that a stop ends what waits for a peer.
#[derive(Debug, Default)]
struct Connections {
    stopping: AtomicBool,
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Connections {
    fn register(&self, number: u64, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut open = self.open();
        open.insert(number, stream.try_clone()?);
        // Asked under the lock: a stop is either seen here or finds the connection in the list.
        if self.stopping.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn close_all(&self) {
        for stream in self.open().values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
