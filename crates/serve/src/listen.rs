//! Accepting connections, with and without TLS, and ending them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::patience::Patience;
use crate::tls::Tls;
use crate::{AnyRoutes, Counts, Peer, Routes};

/// How long to wait when the system has no descriptor for another connection.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// How long connections get to come to an end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// At once. One more takes the place of one without a request, or else is closed at once.
    pub connections: usize,
}

/// An address that connections come to.
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// Ends listeners and their connections when it is told to, or dropped.
#[derive(Debug)]
pub struct Drain(watch::Sender<()>);

impl Drain {
    /// Nothing is ended yet.
    pub fn new() -> (Self, watch::Receiver<()>) {
        let (sender, receiver) = watch::channel(());
        (Self(sender), receiver)
    }

    /// No more connections are accepted, and those that there are end after what they are at.
    pub fn begin(self) {
        drop(self.0);
    }
}

impl Listener {
    /// Listens on `address`; on a free port if that is 0.
    ///
    /// # Errors
    ///
    /// When the system does not allow it, for instance because something else listens there.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what comes, until it is `drained` and the last connection has ended, or 30 seconds are over.
    pub async fn serve(
        self,
        routes: Arc<impl Routes>,
        tls: Option<Arc<Tls>>,
        limits: Limits,
        counts: Arc<impl Counts>,
        drained: watch::Receiver<()>,
    ) {
        self.serve_any(routes, tls, limits, counts, drained).await;
    }

    async fn serve_any(
        self,
        routes: Arc<dyn AnyRoutes>,
        tls: Option<Arc<Tls>>,
        limits: Limits,
        counts: Arc<dyn Counts>,
        mut drained: watch::Receiver<()>,
    ) {
        let mut crowd = Crowd::new(limits.connections);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(()) = crowd.one_ended() => continue,
                _ = drained.changed() => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Descriptors come back when connections end.
                sleep(EXHAUSTED).await;
                continue;
            };
            let Some(place) = crowd.place().await else {
                counts.connection_refused();
                continue;
            };
            let (routes, drained) = (routes.clone(), drained.clone());
            let patience = Patience::begin();
            // Without an address of its own it is gone already.
            let Ok(local) = stream.local_addr() else { continue };
            let peer = Box::new(Peer { address: peer, local, certificates: None });
            let connection = Connection { routes, peer, patience: patience.clone(), drained };
            let acceptor = tls.as_ref().map(|tls| tls.acceptor());
            crowd.spawn(patience, (place, counts.connection()), connection.run(stream, acceptor));
        }
        drop(self.listener);
        let all = async { while crowd.one_ended().await.is_some() {} };
        let _ = timeout(DRAIN_TIMEOUT, all).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    use hyper::Request;
    use hyper::body::Incoming;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;
    use tokio::sync::Notify;
    use tokio::time::{Instant, pause};

    use crate::Answer;

    /// Tells of a request, and never answers it.
    struct Never(Notify);

    impl Routes for Never {
        async fn answer(&self, _: Request<Incoming>, _: &Peer) -> Answer {
            self.0.notify_one();
            pending().await
        }
    }

    #[tokio::test]
    async fn a_request_that_never_ends_is_waited_for_thirty_seconds_at_the_end() {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.expect("a port");
        let address = listener.address();
        let (drain, drained) = Drain::new();
        let routes = Arc::new(Never(Notify::new()));
        let limits = Limits { connections: 10 };
        let serving =
            tokio::spawn(listener.serve(routes.clone(), None, limits, Arc::new(()), drained));
        let mut client = TcpStream::connect(address).await.expect("it listens");
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it listens");
        routes.0.notified().await;
        // Nothing comes from the network any more that a clock could overtake.
        pause();
        let begun = Instant::now();
        drain.begin();
        serving.await.expect("no panic");
        assert_eq!(begun.elapsed().as_secs(), 30);
    }
}
