//! One connection, from its first byte to its end.

use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::patience::{HEAD_TIMEOUT, Patience, Watched};
use crate::{AnyRoutes, Peer};

/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;

/// Somebody who has connected.
pub(crate) struct Connection {
    pub(crate) routes: Arc<dyn AnyRoutes>,
    /// In a box, because a connection has it as long as it lives.
    pub(crate) peer: Box<Peer>,
    pub(crate) patience: Patience,
    /// Tells when it is to end.
    pub(crate) drained: watch::Receiver<()>,
}

impl Connection {
    /// Serves until the other end has no more requests, or takes too long for one.
    pub(crate) async fn run(mut self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        // Without it the last part of an answer waits for the one before to be confirmed.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = acceptor else { return self.wait(stream).await };
        // In boxes, or every connection would have room for TLS as long as it lives.
        let accept = Box::pin(async move { acceptor.accept(stream).await.map(Box::new) });
        let accepted = tokio::select! {
            accepted = timeout(HEAD_TIMEOUT, accept) => accepted,
            // There is no request yet that could be waited for.
            _ = self.drained.changed() => return,
        };
        // A connection that fails before there is a request is told to nobody: anybody can cause that.
        if let Ok(Ok(stream)) = accepted {
            // Verified when TLS was agreed upon; without a verifier there are none.
            let shown = stream.get_ref().1.peer_certificates();
            self.peer.certificates =
                shown.map(|chain| chain.iter().map(|one| one.clone().into_owned()).collect());
            self.wait(stream).await;
        }
    }

    /// Waits for a first byte with nothing but the stream: buffers for a request are four times as large as all the rest.
    async fn wait(mut self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        self.patience.is_idle();
        let mut first = [0];
        let read = tokio::select! {
            read = stream.read(&mut first) => read,
            () = self.patience.is_over() => return,
            _ = self.drained.changed() => return,
        };
        if matches!(read, Ok(1)) {
            self.patience.received();
            let stream = Watched::new(stream, first[0], self.patience.clone());
            Box::pin(self.serve(stream)).await;
        }
    }

    async fn serve(self, stream: Watched<impl AsyncRead + AsyncWrite + Unpin>) {
        let Self { routes, peer, patience, mut drained } = self;
        let reception = routes.receive(*peer, patience.clone());
        let service = service_fn(|request| reception.clone().answer(request));
        let mut connection = pin!(
            http1::Builder::new()
                .max_buf_size(MAX_HEAD)
                .half_close(false)
                .serve_connection(TokioIo::new(stream), service)
        );
        // In this order: the connection is what moves the deadline.
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            () = patience.is_over() => return,
            _ = drained.changed() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            biased;
            _ = connection => {}
            () = patience.is_over() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use hyper::body::Incoming;
    use hyper::{Request, Response};
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use crate::{Answer, BodyError, Budget, Drain, Routes};

    const LOCAL: std::net::SocketAddr =
        std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

    /// Reads the body, and answers after a time, and with as many bytes, as the path says: `/SECONDS/BYTES`.
    struct Slow(Arc<Budget>);

    impl Default for Slow {
        fn default() -> Self {
            Self(Arc::new(Budget::new(1 << 20, Duration::from_secs(10))))
        }
    }

    impl Routes for Slow {
        async fn answer(&self, request: Request<Incoming>, _: &Peer) -> Answer {
            let numbers: Vec<u64> =
                request.uri().path().split('/').filter_map(|part| part.parse().ok()).collect();
            let [seconds, bytes] = numbers[..] else { panic!("a path with two numbers") };
            let body = self.0.read(request.into_body()).await;
            sleep(Duration::from_secs(seconds)).await;
            let mut answer = Response::new(vec![b'x'; bytes as usize].into());
            *answer.status_mut() = match body.err() {
                Some(BodyError::TooSlow) => hyper::StatusCode::REQUEST_TIMEOUT,
                _ => hyper::StatusCode::OK,
            };
            answer
        }
    }

    /// A client at one end, and the connection of a daemon at the other.
    struct Scene {
        client: DuplexStream,
        /// Answers with the seconds after which it has ended.
        connection: JoinHandle<u64>,
        drain: Drain,
    }

    impl Scene {
        /// So many bytes find room on their way.
        fn new(room: usize) -> Self {
            let (client, server) = duplex(room);
            let (drain, drained) = Drain::new();
            let peer =
                Peer { address: ([127, 0, 0, 1], 1).into(), local: LOCAL, certificates: None };
            let (routes, patience) = (Arc::new(Slow::default()), Patience::begin());
            let connection = Connection { routes, peer: peer.into(), patience, drained };
            let start = Instant::now();
            let connection = tokio::spawn(async move {
                connection.wait(server).await;
                start.elapsed().as_secs()
            });
            Self { client, connection, drain }
        }

        async fn send(&mut self, text: &str) {
            self.client.write_all(text.as_bytes()).await.expect("it is read");
        }

        /// Sends it a byte a second, for as long as it is read.
        async fn trickle(&mut self, text: &str) {
            for byte in text.bytes() {
                if self.client.write_all(&[byte]).await.is_err() {
                    return;
                }
                sleep(Duration::from_secs(1)).await;
            }
        }

        /// The status of an answer without a body.
        async fn status(&mut self) -> String {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.client.read_u8().await.expect("an answer"));
            }
            String::from_utf8_lossy(&head[9..12]).into_owned()
        }

        /// When the connection has ended, and what came of it that was not read before.
        async fn end(mut self) -> (u64, String) {
            let seconds = self.connection.await.expect("no panic");
            let mut rest = Vec::new();
            self.client.read_to_end(&mut rest).await.expect("it is closed");
            (seconds, String::from_utf8(rest).expect("text"))
        }
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
    }

    async fn seconds(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_waited_for_as_long_as_a_connection_may_be_idle() {
        assert_eq!(Scene::new(1024).end().await, (90, String::new()));
        let mut scene = Scene::new(1024);
        scene.send(&get("/0/0")).await;
        seconds(20).await;
        scene.send(&get("/0/0")).await;
        assert_eq!((scene.status().await, scene.status().await), ("200".into(), "200".into()));
        assert_eq!(scene.end().await, (20 + 90, String::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_ten_seconds_from_its_first_byte() {
        let mut scene = Scene::new(1024);
        seconds(80).await;
        scene.trickle(&get("/0/0")).await;
        assert_eq!(scene.end().await, (80 + 10, String::new()));
        let mut scene = Scene::new(1024);
        scene.send(&get("/0/0")).await;
        assert_eq!(scene.status().await, "200");
        seconds(50).await;
        // And no more after that: nothing else wakes who looks at the time.
        scene.send("G").await;
        assert_eq!(scene.end().await, (50 + 10, String::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_ten_seconds_from_the_end_of_the_head() {
        let mut scene = Scene::new(1024);
        scene.send("POST /0/0 HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n").await;
        seconds(5).await;
        scene.send("\r\n").await;
        scene.trickle(&"x".repeat(100)).await;
        let (seconds, answer) = scene.end().await;
        assert_eq!(seconds, 5 + 10);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_is_not_kept_for_longer_than_an_idle_connection() {
        let mut scene = Scene::new(1024);
        scene.send(&get("/3/1000000")).await;
        let (seconds, _) = scene.end().await;
        assert_eq!(seconds, 3 + 90);
        // Nor is one that is taken a byte a second.
        let mut scene = Scene::new(1024);
        scene.send(&get("/3/1000000")).await;
        while !scene.connection.is_finished() {
            let _ = scene.client.read_u8().await;
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(scene.end().await.0, 3 + 90);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_a_minute_to_make_is_not_made() {
        for (takes, status) in [(59, "200"), (61, "")] {
            let mut scene = Scene::new(1024);
            scene.send(&get(&format!("/{takes}/0"))).await;
            let (seconds, answer) = scene.end().await;
            assert_eq!(seconds, if status.is_empty() { 60 } else { 59 + 90 });
            assert_eq!(answer.get(9..12).unwrap_or_default(), status);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_the_same_however_they_are_cut_into_pieces() {
        let text = format!("{}{}", get("/0/0"), get("/0/0"));
        for at in 0..text.len() {
            let mut scene = Scene::new(1024);
            for part in [&text[..at], &text[at..]] {
                scene.send(part).await;
                seconds(1).await;
            }
            assert_eq!((scene.status().await, scene.status().await), ("200".into(), "200".into()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_what_is_idle_and_waits_for_what_is_not() {
        let mut used = Scene::new(1024);
        used.send(&get("/0/0")).await;
        assert_eq!(used.status().await, "200");
        let mut busy = Scene::new(1024);
        busy.send(&get("/5/0")).await;
        let scenes = [(Scene::new(1024), (1, "")), (used, (2, "")), (busy, (5, "200"))];
        for (scene, expected) in scenes {
            seconds(1).await;
            let Scene { client, connection, drain } = scene;
            drain.begin();
            let (end, answer) = Scene { client, connection, drain: Drain::new().0 }.end().await;
            assert_eq!((end, answer.get(9..12).unwrap_or_default()), expected);
        }
    }

    /// Has no certificate for anybody.
    #[derive(Debug)]
    struct Nobody;

    impl rustls::server::ResolvesServerCert for Nobody {
        fn resolve(
            &self,
            _: rustls::server::ClientHello<'_>,
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            None
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_begins_no_tls_is_waited_for_ten_seconds() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has cipher suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Nobody));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut client, (stream, peer)) = (client.expect("one"), accepted.expect("the same"));
        let (routes, patience) = (Arc::new(Slow::default()), Patience::begin());
        let (_drain, drained) = Drain::new();
        let peer = Peer { address: peer, local: LOCAL, certificates: None };
        let connection = Connection { routes, peer: peer.into(), patience, drained };
        let start = Instant::now();
        let run = connection.run(stream, Some(TlsAcceptor::from(Arc::new(config))));
        assert!(size_of_val(&run) <= 1024, "every connection has that, as long as it lives");
        run.await;
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(client.read(&mut [0]).await.expect("it is closed"), 0);
    }
}
