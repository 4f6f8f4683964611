//! `secretary secret` as the real program against a server that speaks setec's API.
//!
//! | module | what it knows |
//! |---|---|
//! | [`server`] | starting a server: the one place to put another one in |
//! | [`policed`] | the same over TLS, with a policy and callers with tokens |
//! | [`program`] | running the program |
//! | [`outcomes`] | a table: each command when it succeeds, finds nothing, may not, and reaches nobody |
//! | [`values`] | a table: what `put` and `create-version` make of files and standard input |
//! | [`typed`] | the same of what is typed at a terminal |
//! | [`confirmations`] | tokens that confirm a deletion |
//! | [`callers`] | whom is asked, and as whom |
//! | [`usage`] | help, mistakes in typing, and the codes to leave with |
#![cfg(all(unix, feature = "server", feature = "setec"))]

mod callers;
mod confirmations;
mod outcomes;
mod policed;
mod program;
mod server;
mod typed;
mod usage;
mod values;

#[path = "../server/certificates.rs"]
#[allow(dead_code, reason = "the server's own tests have callers with certificates")]
mod authority;
#[path = "../../crates/setec-client/tests/network/support/certificates.rs"]
#[allow(dead_code, reason = "the client's own tests have more certificates")]
mod certificates;
#[path = "../../crates/setec-client/tests/network/support/fake.rs"]
#[allow(dead_code, reason = "the client's own tests have more faults")]
mod fake;
#[path = "../../crates/setec-client/tests/network/support/setec.rs"]
#[allow(dead_code, unreachable_pub, reason = "the client's own tests count connections")]
mod setec;
