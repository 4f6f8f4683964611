//! The daemon and its client, each as the real program on real sockets, against what the Go program was
//! recorded doing.
//!
//! Every recorded request is sent to our daemon, byte by byte, and our client is run as the old one was,
//! against our daemon and against the same bad daemons. Each answers exactly what the Go program answered,
//! or stands in a table of differences with what is answered instead and why.
//!
//! | module | what it knows |
//! |---|---|
//! | [`recorded`] | reading the cases of `go-daemon.json` |
//! | [`surroundings`] | Marathon, Mesos and AWS KMS of a case |
//! | [`daemon`] | running the daemon |
//! | [`exchange`] | one request as bytes, and its answer |
//! | [`outcome`] | what is answered, and judging it |
//! | [`differences`] | where the daemon answers otherwise than the Go program |
//! | [`old_clients`], [`our_client`] | the cases, by who asks |
//! | [`bad_daemons`] | the cases of `go-client.json` |
//! | [`tls`] | which versions of TLS, and which files |
#![cfg(all(unix, feature = "aws", feature = "daemon"))]

mod bad_daemons;
mod client_certificate;
mod daemon;
mod differences;
mod exchange;
mod old_clients;
mod our_client;
mod outcome;
mod recorded;
mod surroundings;
mod tls;

#[path = "../interop/http.rs"]
#[allow(dead_code, reason = "tests/interop looks at whole requests")]
mod http;
#[path = "../interop/kms_stub.rs"]
mod kms_stub;
#[path = "../interop/program.rs"]
#[allow(dead_code, reason = "tests/interop has more ways to run it")]
mod program;
#[path = "../interop/vectors.rs"]
#[allow(dead_code, reason = "tests/interop reads more kinds of files")]
mod vectors;
