//! A test server that speaks as much of AWS KMS' HTTP API as the client uses, and fails as it is
//! told to.
//!
//! | module | what it knows |
//! |---|---|
//! | [`connection`] | one connection: its requests, routed by path |
//! | [`http`] | requests and answers |
//! | [`listener`] | a port, and a thread for each connection |
//! | [`program`] | arguments and output of a server as a program |
//! | [`settings`] | what a path asks for |
//! | [`wire`] | how an answer is sent, or is not |
//! | [`sigv4`], [`signature`], [`clock`] | the shape of a signed request, its signature, times |
//! | [`kms`], [`arn`], [`blob`] | the three operations, key names, ciphertext |
//! | [`refusal`] | AWS' errors and their texts |
//! | [`credentials`] | where AWS clients get credentials |
//! | [`requests`] | what was seen |
//!
//! # Settings
//!
//! The path of the endpoint URL says how the server behaves to whoever uses it, so one server is
//! enough for many tests: `http://127.0.0.1:PORT/latency-50/throttle-90`. Each segment is a setting:
//!
//! | setting | what it does |
//! |---|---|
//! | none | works |
//! | `latency-MS` | answers so many milliseconds later |
//! | `throttle`, `throttle-PERCENT` | refuses all, or so many of each ten, as `ThrottlingException` |
//! | `fault`, `fault-PERCENT` | the same with 500 and 503 in turns |
//! | `truncate`, `half-open`, `close`, `hang`, `huge`, `slow-body`, `not-http` | half a body and closed; half a body and no more; no answer and closed; no answer; no end; a byte each 100 ms; no HTTP |
//! | the same with `-first-N` | only for the first N requests to this path |
//! | `garbage`, `html-500`, `redirect` | not JSON; a proxy's page; 302 to nobody |
//! | `data-key-N`, `wrong-key`, `no-plaintext` | data keys of N bytes; another key from `Decrypt`; no `Plaintext` |
//! | `denied`, `disabled`, `unknown`, `pending-deletion`, `incorrect-key`, `expired`, `unrecognized`, `bad-signature`, `skew`, `invalid-ciphertext`, `key-unavailable`, `dependency-timeout` | always this error |
//! | `signed-with-SECRET` | hears only what is signed with this secret access key, which has no `/` |
//! | `run-NAME` | nothing; a path of its own to count turns in |
//!
//! [`Server::set`] changes how all paths behave while the server runs.
//!
//! An unknown segment is answered with 404 and a text. `GET /requests` answers [`Requests`] as JSON,
//! `POST /reset` begins it again. Sources of credentials are listed in [`credentials`].
//!
//! # What it is not
//!
//! It keeps no keys: every well-formed key id exists, and the ciphertext holds the data key, only
//! obscured. The signature of a request is looked at for its shape and time, and is verified only under
//! `signed-with-SECRET`.

// The modules are named above and are nobody's interface.
#![allow(rustdoc::private_intra_doc_links)]

mod arn;
mod blob;
mod clock;
mod connection;
mod credentials;
pub mod http;
mod kms;
pub mod listener;
pub mod program;
mod refusal;
mod requests;
mod settings;
mod signature;
mod sigv4;
#[cfg(test)]
mod tests;
pub mod wire;

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::connection::Shared;
use crate::listener::Listener;
pub use crate::requests::{Requests, Seen};

/// A server on a port of its own, which stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    shared: Arc<Shared>,
}

impl Server {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If the system has no port left.
    pub fn start() -> Self {
        Self::start_with(Shared::new(None)).expect("a port on 127.0.0.1")
    }

    /// The same at an address where nobody listens, or nobody any more: for clients that were there before.
    ///
    /// # Panics
    ///
    /// If somebody does.
    pub fn start_at(address: SocketAddr) -> Self {
        let nobody = "nobody listens there";
        Self::start_with_at(Shared::new(None), address).expect(nobody)
    }

    /// The same with a line in `log` for each request. Fails if the system has no port left.
    pub fn start_with_log(log: File) -> io::Result<Self> {
        Self::start_with(Shared::new(Some(log)))
    }

    fn start_with(shared: Shared) -> io::Result<Self> {
        Self::start_with_at(shared, (Ipv4Addr::LOCALHOST, 0).into())
    }

    fn start_with_at(shared: Shared, address: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(shared);
        let listener = Listener::start_at(address, {
            let shared = shared.clone();
            move |stream| shared.serve(stream)
        })?;
        Ok(Self { listener, shared })
    }

    /// Puts `settings`, as in a path, before those of each path, in the place of what was put there before.
    pub fn set(&self, settings: &str) {
        self.shared.set(settings);
    }

    /// `http://127.0.0.1:PORT`, to which `/` and settings can be added.
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What was seen so far.
    pub fn requests(&self) -> Requests {
        self.shared.record.so_far()
    }

    /// Forgets what was seen, and each path's turns.
    pub fn reset(&self) {
        self.shared.record.reset();
    }
}

/// What a ciphertext of this server has in it, for who looks for it where it must not be.
pub fn plaintext_of(ciphertext: &[u8]) -> Option<Vec<u8>> {
    blob::Blob::open(ciphertext).map(|blob| blob.data_key)
}
