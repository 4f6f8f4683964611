//! The part of tailscaled that knows who has an address, for tests. It fails as it is told to.
//!
//! | module | what it knows |
//! |---|---|
//! | [`socket`] | connections to a Unix domain socket, each with a thread of its own |
//! | [`tailnet`] | whose which address is, and what is answered |
//! | [`fault`] | what is done instead |
//!
//! ```no_run
//! # use secretary_test_tailscaled::{Machine, Tailscaled};
//! # use serde_json::json;
//! let tailscaled = Tailscaled::start("/tmp/tailscaled.sock".as_ref());
//! let rule = json!({"action": ["get"], "secret": ["prod/*"]});
//! tailscaled.set("127.0.0.1", Machine::with_tags(&["tag:web"]).may(&rule));
//! tailscaled.set("127.0.0.1", Machine::with_tags(&["tag:web"])); // and now it may not
//! ```
//!
//! Like the real one it refuses another `Host`, and a request that comes from a page in a browser (403), then an address
//! that is none (400), and then one that is nobody's (404). Errors that the real one does not have carry a word that no
//! program may pass on.

#![cfg(unix)]
// The modules are named above and are nobody's interface.
#![allow(rustdoc::private_intra_doc_links)]

mod fault;
mod socket;
mod tailnet;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use secretary_test_kms::http::{CANARY, Request};

pub use crate::fault::Fault;
use crate::socket::Socket;
pub use crate::tailnet::Machine;
use crate::tailnet::Tailnet;

/// A server on a socket, which stops when this is dropped.
#[derive(Debug)]
pub struct Tailscaled {
    socket: Socket,
    shared: Arc<Shared>,
}

/// What all connections share.
#[derive(Debug, Default)]
struct Shared {
    tailnet: Mutex<Tailnet>,
    requests: Mutex<Vec<Request>>,
    fault: Mutex<Option<Fault>>,
}

impl Tailscaled {
    /// Listens on `socket`, where nothing may be yet, and knows nobody.
    ///
    /// # Panics
    ///
    /// If the system does not allow it.
    pub fn start(socket: &Path) -> Self {
        let shared = Arc::<Shared>::default();
        let answering = shared.clone();
        let serve = move |stream| answering.serve(stream);
        Self { socket: Socket::start(socket, serve).expect("a folder to write to"), shared }
    }

    /// Whoever connects from this address is that machine, from now on.
    ///
    /// # Panics
    ///
    /// If it is no address.
    pub fn set(&self, address: &str, machine: Machine) {
        let address: IpAddr = address.parse().expect("an address");
        lock(&self.shared.tailnet).set(address, machine);
    }

    /// The address is nobody's, from now on.
    ///
    /// # Panics
    ///
    /// If it is no address.
    pub fn remove(&self, address: &str) {
        let address: IpAddr = address.parse().expect("an address");
        lock(&self.shared.tailnet).remove(address);
    }

    /// All requests fail, from now on, or no more.
    pub fn fail(&self, fault: Option<Fault>) {
        *lock(&self.shared.fault) = fault;
    }

    /// Whoever asks may not, from now on, or may.
    pub fn deny(&self, denied: bool) {
        lock(&self.shared.tailnet).denied = denied;
    }

    /// Ends all connections that there are, as a restart does.
    pub fn disconnect(&self) {
        self.socket.close_all();
    }

    /// All requests so far, in their order.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.socket.connections()
    }
}

impl Shared {
    /// Serves one connection to its end.
    fn serve(&self, stream: std::os::unix::net::UnixStream) -> std::io::Result<()> {
        let mut reader = std::io::BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader)? {
            let answer = lock(&self.tailnet).answer(&request);
            lock(&self.requests).push(request);
            let fault = *lock(&self.fault);
            match fault {
                Some(fault) => fault.send(&answer, reader.get_mut())?,
                None => fault::send(&answer, reader.get_mut())?,
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
