//! The other end.

use crate::fake::{Fake, Reply};
use crate::setec::Setec;

/// A server on which everybody may do everything. It ends when this is dropped.
pub(crate) struct Server(Setec);

impl Server {
    /// One without any secrets.
    pub(crate) fn start() -> Self {
        Self(Setec::start())
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }
}

/// A server that takes names with control characters in them for new secrets, as setec does.
pub(crate) fn with_any_name() -> Setec {
    Setec::start()
}

/// A server on which nobody may do anything.
pub(crate) fn denying() -> Fake {
    Fake::start(Reply::new(403, "access denied\n"))
}

/// Where nobody listens.
pub(crate) const NOBODY: &str = "http://127.0.0.1:1";
