//! The secrets server as a process: the built program, asked over HTTP.
#![cfg(all(unix, feature = "server"))]

#[cfg(feature = "aws")]
mod kms;
mod program;
