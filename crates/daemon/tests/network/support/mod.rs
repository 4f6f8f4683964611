//! What the tests have in common: workloads and their daemon, servers that answer as they are told to, and numbers that
//! come again with their seed.

mod fake;
mod peer;
mod random;
mod raw;
mod world;

pub(crate) use fake::{Fake, Received, Reply, Send};
pub(crate) use peer::Peer;
pub(crate) use random::Random;
pub(crate) use raw::{Answers, Raw, exchange};
pub(crate) use world::{App, Daemon, Sealed, Setup, VERSION, World};
