//! The other end.

pub(crate) mod certificates;
pub(crate) mod fake;
// The examples of the documentation include it where its items have to be public.
#[allow(unreachable_pub)]
pub(crate) mod setec;

use std::time::Duration;

use secretary_setec_client::{Client, Settings};

/// A client that gives up soon.
pub(crate) fn client(url: &str) -> Client {
    Client::new(&settings(url)).expect("settings")
}

pub(crate) fn settings(url: &str) -> Settings {
    Settings { timeout: Duration::from_secs(5), max_answer: 1 << 20, ..Settings::new(url) }
}
