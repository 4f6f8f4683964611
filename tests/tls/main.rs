//! AWS KMS reached as in production: at the address the AWS SDK works out itself, through a proxy and
//! TLS, with certificates that are trusted, or are not.
//!
//! No test leaves this machine: whatever host is asked for, the proxy leads to a stub.
#![cfg(all(unix, feature = "aws"))]

mod certificates;
mod failures;
#[path = "../interop/http.rs"]
mod http;
mod program;
mod route;
mod success;
