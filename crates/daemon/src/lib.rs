//! The decryption daemon and its client, with the protocol of the Go program `secretary`.
//!
//! | module | what it knows |
//! |---|---|
//! | [`form`] | the form that a request is |
//! | [`claim`], [`id`], [`version`] | what a caller says it is |
//! | [`workload`], [`token_id`] | what the cluster says of it, and which tokens that grants |
//! | [`orchestrator`] | asking Marathon, Mesos, or a file |
//! | [`refusal`] | why a request is not answered |
//! | [`flights`] | equal questions at once, asked once |
//! | [`freshness`] | requests that are old or were here before |
//! | [`rate`] | how often an app may ask |
//! | [`metrics`] | numbers for Prometheus |
//!
//! A request goes one way: a [`claim::Claim`] by whoever calls, the [`workload::Workload`] that the cluster
//! knows by that name, the request that opens with that workload's key, and
//! [`workload::Granted`], without which nothing is opened.

pub mod audit;
pub mod channel;
pub mod claim;
pub mod client;
pub mod cluster;
pub mod flights;
pub mod form;
pub mod freshness;
pub mod id;
mod json;
pub mod key_service;
pub mod metrics;
mod open;
pub mod orchestrator;
pub mod protocol;
pub mod rate;
pub mod refusal;
pub mod server;
pub mod service;
pub mod token_id;
pub mod upstream;
pub mod version;
pub mod workload;

pub use secretary_transport::{Obstacle, tls};
