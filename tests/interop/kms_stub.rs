//! AWS KMS and a machine's metadata as they were stubbed for the recordings.
//!
//! The recorded program asked `kms.REGION.amazonaws.com`; `tests/tls` asks there, too. Here it is plain
//! HTTP, because what is compared is inside.

use std::sync::{Arc, Mutex};

use crate::http::{Answer, Request, listen, serve};

/// A server that keeps what it was asked.
pub(crate) struct Stub {
    port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Stub {
    /// Starts one on 127.0.0.1.
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Clone + Send + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let record = seen.clone();
        let port = listen(move |stream| {
            serve(stream, |request| {
                let answer = answer(&request);
                record.lock().expect("no thread panicked").push(request);
                answer
            });
        });
        Self { port, seen }
    }

    /// `NAME=http://127.0.0.1:PORT`, for an environment.
    pub(crate) fn variable(&self, name: &str) -> Vec<u8> {
        format!("{name}=http://127.0.0.1:{}", self.port).into_bytes()
    }

    /// All requests so far, in their order.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("no thread panicked").clone()
    }
}
