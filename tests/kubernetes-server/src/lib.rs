//! The part of a Kubernetes API server that knows secrets, over TLS, for tests. It fails as it is told to.
//!
//! | module | what it knows |
//! |---|---|
//! | [`certificate`] | an authority of its own, and certificates of it, good and bad |
//! | [`secrets`] | what is answered to whom |
//! | [`fault`] | what is done instead |
//! | [`connection`] | one connection: its requests, and what of them is remembered |
//!
//! ```no_run
//! # use secretary_test_kubernetes::Server;
//! let server = Server::start();
//! server.add("default", "database", &[("password", b"hunter2")]);
//! let folder = std::path::Path::new("/tmp/serviceaccount");
//! server.write_account(folder); // ca.crt, token and namespace, as in a pod
//! ```
//!
//! Like the real one it asks for the token first (401), then for the right (403), and then says whether there is such a
//! secret (404). Each error has a word in its text that no program may pass on.

// The modules are named above and are nobody's interface.
#![allow(rustdoc::private_intra_doc_links)]

mod certificate;
mod connection;
mod fault;
mod secrets;

use std::fs;
use std::path::Path;
use std::sync::Arc;

pub use secretary_test_kms::http::{CANARY, Request};
use secretary_test_kms::listener::Listener;

pub use crate::certificate::Certificate;
use crate::connection::Shared;
pub use crate::fault::Fault;

/// The one token that is accepted.
pub const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.TOKEN-OF-THE-SERVICE-ACCOUNT.c2lnbmF0dXJl";

/// A server on a port of its own, which stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    shared: Arc<Shared>,
    ca: String,
}

impl Server {
    /// Starts a server on 127.0.0.1 that has no secrets yet.
    ///
    /// # Panics
    ///
    /// If the system has no port left.
    pub fn start() -> Self {
        Self::with_certificate(Certificate::Good)
    }

    /// The same with a certificate that need not be good.
    ///
    /// # Panics
    ///
    /// If the system has no port left.
    pub fn with_certificate(certificate: Certificate) -> Self {
        let (config, ca) = certificate::made(certificate);
        let shared = Arc::<Shared>::default();
        let serve = {
            let shared = shared.clone();
            move |stream| shared.serve(stream, &config)
        };
        Self { listener: Listener::start(serve).expect("a port on 127.0.0.1"), shared, ca }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.listener.address().port()
    }

    /// Writes what a pod has of its service account into `folder`.
    ///
    /// # Panics
    ///
    /// If that can't be written.
    pub fn write_account(&self, folder: &Path) {
        fs::write(folder.join("ca.crt"), &self.ca).expect("room");
        fs::write(folder.join("token"), TOKEN).expect("room");
        fs::write(folder.join("namespace"), "default").expect("room");
    }

    /// There is this secret; a later one takes the place of an earlier one.
    pub fn add(&self, namespace: &str, name: &str, data: &[(&str, &[u8])]) {
        self.shared.secrets().add(namespace, name, data);
    }

    /// The token's owner may not get this secret, whether there is one or not.
    pub fn forbid(&self, namespace: &str, name: &str) {
        self.shared.secrets().forbid(namespace, name);
    }

    /// The next `times` requests for this secret fail.
    pub fn fail(&self, namespace: &str, name: &str, fault: Fault, times: usize) {
        self.shared.secrets().fail(namespace, name, fault, times);
    }

    /// All requests so far, in their order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests()
    }

    /// How many requests there were at once at most.
    pub fn most_at_once(&self) -> usize {
        self.shared.most_at_once()
    }
}
