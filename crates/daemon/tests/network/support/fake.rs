//! A server that answers each request as it is told to, and remembers all of them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A request that came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The head, as it came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) send: Send,
}

/// How an answer is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Send {
    /// All of it.
    Whole,
    /// As many bytes of the body as this, and then the connection is closed.
    Cut(usize),
    /// The body again and again.
    Endless,
    /// A byte of the body after each of these pauses.
    Slowly(Duration),
    /// No answer, and the connection is closed.
    Close,
    /// No answer, and the connection stays.
    Never,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), send: Send::Whole }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    pub(crate) fn sent(self, send: Send) -> Self {
        Self { send, ..self }
    }
}

type Handler = Arc<dyn Fn(Received) -> BoxFuture<'static, Reply> + std::marker::Send + Sync>;

/// The server. It ends when this is dropped.
pub(crate) struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    handler: Mutex<Handler>,
    received: Mutex<Vec<Received>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    connections: AtomicUsize,
}

impl Fake {
    /// One that answers nothing yet but 404.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            handler: Mutex::new(Arc::new(|_| Box::pin(async { Reply::new(404, "") }))),
            received: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, accepting }
    }

    /// What it answers from now on.
    pub(crate) fn answer<F>(
        &self,
        handler: impl Fn(Received) -> F + std::marker::Send + Sync + 'static,
    ) where
        F: Future<Output = Reply> + std::marker::Send + 'static,
    {
        *self.shared.handler.lock().expect("no panic") =
            Arc::new(move |received| Box::pin(handler(received)));
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests to `path` so far.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        let received = self.shared.received.lock().expect("no panic");
        received.iter().filter(|received| received.path == path).cloned().collect()
    }

    /// Forgets them, and how many there were at once.
    pub(crate) fn forget(&self) {
        self.shared.received.lock().expect("no panic").clear();
        self.shared.most_under_way.store(0, Ordering::SeqCst);
        self.shared.connections.store(0, Ordering::SeqCst);
    }

    /// The most requests that were under way at once.
    pub(crate) fn most_under_way(&self) -> usize {
        self.shared.most_under_way.load(Ordering::SeqCst)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = shared.clone();
        tokio::spawn(async move { drop(shared.serve(stream).await) });
    }
}

impl Shared {
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        while let Some(received) = read(&mut stream).await? {
            self.received.lock().expect("no panic").push(received.clone());
            let handler = self.handler.lock().expect("no panic").clone();
            let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_under_way.fetch_max(under_way, Ordering::SeqCst);
            let reply = handler(received).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            if !write(stream.get_mut(), reply).await? {
                return Ok(());
            }
        }
        Ok(())
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    let mut words = head.split(' ').map(str::to_string);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let len = head.lines().filter_map(|line| line.split_once(':'));
    let mut len = len.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let len = len.next().and_then(|(_, len)| len.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await?;
    Ok(Some(Received { method, path, head, body }))
}

/// Whether there may be another request.
async fn write(stream: &mut TcpStream, reply: Reply) -> std::io::Result<bool> {
    let Reply { status, headers, body, send } = reply;
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head =
        |length: &str| format!("HTTP/1.1 {status} X\r\n{headers}{length}\r\n\r\n").into_bytes();
    let whole = head(&format!("Content-Length: {}", body.len()));
    match send {
        Send::Whole => {
            stream.write_all(&[whole, body].concat()).await?;
            return Ok(true);
        }
        Send::Cut(len) => stream.write_all(&[&whole, &body[..len]].concat()).await?,
        Send::Endless => {
            stream.write_all(&head("Transfer-Encoding: chunked")).await?;
            let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await?;
            }
        }
        Send::Slowly(pause) => {
            stream.write_all(&whole).await?;
            for byte in body {
                sleep(pause).await;
                stream.write_all(&[byte]).await?;
            }
            return Ok(true);
        }
        Send::Close => {}
        Send::Never => drop(stream.read(&mut [0]).await),
    }
    Ok(false)
}
