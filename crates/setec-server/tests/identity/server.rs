//! A server that answers with who called, and what they may do.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use secretary_serve::{Answer, Drain, Limits, Listener, Peer, Routes, Tls};
use secretary_setec_api::Action;
use secretary_setec_server::{Caller, Evidence, Identities};

struct Echo(Arc<Identities>);

impl Routes for Echo {
    async fn answer(&self, request: Request<Incoming>, peer: &Peer) -> Answer {
        let evidence = Evidence { peer, headers: request.headers() };
        let (status, text) = match self.0.identify(evidence).await {
            Ok(caller) => (StatusCode::OK, said(&caller)),
            Err(unidentified) => (StatusCode::INTERNAL_SERVER_ERROR, unidentified.to_string()),
        };
        let mut answer = Response::new(text.into_bytes().into());
        *answer.status_mut() = status;
        answer
    }
}

/// `user@hostname tags get-prod/db`
pub(crate) fn said(caller: &Caller) -> String {
    let may = if caller.may(Action::Get, "prod/db") { "may" } else { "may not" };
    let who = &caller.principal;
    format!("{}@{} {} {may}", who.user, who.hostname, who.tags.join(","))
}

/// Serves until the answer's second part is dropped.
pub(crate) async fn serve(identities: Identities, tls: Option<Tls>) -> (SocketAddr, Drain) {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.address();
    let (drain, drained) = Drain::new();
    let routes = Arc::new(Echo(Arc::new(identities)));
    let limits = Limits { connections: 100 };
    tokio::spawn(listener.serve(routes, tls.map(Arc::new), limits, Arc::new(()), drained));
    (address, drain)
}
