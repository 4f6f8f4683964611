//! HTTP connections for servers of secrets: bounded in number, memory and time.
//!
//! | module | what it knows |
//! |---|---|
//! | [`listen`] | accepting connections, with and without TLS, and ending them |
//! | [`mod@tls`] | the certificate that is shown, and whose certificates are believed |
//! | `connection` | one of them |
//! | `crowd` | how many there may be, and who makes place |
//! | [`patience`] | how long a connection may take for what it is at |
//! | [`body`] | the body of a request, and how much memory all of them may take |
//!
//! What a request is answered with is the [`Routes`]' business. HTTP is 1.1: each of a few calls is a request of its own,
//! and their clients keep a connection.

pub mod body;
mod connection;
mod crowd;
pub mod listen;
pub mod patience;
pub mod tls;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use rustls::pki_types::CertificateDer;

pub use body::{BodyError, Budget, Held, Share};
pub use listen::{Drain, Limits, Listener};
pub use patience::{ANSWER_TIMEOUT, Patience};
pub use tls::{Clients, Tls};

/// What a request is answered with.
pub type Answer = Response<Full<Bytes>>;

/// What HTTP requests are answered with.
pub trait Routes: Send + Sync + 'static {
    /// The answer to `request`, which came from `peer`. Who reads its body tells the [`Patience`] in the request's
    /// extensions when it is there.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> impl Future<Output = Answer> + Send;
}

/// [`Routes`] of any kind, so that the code of a connection is in a program once and not once for each.
pub(crate) trait AnyRoutes: Send + Sync + 'static {
    /// Receives somebody on a connection of theirs.
    fn receive(self: Arc<Self>, peer: Peer, patience: Patience) -> Arc<dyn Reception>;
}

/// What answers the requests of one connection.
pub(crate) trait Reception: Send + Sync {
    /// The answer to one. The future is in a box, or its memory would be kept between requests.
    fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answering;
}

/// An answer that is being made.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

/// Routes, and who it is that asks. A request shares this with its connection alone: a count that requests on other
/// threads change, too, would have each wait for the others.
struct Guest<R> {
    routes: Arc<R>,
    peer: Peer,
    patience: Patience,
}

impl<R: Routes> AnyRoutes for R {
    fn receive(self: Arc<Self>, peer: Peer, patience: Patience) -> Arc<dyn Reception> {
        Arc::new(Guest { routes: self, peer, patience })
    }
}

impl<R: Routes> Reception for Guest<R> {
    fn answer(self: Arc<Self>, mut request: Request<Incoming>) -> Answering {
        request.extensions_mut().insert(self.patience.clone());
        Box::pin(async move {
            self.patience.has_head();
            let answer = self.routes.answer(request, &self.peer).await;
            self.patience.is_idle();
            Ok(answer)
        })
    }
}

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The address here that it has connected to.
    pub local: SocketAddr,
    /// The certificate that it proved to have, and those that lead from it to one that is believed.
    pub certificates: Option<Arc<[CertificateDer<'static>]>>,
}

/// Who counts connections.
pub trait Counts: Send + Sync + 'static {
    /// There is one more, until what is answered is dropped.
    fn connection(&self) -> Box<dyn Send>;

    /// One was closed at once, because there are too many.
    fn connection_refused(&self);
}

/// Counts nothing.
impl Counts for () {
    fn connection(&self) -> Box<dyn Send> {
        Box::new(())
    }

    fn connection_refused(&self) {}
}
