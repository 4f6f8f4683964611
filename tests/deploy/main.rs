//! The files of `deploy/` do what they say: their words are ones that the program knows, the daemon starts as its unit and
//! as Puppet start it, and the services get their secrets as they are defined.
#![cfg(all(target_os = "linux", feature = "daemon"))]

#[cfg(feature = "agent")]
mod agent;
mod cluster;
mod daemon;
mod example;
mod puppet;
mod root;
#[cfg(all(feature = "server", feature = "setec"))]
mod server;
mod systemd;
mod unit;
mod words;
