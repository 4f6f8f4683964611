//! Callers over real connections: a tailscaled that answers as the real one does or fails, and certificates that are
//! good and bad, through the server's own TLS.

#![allow(clippy::unwrap_used)]

mod certificates;
mod server;
#[cfg(unix)]
mod tailscale;
