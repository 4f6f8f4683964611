//! The client and the daemon over real sockets, with somebody between them, with the wrong thing at the other end, and with
//! upstreams of every kind.
//!
//! | module | what it tries |
//! |---|---|
//! | [`support`] | workloads and their daemon; servers that answer as they are told to |
//! | [`attacks`] | a man in the middle of a new client and a new daemon, ten thousand times |
//! | [`replays`] | requests that were recorded, sent to the daemon again |
//! | [`mixed`] | old clients and new daemons, new clients and old ones |
//! | [`client`], [`batches`], [`retries`] | what the client does with whatever answers it |
//! | [`server`], [`smuggling`] | what the daemon does with bytes that are no request, or more than one |
//! | [`upstreams`] | redirects, passwords, certificates, dead ones, equal questions |

mod attacks;
mod batches;
mod client;
mod mixed;
mod replays;
mod retries;
mod server;
mod smuggling;
mod support;
mod upstreams;
