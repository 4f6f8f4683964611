//! One connection: TLS, and in it its requests in order.

use std::io::{self, BufReader};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use secretary_test_kms::http::Request;

use crate::fault::send;
use crate::secrets::Secrets;

/// What all connections of a server share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    secrets: Mutex<Secrets>,
    requests: Mutex<Vec<Request>>,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Shared {
    /// Serves one connection to its end.
    pub(crate) fn serve(&self, stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
        let tls = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        let mut stream = BufReader::new(StreamOwned::new(tls, stream));
        while let Some(request) = Request::read(&mut stream)? {
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            let sent = self.answer(&request, stream.get_mut());
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            sent?;
        }
        Ok(())
    }

    fn answer(
        &self,
        request: &Request,
        stream: &mut StreamOwned<ServerConnection, TcpStream>,
    ) -> io::Result<()> {
        lock(&self.requests).push(request.clone());
        let answer = self.secrets().answer(request);
        let fault = self.secrets().take_fault(request);
        match fault {
            Some(fault) => fault.send(&answer, stream),
            None => send(&answer, stream),
        }
    }

    pub(crate) fn secrets(&self) -> MutexGuard<'_, Secrets> {
        lock(&self.secrets)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
